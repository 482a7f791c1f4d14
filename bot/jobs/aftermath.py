"""What becomes of the jobs of a worker that died: reads run again, changes are looked at and told.

Nothing here runs a change. What the store says of an orphan is not believed: only a ticket that the bot
signed is looked into, and whether it began is known from the journal on this worker's own disk.
"""

import queue
import threading
import time
from collections.abc import Callable

import structlog

from bot.failpoints import failpoint
from bot.jobs.host_queue import HostQueue, Orphan
from bot.jobs.journal import KEPT_SECONDS, Journal
from bot.jobs.wire import Ended, Event, Late, Result, Tail
from bot.trust import TicketRefused
from handlers.context import Engine
from handlers.faults import Reason, Unreachable
from handlers.grammar.command import Command
from handlers.outcome import Begun, Finding, Verdict
from permissions.ticket import Claims, Effect

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""How often a read is begun before we say that it does not survive."""

LOOK_SECONDS = 5.0
"""How long the engine may take to tell of one change's objects."""

STOPPED = "The worker stopped while it ran this."
NEVER_BEGUN = "The worker stopped before it began this. Nothing was run."
NOBODY_KNOWS = "The worker stopped while it ran this; what happened is not known."
GIVEN_UP = f"The worker stopped {ATTEMPTS} times while it ran this; it is not tried again."
RUN_AGAIN = "If you still want it, run it again."
LOOK_FIRST = "Look at the target before you run it again: docker inspect, or docker container ls -a."

_REASONS = {Verdict.NOT_DONE: Reason.NOT_DONE, Verdict.UNKNOWN: Reason.OUTCOME_UNKNOWN}


class Aftermath:
    """Settles the orphans of a host. ``verified`` and ``opened`` make claims and command of a ticket.

    ``disk`` is in the id of every worker that ever used this journal.
    """

    def __init__(
        self,
        queue: HostQueue,
        *,
        disk: str,
        journal: Journal,
        engine: Engine,
        verified: Callable[[str, str], Claims],
        opened: Callable[[Claims], Command],
    ) -> None:
        self._queue = queue
        self._disk = disk
        self._journal = journal
        self._engine = engine
        self._verified = verified
        self._opened = opened

    def settle(self, orphan: Orphan) -> None:
        """Lets a read run again, tells of a change; an engine that is away is asked again the next time."""
        failpoint("orphan seen")
        if (orphan.effect == Effect.READ and orphan.attempt < ATTEMPTS) or self._never_heard_of(orphan):
            state = self._queue.run_again(orphan)
            if state != "gone":
                log.warning("orphan runs again", job_id=orphan.job_id, state=state)
                return
        try:
            event = self._event(orphan)
        except Unreachable:
            log.warning("orphan not looked at: the engine is away", job_id=orphan.job_id)
            return
        state = self._queue.settle(orphan, event)
        failpoint("orphan told")
        told = event.result.reason if isinstance(event, Ended) else event.kind
        log.warning("orphan told", job_id=orphan.job_id, told=told or "done", state=state)

    def _event(self, orphan: Orphan) -> Event:
        if orphan.effect == Effect.READ:
            return self._ended(orphan, Reason.OUTCOME_UNKNOWN, GIVEN_UP)
        try:
            claims = self._verified(orphan.ticket, orphan.job_id)
            begun = self._journal.begun(claims.nonce)
            if begun is None and self._never_began(orphan, claims):
                return self._not_begun(orphan, claims)
            command = self._opened(claims)
        except TicketRefused as refused:
            log.warning("orphan with a bad ticket", job_id=orphan.job_id, refusal=refused.refusal.value)
            return self._ended(orphan, Reason.OUTCOME_UNKNOWN, NOBODY_KNOWS, hint=LOOK_FIRST)
        return self._told(orphan, self._look(orphan, command, begun or Begun(since=orphan.at)))

    def _look(self, orphan: Orphan, command: Command, begun: Begun) -> tuple[Finding, ...]:
        """What was seen of the change's objects, nothing where the engine does not tell; raises Unreachable.

        An engine can answer all others and be silent about one object: nobody else's end waits for that.
        """
        seen: queue.SimpleQueue[tuple[Finding, ...] | Exception] = queue.SimpleQueue()

        def look() -> None:
            try:
                seen.put(command.outcome(self._engine, begun))
            except Exception as error:  # noqa: BLE001 - whatever it is, the orphan has to be told of
                seen.put(error)

        threading.Thread(target=look, name="worker-look", daemon=True).start()
        try:
            found = seen.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            found = TimeoutError()
        if isinstance(found, Unreachable):
            raise found
        if isinstance(found, Exception):
            log.warning("orphan cannot be looked at", job_id=orphan.job_id, error=type(found).__name__)
            return ()
        return found

    def _never_heard_of(self, orphan: Orphan) -> bool:
        """Whether the reply to our own claim was lost: this worker lives and never began the job."""
        if not orphan.token.startswith(f"{self._queue.worker_id}/"):
            return False
        try:
            claims = self._verified(orphan.ticket, orphan.job_id)
        except TicketRefused:
            return False
        return self._journal.begun(claims.nonce) is None and self._never_began(orphan, claims)

    def _never_began(self, orphan: Orphan, claims: Claims) -> bool:
        """Whether the journal would know the nonce: it is that worker's, and forgets later than this."""
        ours = orphan.token.startswith(f"{self._disk}:")
        return ours and time.time() < claims.issued_at + KEPT_SECONDS

    def _not_begun(self, orphan: Orphan, claims: Claims) -> Event:
        if time.time() > claims.not_after:
            return Late(
                job_id=orphan.job_id, worker=self._queue.worker_id, ticket=orphan.ticket, at=time.time()
            )
        return self._ended(orphan, Reason.NOT_DONE, NEVER_BEGUN, hint=RUN_AGAIN)

    def _told(self, orphan: Orphan, found: tuple[Finding, ...]) -> Event:
        if not found:
            return self._ended(orphan, Reason.OUTCOME_UNKNOWN, NOBODY_KNOWS, hint=LOOK_FIRST)
        reason, lines = judged(found)
        text = f"{STOPPED}\n{lines}"
        if not reason:
            return self._ended(orphan, "", text, hint=f"{STOPPED} It was found done.")
        not_done = {one.verdict for one in found} == {Verdict.NOT_DONE}
        return self._ended(orphan, reason, text, hint=RUN_AGAIN if not_done else LOOK_FIRST)

    def _ended(self, orphan: Orphan, reason: str, text: str, *, hint: str = "") -> Ended:
        result = Result(
            exit_code=1 if reason else 0,
            reason=str(reason),
            hint=hint,
            stderr=Tail(
                text=f"{text}\n", total_bytes=len(text.encode()) + 1, total_lines=text.count("\n") + 1
            ),
            kept=False,
            began_at=orphan.at,
            ended_at=time.time(),
        )
        ticket = orphan.ticket if reason and orphan.effect == Effect.CHANGE else ""
        return Ended(job_id=orphan.job_id, worker=self._queue.worker_id, result=result, ticket=ticket)


def judged(found: tuple[Finding, ...]) -> tuple[str, str]:
    """The reason that a result would have, "" for done, and a line for each object that was looked at."""
    verdicts = {one.verdict for one in found}
    lines = "\n".join(f"{one.target}: {one.verdict}, {one.seen}" for one in found)
    if verdicts == {Verdict.DONE}:
        return "", lines
    worst = Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts or not found else Verdict.NOT_DONE
    return _REASONS[worst], lines
