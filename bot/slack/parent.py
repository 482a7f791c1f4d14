"""The parent message of a job: its states, their order, and the form that all of them share."""

from enum import Enum, IntEnum

from bot.slack.blocks import (
    Block,
    Message,
    code,
    context,
    cut,
    emoji,
    line,
    message,
    section,
    user,
    words,
)
from bot.store.records import RequestRecord

SHOWN_CHARS = 500
"""The most of a command line that is shown."""


class Revision(IntEnum):
    """The revisions of a parent message, in order; a later one is never overwritten by an earlier."""

    WAITING = 1
    BEHIND = 2
    ASKED = 1_000
    RUNNING = 10**9
    ENDED = 10**12


def passing(accepted_at: float, now: float) -> int:
    """The revision of what a job shows while it runs: between RUNNING and ENDED, later ones greater."""
    return min(Revision.RUNNING + 1 + max(0, int((now - accepted_at) * 1000)), Revision.ENDED - 1)


def pausing(accepted_at: float, now: float) -> int:
    """The revision of what a job shows while it is held or asked about: between ASKED and RUNNING."""
    return min(Revision.ASKED + max(0, int((now - accepted_at) * 1000)), Revision.RUNNING - 1)


def waiting_for(number: int) -> int:
    """The revision of what a job shows while it waits: between BEHIND and ASKED, later ones greater."""
    return min(Revision.BEHIND + max(0, number), Revision.ASKED - 1)


class Said(Enum):
    """A state as a word and an emoji, so that neither colour nor picture stands alone."""

    @property
    def word(self) -> str:
        """What people read and hear."""
        return str(self.value[0])

    @property
    def emoji(self) -> str:
        """The emoji's name."""
        return str(self.value[1])


class State(Said):
    """A job's state."""

    WAITING = ("Waiting", "hourglass")
    HELD = ("Held", "lock")
    RUNNING = ("Running", "hourglass_flowing_sand")
    DONE = ("Done", "white_check_mark")
    FAILED = ("Failed", "x")
    REFUSED = ("Refused", "no_entry")
    ASKING = ("Asking", "question")
    TIMED_OUT = ("Timed out", "alarm_clock")
    LIMIT = ("Ended at its limit", "stopwatch")
    CANCELLED = ("Stopped", "octagonal_sign")
    NOT_DONE = ("Not done", "no_entry_sign")
    NOT_RUN = ("Not run", "warning")
    OUTCOME_UNKNOWN = ("Outcome unknown", "grey_question")


def parent_of(
    record: RequestRecord,
    state: State,
    revision: int,
    rest: list[Block],
    spoken: str,
    *,
    below: tuple[Block, ...] = (),
    notes: tuple[str, ...] = (),
) -> Message:
    """Who ran what, its state with ``rest`` behind it, ``below``, and the small print with ``notes``.

    ``spoken`` is what a notification says behind the state, the line and the host.
    """
    shown = typed(record)
    return message(
        f"{record.job_id}.{revision}",
        f"{state.word}: {cut(shown, 200)} on {record.host}{spoken}",
        [
            section(user(record.user_id), words(" ran "), code(shown)),
            section(
                emoji(state.emoji),
                words(f" {state.word}", bold=True),
                words(" on "),
                code(record.host),
                *rest,
            ),
            *below,
            context(record.job_id, tag(record), *notes, *record.notes),
        ],
    )


def tag(record: RequestRecord) -> str:
    """The incident that a job belongs to, or ""."""
    return record.operation.incident if record.operation else ""


def typed(record: RequestRecord) -> str:
    """The line as it is shown, with its program before it."""
    return typed_line(record.shown)


def typed_line(text: str) -> str:
    """The same of a line by itself."""
    shown = cut(line(text), SHOWN_CHARS)
    return shown if shown.startswith(("docker ", "docktalk ")) else f"docker {shown}"


def lasting(duration: float) -> str:
    """Seconds as people say them."""
    duration = max(duration, 0.0)
    if duration < 0.1:
        return f"{duration * 1000:.0f} ms"
    if duration < 60:
        return f"{duration:.1f} s"
    minutes, seconds = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def count(number: int, what: str) -> str:
    """A number of things."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
