"""From what workers say to what Slack shows. Where a result goes, the signed record alone decides."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from bot.did_you_mean import Meant
from bot.failpoints import failpoint
from bot.jobs.queue import StoreDown
from bot.jobs.wire import (
    Began,
    Checked,
    Ended,
    Event,
    Expired,
    Held,
    Late,
    Probed,
    Progressed,
    Refused,
    ShowOrder,
    Uploaded,
    Waits,
)
from bot.slack import doubt, render, shown
from bot.slack.blocks import Message
from bot.slack.client import Clock
from bot.slack.needs import Approvals, Budgets, Doubts, HeldJobs, Jobs, LoginChanges, Views
from bot.slack.outbox import OrderUpload, Outbox, address_key
from bot.slack.parent import Revision, passing, pausing, waiting_for
from bot.slack.running import live, running
from bot.store.outbox import Entry, File, Kind, Stream
from bot.store.records import RequestRecord
from handlers.faults import Fault, Reason

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
LIVE_SECONDS = 3.0
"""The least time between two edits of what a running job shows."""

UploadTicket = Callable[[RequestRecord, str, str, File], Awaitable[None]]
"""Queues the upload of a stored output: record, upload id, address (to be sealed), which output."""


def upload_orders(jobs: Jobs, ticket: UploadTicket) -> OrderUpload:
    """What the outbox calls once it has an address for a job's output."""

    async def order(job_id: str, upload_id: str, url: str, file: File) -> None:
        record = await jobs.request(job_id)
        if record is None:
            log.warning("upload of an unknown job dropped", job_id=job_id)
            return
        await ticket(record, upload_id, url, file)

    return order


DecideAnew = Callable[[RequestRecord, Late], Awaitable[str]]
"""What is done with a job that came too late: see :meth:`bot.again.Again.late`."""


class Reporter:
    """Turns events into records of the audit, then into outbox entries.

    ``recorded`` returns once the audit has the events, which may come twice; ``parent_delay`` is in
    seconds, see the settings. ``meant`` says what else a name may have been meant for. ``on_event`` is told
    of every event of a known job once its messages are in the outbox.
    """

    def __init__(
        self,
        *,
        jobs: Jobs,
        outbox: Outbox,
        clock: Clock,
        parent_delay: float,
        recorded: Callable[[tuple[Event, ...]], Awaitable[None]],
        displays: Views,
        meant: Callable[[RequestRecord], Awaitable[Meant | None]],
        on_event: Callable[[Event], None],
        logins: LoginChanges,
        decide_anew: DecideAnew,
        doubts: Doubts,
        approvals: Approvals,
        held: HeldJobs,
        budgets: Budgets,
    ) -> None:
        self._jobs = jobs
        self._outbox = outbox
        self._clock = clock
        self._parent_delay = parent_delay
        self._recorded = recorded
        self._displays = displays
        self._meant = meant
        self._on_event = on_event
        self._logins = logins
        self._decide_anew = decide_anew
        self._doubts = doubts
        self._approvals = approvals
        self._budgets = budgets
        self._held = held
        self._quick: dict[str, Began | None] = {}
        """Jobs accepted here less than ``parent_delay`` ago, with what was heard of them."""
        self._due: deque[tuple[float, str]] = deque()
        """When each of them has to be told of, in order."""

    def accepted(self, job_id: str) -> None:
        """A line has become a job: if it lasts, its parent message has to appear. Returns at once."""
        self._quick[job_id] = None
        self._due.append((self._clock.now() + self._parent_delay, job_id))
        if len(self._due) == 1:
            self._outbox.soon(self._tell_of_late_ones())

    async def run(self, consumer: str) -> None:
        """Handles events for ever; an event leaves the store once its messages are in the outbox."""
        async for entry_id, event in self._jobs.events(consumer):
            while not await self._dealt_with(entry_id, event):  # noqa: ASYNC110 - until the store is back
                await asyncio.sleep(RETRY_SECONDS)

    async def _dealt_with(self, entry_id: bytes, event: Event) -> bool:
        try:
            try:
                await self.handle(event)
            except Fault:
                raise
            except Exception:
                # It would fail the same way for ever, and hold up everybody's results.
                log.exception("event dropped", job_id=event.job_id, kind=event.kind)
            failpoint("event shown")
            await self._jobs.ack_event(entry_id)
            failpoint("event acknowledged")
        except Fault as error:
            log.warning("event kept: store down", job_id=event.job_id, error=type(error).__name__)
            return False
        return True

    async def handle(self, event: Event) -> None:
        """One event; raises StoreDown, and is then to be handled again."""
        with structlog.contextvars.bound_contextvars(job_id=event.job_id):
            await self._handle(event)

    async def _handle(self, event: Event) -> None:
        failpoint("event heard")
        if isinstance(event, Began) and event.job_id in self._quick:
            await self._recorded((event,))
            self._quick[event.job_id] = event  # most jobs end before anybody has to be told of this
            return
        if isinstance(event, Probed):
            await self._approvals.probed(event)
            self._on_event(event)
            return
        record = await self._jobs.request(event.job_id)
        if record is None:
            # What the bot orders by itself begins without one.
            tell = log.debug if isinstance(event, Began) else log.warning
            tell("event of an unknown job dropped", job_id=event.job_id, kind=event.kind)
            return
        if isinstance(event, Ended):
            # Both are sent at once, this one first; the event stays in the store until it has taken both.
            await asyncio.gather(self._recorded((event,)), self._show(record, event))
        else:
            await self._recorded((event,))
            await self._show(record, event)
        if isinstance(event, Ended | Refused | Late | Held | Expired):
            self._quick.pop(event.job_id, None)
            log.info("job told", job_id=event.job_id, how=event.kind)
            if record.command in {"login", "logout"}:
                well = isinstance(event, Ended) and event.result.exit_code == 0
                await self._logins.settle(event.job_id, well=well)
        self._on_event(event)

    async def _show(self, record: RequestRecord, event: Event) -> None:
        match event:
            case Began():
                await self._running(record, event)
            case Progressed():
                await self._progressed(record, changed=False)
            case Waits(behind=ahead, number=number):
                revision = waiting_for(number)
                waiting = render.behind(record, ahead, await self._jobs.request(ahead), revision)
                await self._parent(record, waiting, revision)
            case Refused() | Late() | Held() | Expired():
                await self._not_run(record, event)
            case Ended() if record.page is not None:
                await self._page(record, record.page, event)
            case Ended():
                await self._ended(record, event)
            case Uploaded():
                await self._uploaded(record, event)
            case Checked():
                if await self._doubts.checked(event):
                    await self._progressed(record, changed=True)

    async def _not_run(self, record: RequestRecord, event: Refused | Late | Held | Expired) -> None:
        match event:
            case Refused(refusal=refusal):
                await self._parent(record, render.refused(record, refusal), Revision.ENDED)
            case Late():
                await self._late(record, event)
            case Held():
                await self._holds(record, event)
            case Expired():
                await self._parent(record, render.expired(record), Revision.ENDED)

    async def _holds(self, record: RequestRecord, event: Held) -> None:
        """Kept until what holds it is gone, or refused."""
        try:
            hold = await self._held.keep(record, event)
        except StoreDown:
            raise
        except Fault as fault:
            await self._parent(record, render.not_again(record, fault), Revision.ENDED)
            return
        if hold is not None:
            revision = pausing(record.accepted_at, self._clock.now())
            await self._parent(record, render.held(record, hold, revision), revision)

    async def released(self, record: RequestRecord, ticket: str) -> bool:
        """Nothing holds the job of this ticket any more: whether it is queued again. Raises StoreDown."""
        event = Late(job_id=record.job_id, worker="", ticket=ticket, at=self._clock.now())
        with structlog.contextvars.bound_contextvars(job_id=record.job_id):
            queued = await self._late(record, event)
        if queued:
            revision = pausing(record.accepted_at, self._clock.now())
            await self._parent(record, render.freed(record, revision), revision)
        return queued

    async def _late(self, record: RequestRecord, event: Late) -> bool:
        """Decided anew, asked about, or refused; whether it is queued again."""
        try:
            yes = await self._decide_anew(record, event)
        except StoreDown:
            raise
        except Fault as fault:
            await self._parent(record, render.not_again(record, fault), Revision.ENDED)
            return False
        if yes:
            now = self._clock.now()
            waited, revision = now - record.accepted_at, pausing(record.accepted_at, now)
            await self._parent(record, render.still_wanted(record, waited, yes, revision), revision)
        return not yes

    async def _tell_of_late_ones(self) -> None:
        while self._due:
            at, job_id = self._due[0]
            if job_id in self._quick:
                await self._clock.sleep(at - self._clock.now())
            while job_id in self._quick:
                began = self._quick.pop(job_id)
                try:
                    await self._expect(job_id, began)
                except Fault:  # the store is down
                    self._quick[job_id] = began
                    await self._clock.sleep(RETRY_SECONDS)
            self._due.popleft()

    async def _expect(self, job_id: str, began: Began | None) -> None:
        record = await self._jobs.request(job_id)
        if record is None:
            return
        if began:
            await self._running(record, began)
        else:
            await self._parent(record, render.waiting(record), Revision.WAITING)

    async def refresh(self, job_id: str) -> None:
        """Somebody changed how a job is shown: one that runs, or one whose outcome is not sure."""
        record = await self._jobs.request(job_id)
        if record is not None:
            await self._progressed(record, changed=True)

    async def run_again(self, job_id: str, new_job_id: str) -> None:
        """The line of a job whose outcome is not sure has become another job."""
        await self._doubts.run_again(job_id, new_job_id)
        await self.refresh(job_id)

    async def _running(self, record: RequestRecord, began: Began) -> None:
        after = record.accepted_at + self._parent_delay
        await self._parent(record, running(record, began.at), Revision.RUNNING, after=after)

    async def _progressed(self, record: RequestRecord, *, changed: bool) -> None:
        display, progress = await self._displays.read(record.job_id)
        if display.doubt is not None:
            revision = self._after_end()
            await self._parent(record, doubt.looked(record, display.doubt, revision), revision)
            return
        if progress is None or (display.paused and not changed):
            return
        revision = passing(record.accepted_at, self._clock.now())
        entry = self._entry(
            record, record.job_id, Kind.SHOW, live(record, progress, display, revision), revision
        )
        spacing = 0.0 if changed else LIVE_SECONDS
        await self._outbox.put(entry.model_copy(update={"spacing": spacing}))

    async def _page(self, record: RequestRecord, order: ShowOrder, event: Ended) -> None:
        # Later pages in the same message are later revisions of it, whoever asked for them.
        revision = self._after_end()
        message = shown.page(record, order, event.result, revision)
        entries = [self._entry(record, _key(record), Kind.SHOW, message, revision)]
        found = event.result.page
        if order.whole and found and found.total_bytes:
            name = render.filename(record, order.stream)
            file = File(name=name, stream=order.stream, length=found.total_bytes)
            entries.append(self._address(record, file))
        await self._outbox.put(*entries)

    async def _ended(self, record: RequestRecord, event: Ended) -> None:
        stopped_by = ""
        if event.result.reason == Reason.CANCELLED:
            display, _ = await self._displays.read(record.job_id)
            stopped_by = display.stopped_by
        meant = await self._meant(record) if event.result.reason == Reason.NOT_FOUND else None
        unsure = await self._doubts.ended(record, event)
        if record.budget:
            await self._budgets.refused(record.budget, event.result.reason)
        elif event.result.reason == Reason.MOVED:
            await self._approvals.moved(record.job_id, event.result.stderr.text)
        ending = render.ended(record, event.result, stopped_by, meant, unsure)
        entries = [self._entry(record, record.job_id, Kind.SHOW, ending.parent, Revision.ENDED)]
        for number, reply in enumerate(ending.replies):
            entries.append(self._reply(record, f"1.out{number}", Kind.SHOW, reply))
        outputs: dict[Stream, int] = {
            "stdout": event.result.stdout.total_bytes,
            "stderr": event.result.stderr.total_bytes,
        }
        for stream in ending.attach:
            file = File(name=render.filename(record, stream), stream=stream, length=outputs[stream])
            entries.append(self._address(record, file))
        await self._outbox.put(*entries)

    async def _uploaded(self, record: RequestRecord, event: Uploaded) -> None:
        # Which upload belongs to which job is the bot's own knowledge, not the event's.
        for stream in render.STREAMS:
            sent = await self._outbox.expected(record.job_id, event.upload_id, stream)
            if sent is None:
                continue
            name = f"2.file.{stream}"
            if event.ok:
                await self._outbox.put(self._reply(record, name, Kind.ATTACH, file=sent.file))
            else:
                failed = render.not_attached(record.job_id, event.error)
                await self._outbox.put(self._reply(record, name, Kind.SHOW, failed))
            return
        log.warning("unknown upload dropped", job_id=record.job_id)

    async def _parent(
        self, record: RequestRecord, message: Message, revision: int, *, after: float = 0.0
    ) -> None:
        if record.instead and revision < Revision.ENDED:
            return  # the page that is there stays until the next one
        if record.instead:
            revision = self._after_end()
        await self._outbox.put(self._entry(record, _key(record), Kind.SHOW, message, revision), after=after)

    def _after_end(self) -> int:
        return Revision.ENDED + int(self._clock.now() * 1000)

    def _address(self, record: RequestRecord, file: File) -> Entry:
        entry = self._reply(record, "", Kind.ADDRESS, file=file)
        return entry.model_copy(update={"key": address_key(record.job_id, file.stream)})

    def _reply(
        self,
        record: RequestRecord,
        name: str,
        kind: Kind,
        message: Message = Message(text=""),  # noqa: B008 - frozen
        file: File | None = None,
    ) -> Entry:
        entry = self._entry(record, f"{record.job_id}/{name}", kind, message, 1)
        under = "" if record.thread_ts else record.under or _key(record)
        return entry.model_copy(update={"under": under, "file": file})

    def _entry(self, record: RequestRecord, key: str, kind: Kind, message: Message, revision: int) -> Entry:
        return Entry(
            key=key,
            kind=kind,
            job_id=record.job_id,
            channel_id=record.channel_id,
            user_id=record.user_id,
            thread_ts=record.thread_ts,
            under=record.under,
            message=message,
            revision=revision,
        )


def _key(record: RequestRecord) -> str:
    """The key of the message that shows a job."""
    return record.instead or record.job_id
