"""What the bot asks after every decision that lets something run: is it held?"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.store.kept_locks import KeptLocks
from handlers.faults import Denied, Reason
from permissions.decision import Allow, NeedsApproval
from permissions.holds import Hold, can_be_held, excepting, held
from permissions.operation import Operation, Principal
from permissions.policy import Policy


@dataclass(frozen=True)
class NotNow:
    """Asks it of the locks in the store and the freezes of the policy. ``clock`` is epoch seconds."""

    locks: KeptLocks
    clock: Callable[[], float]

    async def hold(self, policy: Policy, principal: Principal, operation: Operation) -> Hold | None:
        """What it has to wait for; None also where only the worker can tell. Raises StoreDown."""
        if not can_be_held(operation):
            return None
        locks = await self.locks.in_force()
        return held(policy, locks, principal, operation, self.clock())

    async def passed(
        self, policy: Policy, principal: Principal, operation: Operation, decision: Allow | NeedsApproval
    ) -> Allow | NeedsApproval:
        """The decision, and who has to agree to an exception.

        Raises Denied where it has to wait, StoreDown.
        """
        hold = await self.hold(policy, principal, operation)
        if hold is None:
            return decision
        if hold.lock:
            raise Denied(hold.sentence, rule=f"lock {hold.lock}", hint=hold.hint, reason=Reason.LOCKED)
        asked = excepting(policy, decision, operation, self.clock())
        if asked is None:
            raise Denied(hold.sentence, rule=f"freeze {hold.freeze}", hint=hold.hint, reason=Reason.FROZEN)
        return asked
