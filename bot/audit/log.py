"""The chainer: the one bot that moves the audit's intake to disk, by lease.

Read, write and sync, checkpoint, trim: a crash between any two of them loses nothing, because the intake
is trimmed last, and repeats nothing, because the chain knows what it holds.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import structlog

from bot.audit.segments import AuditBusy, AuditDamaged, ChainFile, Signs
from bot.jobs.queue import StoreDown
from bot.store.audit import LEASE_MS, AuditQueue, Head, Taken
from permissions.audit import CHAIN, ENTRY, Entry, IntakeRefused, Resumed
from permissions.audit_chain import Checkpoint, Signed
from permissions.audit_verify import CHECKPOINT_RECORDS

log = structlog.get_logger(__name__)

BATCH = CHECKPOINT_RECORDS
CHECKPOINT_SECONDS = 10.0
"""How old a record gets before a checkpoint covers it, unless CHECKPOINT_RECORDS come sooner."""

PAUSE_SECONDS = 0.2
"""Between two batches: what comes meanwhile shares a sync of the disk."""

RETRY_SECONDS = 1.0
POST_SECONDS = 3600.0
"""How often a checkpoint is told to whoever watches."""

Post = Callable[[Checkpoint], Awaitable[None]]
T = TypeVar("T")


class Chainer:
    """Runs beside a bot for ever; of several bots one chains.

    ``signed`` knows the bot's public keys, ``clock`` is epoch seconds, ``post`` tells a checkpoint where
    it cannot be taken back, such as a channel.
    """

    def __init__(
        self,
        queue: AuditQueue,
        folder: Path,
        keys: Signs,
        signed: Signed,
        clock: Callable[[], float],
        post: Post | None = None,
    ) -> None:
        self._queue = queue
        self._folder = folder
        self._keys = keys
        self._signed = signed
        self._clock = clock
        self._post = post
        self._posted_at = 0.0
        self._held_at = 0.0
        self._chain: ChainFile | None = None
        # One thread, so that nothing is written while the file is being closed.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")

    async def run(self) -> None:
        """Chains what comes, whenever this bot holds the lease."""
        task = asyncio.current_task()
        while not (task and task.cancelling()):  # noqa: ASYNC110 - the pace is ours
            await asyncio.sleep(PAUSE_SECONDS if await self.attempt() else RETRY_SECONDS)

    async def attempt(self) -> bool:
        """One step, if this bot is the chainer; False when there is no use in hurrying."""
        try:
            if not await self.hold():
                return False
            await self.step()
        except StoreDown:
            log.warning("audit intake does not answer")
            return False
        except AuditBusy:
            return False
        except (AuditDamaged, OSError) as error:
            sentence = "audit cannot be written: changes are refused until it can"
            log.error(sentence, error=str(error))  # noqa: TRY400 - no bug of ours
            await self._close()
            return False
        return True

    async def hold(self) -> bool:
        """Takes or keeps the lease; without it the folder is let go."""
        now = self._clock()
        if self._chain is not None and 0 <= now - self._held_at < LEASE_MS / 3000:
            return True
        if await self._queue.hold():
            self._held_at = now
            return True
        await self._close()
        return False

    async def step(self, *, wait: bool = True) -> int:
        """Moves one batch, and signs a checkpoint where one is due; how many entries there were."""
        chain = self._chain
        if chain is None:
            chain = self._chain = await self._open()
        taken = await self._queue.read(BATCH, wait=wait)
        if taken:
            await self._on_disk(chain.append, self._entries(taken), self._clock())
        await self._checkpoint(chain, due=not wait and not taken)
        if taken:
            head = Head(seq=chain.seq, hash=chain.hash)
            if not await self._queue.trim([one.id for one in taken], head):
                log.warning("audit lease lost")
                await self._close()
        return len(taken)

    async def stop(self) -> None:
        """Chains what is left, signs for it, and lets folder and lease go."""
        try:
            if await self.hold():
                while await self.step(wait=False):
                    pass
        except (StoreDown, AuditBusy, AuditDamaged, OSError) as error:
            log.warning("audit left for the next start", error=type(error).__name__)
        await self._close()
        try:
            await self._queue.release()
        except StoreDown:
            log.warning("audit lease not released")
        self._disk.shutdown()

    def _entries(self, taken: list[Taken]) -> list[tuple[bytes, Entry]]:
        refused = [one for one in taken if one.entry is None]
        entries = [(one.text, one.entry) for one in taken if one.entry is not None]
        if not refused:
            return entries
        log.error("audit intake was tampered with", entries=len(refused), first=refused[0].id.decode())
        what = IntakeRefused(
            entries=len(refused),
            first=refused[0].id.decode(),
            sha256=hashlib.sha256(refused[0].text).hexdigest(),
        )
        entry = Entry(source=CHAIN, number=0, at=self._clock(), what=what)
        return [*entries, (ENTRY.dump_json(entry), entry)]

    async def _open(self) -> ChainFile:
        """Opens the folder, and compares it with what this installation had chained."""
        head, waiting = await self._queue.head(), await self._queue.read(2 * BATCH, wait=False)
        chain = await self._on_disk(ChainFile, self._folder, self._keys, self._signed, self._clock())
        try:
            if head is not None and not _continues(chain, head, waiting):
                log.error("the audit folder is not as it was left", had=head.seq, has=chain.seq)
                await self._on_disk(chain.note, Resumed(seq=head.seq, hash=head.hash), self._clock())
            await self._on_disk(chain.sign_checkpoint, self._clock())
        except BaseException:
            await self._on_disk(chain.close)
            raise
        return chain

    async def _checkpoint(self, chain: ChainFile, *, due: bool) -> None:
        now = self._clock()
        late = now - chain.checkpoint.at >= CHECKPOINT_SECONDS
        if due or late or chain.seq - chain.checkpoint.seq >= CHECKPOINT_RECORDS:
            made: Checkpoint | None = await self._on_disk(chain.sign_checkpoint, now)
            if made and self._post and now - self._posted_at >= POST_SECONDS:
                await self._post(made)
                self._posted_at = now

    async def _close(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            await self._on_disk(chain.close)

    async def _on_disk(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *args)


def _continues(chain: ChainFile, head: Head, waiting: list[Taken]) -> bool:
    """Whether the chain holds the last record that was chained, and after it only what still waits."""
    after = [line for line in chain.tail if line.seq > head.seq and line.source != CHAIN]
    here = {(one.entry.source, one.entry.number) for one in waiting if one.entry}
    if any((line.source, line.number) not in here for line in after):
        return False
    if head.seq <= chain.checkpoint.seq:
        return True
    return any(line.seq == head.seq and line.hash == head.hash for line in chain.tail)
