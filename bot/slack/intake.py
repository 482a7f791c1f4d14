"""From a verified payload to a Request: one function per surface, one call of the pipeline for all.

Identity, place and time come from fields that Slack signed or delivered over its own socket; the text
is nothing but text.
"""

import re
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from bot.reply import Accepted, Help, PasswordNeeded, Refusal, Reply, Told
from bot.request import Origin, Request
from bot.slack import replies
from bot.slack.blocks import Message
from bot.slack.typed import normalise
from bot.store.corrections import Correction

log = structlog.get_logger(__name__)

Payload = Mapping[str, Any]

_PERSON = re.compile(r"<@([UW][A-Z0-9]+)\|[^<>]*>")
"""Somebody in a line of ours: whom the policy and the audit know is the id, whatever its name is now."""
_CODE = re.compile(r"^(```|`)(?!`)(.*?)(?<!`)\1$", re.DOTALL)


class Submit(Protocol):
    """The part of the pipeline that intake needs."""

    async def submit(self, request: Request) -> Reply:
        """Takes one line as far as it may go."""
        ...


class Lines(Protocol):
    """The lines behind buttons and forms."""

    async def keep(self, request: Request) -> str:
        """Keeps a line for ten minutes; its opaque id."""
        ...

    async def take(self, correction_id: str, user_id: str) -> Correction | None:
        """The line, once, and for its asker alone."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the asker is to see at once; None when the thread says the rest.

    ``told``: it only says that what was asked for is done. ``waits``: people have to agree to the job first.
    """

    message: Message | None = None
    told: bool = False
    job_id: str = ""
    waits: bool = False
    password: PasswordNeeded | None = None


def request_from_slash(payload: Payload, *, program: str, now: float) -> Request:
    """A slash command. Its trigger is what a redelivery repeats; it never comes from a thread."""
    text = str(payload.get("text") or "")
    if program == "docktalk":
        text = _PERSON.sub(r"<@\1>", text)
    typed = normalise(text)
    return Request(
        origin=Origin.SLASH,
        delivery_id=f"slash:{payload['trigger_id']}",
        team_id=payload["team_id"],
        user_id=payload["user_id"],
        user_name=str(payload.get("user_name") or payload["user_id"]),
        channel_id=payload["channel_id"],
        program=program,
        text=typed.text.strip(),
        notes=typed.notes,
        received_at=now,
    )


def request_from_mention(
    payload: Payload, *, bot_user_id: str, own_words: Collection[str], now: float
) -> Request:
    """A mention. It is answered in its thread, or in the one that it begins.

    ``own_words`` are the commands of ``docktalk``; a line that begins with one, or with ``docktalk``,
    is for it.
    """
    event = payload["event"]
    text = re.sub(rf"<@{re.escape(bot_user_id)}(?:\|[^>]*)?>", "", str(event.get("text") or ""), count=1)
    typed = normalise(text)
    line = typed.text.strip()
    code = _CODE.match(line)
    line = code[2].strip() if code else line
    first, *rest = line.split(maxsplit=1) or [""]
    program = "docktalk" if first == "docktalk" or first in own_words else "docker"
    return Request(
        origin=Origin.MENTION,
        delivery_id=f"event:{payload['event_id']}",
        # The author's own workspace: in a shared channel it is not the one the event came through.
        team_id=str(event.get("user_team") or event.get("team") or payload["team_id"]),
        user_id=event["user"],
        user_name=event["user"],
        channel_id=event["channel"],
        thread_ts=str(event.get("thread_ts") or event["ts"]),
        program=program,
        text="".join(rest) if first == "docktalk" else line,
        notes=typed.notes,
        received_at=now,
    )


def request_from_click(payload: Payload, action: Payload, correction: Correction, *, now: float) -> Request:
    """A click on the button of a corrected line, which was kept here and not in the button."""
    user = payload["user"]
    return Request(
        origin=Origin.BUTTON,
        delivery_id=f"click:{action['action_ts']}:{user['id']}:{action['action_id']}",
        team_id=str(user.get("team_id") or payload["team"]["id"]),
        user_id=user["id"],
        user_name=str(user.get("username") or user["id"]),
        channel_id=correction.channel_id,
        thread_ts=correction.thread_ts,
        program=correction.program,
        text=correction.text,
        notes=(f"run again after {correction.of}",) if correction.of else (),
        received_at=now,
        confirmed=correction.confirmed,
        again=correction.again,
    )


def request_from_said(payload: Payload, action: Payload, *, now: float) -> Request:
    """A click on a button whose value is a line of ``docktalk``: as if the person had typed it there."""
    user, container = payload["user"], payload.get("container") or {}
    return Request(
        origin=Origin.BUTTON,
        delivery_id=f"click:{action['action_ts']}:{user['id']}:{action['action_id']}",
        team_id=str(user.get("team_id") or payload["team"]["id"]),
        user_id=user["id"],
        user_name=str(user.get("username") or user["id"]),
        channel_id=payload["channel"]["id"],
        thread_ts=str(container.get("thread_ts") or ""),
        program="docktalk",
        text=str(action.get("value") or ""),
        received_at=now,
    )


def request_from_form(
    payload: Payload, *, channel_id: str, thread_ts: str, program: str, text: str, now: float
) -> Request:
    """A form that somebody sent, about a line of that place; ``text`` is what it makes of the line."""
    user = payload["user"]
    return Request(
        origin=Origin.MODAL,
        delivery_id=f"view:{payload['view']['id']}:{user['id']}",
        team_id=str(user.get("team_id") or payload["team"]["id"]),
        user_id=user["id"],
        user_name=str(user.get("username") or user["id"]),
        channel_id=channel_id,
        thread_ts=thread_ts,
        program=program,
        text=text,
        received_at=now,
    )


class Intake:
    """What all surfaces share. ``accepted`` is told the id of every new job; it returns at once.

    ``run_again`` is told of a job whose line was run again, and of the new job.
    """

    def __init__(
        self,
        pipeline: Submit,
        lines: Lines,
        accepted: Callable[[str], None],
        clock: Callable[[], float],
        run_again: Callable[[str, str], Coroutine[Any, Any, None]],
    ) -> None:
        self._pipeline = pipeline
        self._lines = lines
        self._accepted = accepted
        self._clock = clock
        self.run_again = run_again

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock()

    async def answer(self, request: Request, command: str) -> Answer:
        """Hands a request to the pipeline; ``command`` is the slash command's name as people type it."""
        reply = await self._pipeline.submit(request)
        match reply:
            case Accepted(job_id=job_id, duplicate=duplicate, waits=waits):
                if not duplicate:
                    self._accepted(job_id)
                return Answer(job_id=job_id, waits=waits)
            case PasswordNeeded():
                return Answer(password=reply)
            case Help():
                return Answer(replies.answer(reply, self.now()), told=isinstance(reply, Told))
            case Refusal():
                return Answer(replies.refusal(reply, command))

    async def correction(self, action: Payload, user_id: str) -> Correction | None:
        """The line behind a clicked button, if it is this person's."""
        return await self.line(str(action.get("value") or ""), user_id)

    def form(self, payload: Payload, line: Correction, text: str) -> Request:
        """A form about a kept line, with what it makes of it."""
        return request_from_form(
            payload,
            channel_id=line.channel_id,
            thread_ts=line.thread_ts,
            program=line.program,
            text=text,
            now=self.now(),
        )

    async def keep(self, request: Request) -> str:
        """Keeps a line until its form comes back; the opaque id that the form is to bring."""
        return await self._lines.keep(request)

    async def line(self, line_id: str, user_id: str) -> Correction | None:
        """The line behind an opaque id, if it is this person's."""
        correction = await self._lines.take(line_id, user_id)
        if correction is None:
            log.info("correction not given out", user_id=user_id)
        return correction
