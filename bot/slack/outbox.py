"""The only thing that posts or edits: paced, in order, and never without a trace in the store.

A channel has one sender at a time among all bots, by a lease. What Slack refuses is made plainer, what
the channel refuses goes to the asker, what Slack could not answer is tried again.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.failpoints import failpoint
from bot.jobs.queue import StoreDown
from bot.slack.blocks import Message
from bot.slack.client import Clock, SlackTrouble, Trouble, call
from bot.slack.remedy import BACKOFF_SECONDS, NO_BLOCKS, GiveUp, Instead, remedy
from bot.store.outbox import Again, Entry, File, Kind, Next, OutboxStore, Outgoing, Over, Put, Sent, Wait
from handlers.faults import Fault

log = structlog.get_logger(__name__)

RENEW_SECONDS = 5.0
"""The longest an owner sleeps before it renews its lease."""
STOP_SECONDS = 5.0
SCAN_SECONDS = 2.0
"""How often channels that nobody sends to are looked for."""
OrderUpload = Callable[[str, str, str, File], Awaitable[None]]
"""Sends a job's stored output to an address: job id, upload id, address, which output and how much of it."""


@dataclass(eq=False)
class _Sender:
    """Who sends to one channel: ``handed`` is what the store gave out to it already."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    handed: deque[Next] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class Outbox:
    """What is put in is shown, in order; see the module. One per process, on one event loop."""

    def __init__(
        self, store: OutboxStore, client: AsyncWebClient, clock: Clock, order_upload: OrderUpload
    ) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._order_upload = order_upload
        self._senders: dict[str, _Sender] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._scan: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begins to send, also what an earlier process left behind."""
        self._scan = asyncio.create_task(self._look_for_work())

    async def stop(self) -> None:
        """Stops sending; what is left stays in the store for the next process.

        A call that is under way is waited for: nobody could tell later whether it came through.
        """
        self._stopping = True
        senders = [sender.task for sender in self._senders.values() if sender.task]
        for sender in self._senders.values():
            sender.woken.set()
        if senders:
            await asyncio.wait(senders, timeout=STOP_SECONDS)
        others = [*self._tasks, *senders, *filter(None, [self._scan])]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for channel_id in [*self._senders]:
            await self._guarded(self._store.release(channel_id, None, now=self._clock.now()))

    async def put(self, *entries: Entry, after: float = 0.0) -> None:
        """Keeps entries of one channel until they are shown, in order; raises StoreDown.

        None is shown before ``after`` (epoch seconds).
        """
        now = self._clock.now()
        taken = [one.model_copy(update={"made_at": now}) for one in entries]
        put, first = await self._store.put(*taken, now=now, after=after)
        if put in {Put.START, Put.MINE}:
            self._send_to(entries[0].channel_id, first)

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something beside, so that whoever waits for an acknowledgement does not wait for it."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def expected(self, job_id: str, file_id: str, stream: str) -> Sent | None:
        """The upload that was ordered for a job, if it is this one; raises StoreDown."""
        sent = await self._store.sent(address_key(job_id, stream))
        return sent if sent and sent.file and sent.file.file_id == file_id else None

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StoreDown as error:
            log.warning("outbox store does not answer", error=type(error).__name__)

    async def _look_for_work(self) -> None:
        while True:
            try:
                for channel_id in await self._store.waiting(self._clock.now()):
                    self._send_to(channel_id)
            except StoreDown as error:
                log.warning("outbox store does not answer", error=type(error).__name__)
            await self._clock.sleep(SCAN_SECONDS)

    def _send_to(self, channel_id: str, first: Next | None = None) -> None:
        """Wakes the channel's sender; there is never a second one, it would send everything twice."""
        sender = self._senders.get(channel_id)
        fresh = sender is None or sender.task is None or sender.task.done()
        if sender is None or fresh:
            sender = self._senders[channel_id] = _Sender()
        if first is not None:
            sender.handed.append(first)
        sender.woken.set()
        # One that stops gives back what it was handed.
        if fresh:
            sender.task = asyncio.create_task(self._send_all(channel_id, sender))

    async def _send_all(self, channel_id: str, sender: _Sender) -> None:
        """Sends to one channel until nothing is left, another bot does, or this one stops."""
        for failures in itertools.count():
            try:
                await self._drain(channel_id, sender)
            except StoreDown as error:
                # What was sent and not noted is found marked, and handled as ambiguous.
                log.warning("outbox store does not answer", error=type(error).__name__, failures=failures)
            else:
                break
            if self._stopping:
                break
            await self._clock.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
        if self._senders.get(channel_id) is sender:
            del self._senders[channel_id]

    async def _drain(self, channel_id: str, sender: _Sender) -> None:
        step, woken = None, sender.woken
        while not self._stopping:
            if step is None:
                woken.clear()
                if sender.handed:
                    step = sender.handed.popleft()
                else:
                    step = await self._store.take(channel_id, now=self._clock.now())
            match step:
                case Outgoing():
                    woken.clear()
                    step = await self._send(channel_id, step)
                case Wait(until=until):
                    step = None
                    await self._pause(woken, until - self._clock.now())
                case Over():
                    if not woken.is_set() and not sender.handed:
                        return
                    # Something was put while this answer was on its way.
                    step = None
        unsent = next((one for one in (step, *sender.handed) if isinstance(one, Outgoing)), None)
        await self._store.release(channel_id, unsent, now=self._clock.now())

    async def _pause(self, woken: asyncio.Event, seconds: float) -> None:
        waker = asyncio.create_task(woken.wait())
        timer = asyncio.ensure_future(self._clock.sleep(min(max(seconds, 0.0), RENEW_SECONDS)))
        try:
            await asyncio.wait({waker, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
            timer.cancel()

    async def _send(self, channel_id: str, out: Outgoing) -> Next:
        with structlog.contextvars.bound_contextvars(job_id=out.entry.job_id):
            return await self._sent(channel_id, out)

    async def _sent(self, channel_id: str, out: Outgoing) -> Next:
        try:
            failpoint("before post")
            sent = await self._call(out)
            failpoint("posted")
        except SlackTrouble as trouble:
            return await self._troubled(channel_id, out, trouble)
        except Fault as error:
            # Ordering an upload goes through the job queue, which may be down.
            return await self._troubled(channel_id, out, SlackTrouble(Trouble.SHAKEN, type(error).__name__))
        except Exception as error:
            # One message that cannot be sent must not hold up all that follow it.
            log.exception("message cannot be sent", job_id=out.entry.job_id, key=out.entry.key)
            return await self._troubled(channel_id, out, SlackTrouble(Trouble.REFUSED, type(error).__name__))
        step = await self._store.done(channel_id, out, sent, now=self._clock.now())
        failpoint("post noted")
        return step

    async def _call(self, out: Outgoing) -> Sent | None:
        entry = out.entry
        message = _plainer(entry, out)
        # A message in a thread follows its parent, wherever that had to go.
        channel_id = out.under.channel_id if out.under else entry.channel_id
        if entry.direct:
            channel_id = entry.user_id
        thread_ts = out.under.ts if out.under else entry.thread_ts
        match entry.kind:
            case Kind.SHOW if out.sent is not None:
                await call(
                    self._client.chat_update(channel=out.sent.channel_id, ts=out.sent.ts, **_content(message))
                )
                return out.sent
            case Kind.SHOW:
                answer = await call(
                    self._client.chat_postMessage(
                        channel=channel_id,
                        thread_ts=thread_ts or None,
                        unfurl_links=False,
                        unfurl_media=False,
                        **_content(message),
                    )
                )
                return Sent(key=entry.key, channel_id=str(answer["channel"]), ts=str(answer["ts"]))
            case Kind.WHISPER:
                answer = await call(
                    self._client.chat_postEphemeral(
                        channel=channel_id,
                        user=entry.user_id,
                        thread_ts=thread_ts or None,
                        **_content(message),
                    )
                )
                return Sent(key=entry.key, channel_id=channel_id, ts=str(answer["message_ts"]))
            case Kind.ADDRESS:
                return await self._order(entry)
            case Kind.ATTACH:
                file = _file(entry)
                await call(
                    self._client.files_completeUploadExternal(
                        files=[{"id": file.file_id, "title": file.name}],
                        channel_id=channel_id,
                        thread_ts=thread_ts or None,
                    )
                )
                return None

    async def _order(self, entry: Entry) -> Sent:
        file = _file(entry)
        answer = await call(self._client.files_getUploadURLExternal(filename=file.name, length=file.length))
        file_id = str(answer["file_id"])
        expected = file.model_copy(update={"file_id": file_id})
        sent = Sent(key=entry.key, channel_id=entry.channel_id, file=expected)
        # First, or a quick worker's word of its upload would find nobody expecting it.
        await self._store.expect(sent)
        await self._order_upload(entry.job_id, file_id, str(answer["upload_url"]), file)
        return sent

    async def _troubled(self, channel_id: str, out: Outgoing, trouble: SlackTrouble) -> Next:
        now = self._clock.now()
        entry = out.entry
        log.warning(
            "slack call failed", job_id=entry.job_id, key=entry.key, error=trouble.error, tries=out.tries
        )
        match remedy(out, trouble, now):
            case Again() as again:
                return await self._store.again(channel_id, out, again, now=now)
            case Instead(entry=entry):
                await self.put(entry)
            case GiveUp():
                log.error("message given up", job_id=out.entry.job_id, key=out.entry.key, error=trouble.error)
        return await self._store.done(channel_id, out, None, now=now)


def address_key(job_id: str, stream: str) -> str:
    """The key under which an upload's address is asked for and its file expected."""
    return f"{job_id}/address.{stream}"


def _plainer(entry: Entry, out: Outgoing) -> Message:
    message = entry.message
    if entry.plainness == 1:
        message = message.without_table()
    elif entry.plainness >= NO_BLOCKS:
        message = Message(text=message.text)
    if out.ambiguous and out.sent is None and entry.kind is Kind.SHOW:
        # The earlier call may have come through: say so rather than let it look like a second run.
        message = message.labelled("(repeat)")
    return message


def _content(message: Message) -> dict[str, Any]:
    # What is left out of an edit keeps its earlier value or gets a default of its own.
    blocks = list(message.blocks)
    return {"text": message.text, "blocks": blocks, "parse": "none", "link_names": False}


def _file(entry: Entry) -> File:
    if entry.file is None:
        raise SlackTrouble(Trouble.REFUSED, "no file")
    return entry.file
