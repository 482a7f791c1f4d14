"""The Request: who asked what, where. Identity is Slack's verified payload and nothing else."""

from enum import StrEnum

from permissions.model import Record


class Origin(StrEnum):
    """How a line reached us; every one goes through the same pipeline function."""

    SLASH = "slash"
    MENTION = "mention"
    BUTTON = "button"
    MODAL = "modal"


class Request(Record):
    """One line somebody asked for.

    ``text`` is what was typed after ``/docker`` or the mention, after intake undid what phones do to
    text; ``notes`` say what it changed. ``text`` can hold secrets: it is never stored or logged.
    ``delivery_id`` is what a redelivery repeats (event_id, trigger_id, or action time + user + action).
    ``thread_ts`` is "" outside threads. ``program`` is ``docker`` or ``docktalk``. ``received_at`` is
    epoch seconds. ``confirmed`` means that the asker said yes to the line's question, ``again`` that a job
    which does the same already is no reason against it.
    """

    origin: Origin
    delivery_id: str
    team_id: str
    user_id: str
    user_name: str
    channel_id: str
    thread_ts: str = ""
    program: str = "docker"
    text: str
    notes: tuple[str, ...] = ()
    received_at: float
    confirmed: bool = False
    again: bool = False
