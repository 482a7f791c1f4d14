"""The signed request record: the only thing that says where a job's result goes."""

from bot.request import Origin
from permissions.model import Record
from permissions.ticket import Effect


class RequestRecord(Record):
    """One accepted request as the bot signed it; stored beside its signature, never changed.

    ``shown`` is the command line with secrets masked; the line as typed is kept nowhere. ``notes`` say
    what was changed in the typed text (curly quotes and the like). Times are epoch seconds.
    A job that only previews has the ``question`` that its end will ask, and the id behind its "yes".
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
    rule: str
    accepted_at: float
    not_after: float
    deadline: float
    notes: tuple[str, ...] = ()
    question: str = ""
    confirmation_id: str = ""
