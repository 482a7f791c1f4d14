"""The signed request record: the only thing that says where a job's result goes."""

from typing import Any, Self

from pydantic import Field

from bot.jobs.wire import ShowOrder
from bot.request import Origin, Request
from permissions.model import Record
from permissions.operation import Operation
from permissions.ticket import CommandWire, Effect, Mode, SealedValue


class RequestRecord(Record):
    """One accepted request as the bot signed it; stored beside its signature, never changed.

    ``shown`` is the command line with secrets masked; the line as typed is kept nowhere. ``notes`` say
    what was changed in the typed text (curly quotes and the like). Times are epoch seconds.
    A job that only previews has the ``question`` that its end will ask, and the id behind its "yes".
    ``operation`` is what was decided on, so that it can be decided again for somebody else. A job that
    reads another one's output says what it reads in ``page``, and in ``instead`` the job whose message the
    answer replaces. ``under`` is the key of the message in whose thread all of it goes, an approval's card;
    ``budget`` is the id of the budget that it is a use of.
    """

    job_id: str
    delivery_id: str
    origin: Origin
    team_id: str
    user_id: str
    user_name: str
    channel_id: str
    thread_ts: str = ""
    shown: str
    host: str
    command: str
    effect: Effect
    rule: str = ""
    accepted_at: float = 0.0
    not_after: float = 0.0
    deadline: float = 0.0
    notes: tuple[str, ...] = ()
    question: str = ""
    confirmation_id: str = ""
    operation: Operation | None = None
    page: ShowOrder | None = None
    instead: str = ""
    under: str = ""
    budget: str = ""

    @classmethod
    def of(cls, request: Request, **fields: Any) -> Self:
        """The record of what a request asks for, with its other ``fields``."""
        asked = {
            "delivery_id": request.delivery_id,
            "origin": request.origin,
            "team_id": request.team_id,
            "user_id": request.user_id,
            "user_name": request.user_name,
            "channel_id": request.channel_id,
            "thread_ts": request.thread_ts,
            "notes": request.notes,
        }
        return cls(**{**asked, **fields})


class Draft(Record):
    """A ticket before it is decided and signed: its record without a rule and times, and the rest.

    ``nonce`` lets it run once, whatever becomes of its approval. ``lane`` and ``same`` are the queue's (see
    :meth:`bot.jobs.queue.BotQueue.accept`); ``logins`` maps a registry to the asker's sealed login. With
    ``times`` above 1 an approval is to be good for so many runs, for ``within`` seconds from then on.
    """

    record: RequestRecord
    nonce: str
    command: CommandWire
    mode: Mode
    lane: str
    same: str = ""
    logins: dict[str, SealedValue] = Field(default_factory=dict)
    again: bool = False
    times: int = 1
    within: float = 0.0

    @property
    def operation(self) -> Operation:
        """What was decided on."""
        if self.record.operation is None:
            raise ValueError("a draft has an operation")
        return self.record.operation
