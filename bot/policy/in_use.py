"""Which policy and which locks are in force: workers and the audit are told, a changed file is followed."""

import asyncio
import contextlib
import time

import structlog

from bot.jobs.queue import StoreDown
from bot.policy.file import PolicyError, PolicyHolder
from bot.store.audit import AuditIntake
from bot.store.kept_locks import KeptLocks
from bot.store.policy_bundles import BotBundles
from permissions.audit import PolicyInForce, PolicyRefused, What
from permissions.holds import Lock

log = structlog.get_logger(__name__)

POLICY_SECONDS = 2.0
"""How often the policy file is looked at."""

CONFIRM_SECONDS = 10.0
"""How often workers are told which policy is in force; without it for two minutes they run nothing."""


class PolicyInUse:
    """Follows the policy file; a wrong one is told once and changes nothing."""

    def __init__(
        self, holder: PolicyHolder, audit: AuditIntake, bundles: BotBundles, locks: KeptLocks
    ) -> None:
        self._holder = holder
        self._audit = audit
        self._bundles = bundles
        self._locks = locks
        self._confirmed: tuple[str, tuple[Lock, ...], float] = ("", (), 0.0)
        self._recorded = ""
        self._untold: list[What] = []

    async def tell(self) -> None:
        """Tells the workers, then the audit; whoever could not be told now is told the next time."""
        await self._confirm()
        await self._record()

    async def _record(self) -> None:
        """Tells the audit what is new, as soon as the store answers."""
        loaded = self._holder.current
        if loaded.sha256 != self._recorded:
            self._untold.append(PolicyInForce(file=loaded.path.name, old=self._recorded, new=loaded.sha256))
            self._recorded = loaded.sha256
        with contextlib.suppress(StoreDown):
            while self._untold:
                await self._audit.append(self._untold[0], bounded=False)
                del self._untold[0]

    async def _confirm(self) -> None:
        """Tells the workers what is in force: when it is new, and again before they doubt it."""
        try:
            sha256, locks, at = self._confirmed
            new = (self._holder.current.sha256, await self._locks.in_force()) != (sha256, locks)
            if (new or time.monotonic() - at >= CONFIRM_SECONDS) and not await self.confirm():
                log.error("another bot has put a newer policy in force; workers refuse this one's jobs")
        except StoreDown:
            log.warning("workers could not be told of the policy")

    async def confirm(self) -> bool:
        """Tells the workers now; False when another bot's newer policy stays. Raises StoreDown."""
        loaded, now = self._holder.current, time.monotonic()
        said: tuple[Lock, ...] = ()

        async def read() -> tuple[Lock, ...]:
            nonlocal said
            said = await self._locks.in_force()
            return said

        told = await self._bundles.publish(loaded.policy, loaded.serial, read)
        self._confirmed = (loaded.sha256, said, now)
        return told

    async def follow(self) -> None:
        """Puts a changed policy in force, for ever."""
        while True:
            await asyncio.sleep(POLICY_SECONDS)
            match await asyncio.to_thread(self._holder.reload_if_changed):
                case PolicyError() as error:
                    log.error("policy refused; the former one stays in force", mistakes=str(error))
                    current = self._holder.current
                    self._untold.append(
                        PolicyRefused(
                            file=current.path.name, in_force=current.sha256, mistakes=len(error.mistakes)
                        )
                    )
                case None:
                    pass
                case loaded:
                    log.info("policy in force", sha256=loaded.sha256)
            await self.tell()
