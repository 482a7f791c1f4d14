"""What the audit tells of an incident: its records, and how many there are of what."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from bot.audit.reading import SLACK_BYTES, SLACK_RECORDS, Filters, plain, scan
from handlers.faults import Reason
from permissions import audit
from permissions.audit import What
from permissions.ticket import Effect, Mode


@dataclass
class Story:
    """``newest`` are the last records as lines, in order; ``total`` counts all.

    ``runs`` are jobs, ``changes`` those of them that are no reads, ``failed`` those that ended badly.
    ``opened`` and ``closed`` are the last times that it was (epoch seconds), by whom ("" for the clock).
    """

    total: int = 0
    runs: int = 0
    changes: int = 0
    failed: int = 0
    approvals: int = 0
    opened: tuple[float, str] | None = None
    closed: tuple[float, str] | None = None
    title: str = ""
    newest: deque[str] = field(default_factory=lambda: deque(maxlen=SLACK_RECORDS))


def story(folder: Path, name: str, channel_id: str | None, since: float = 0.0) -> Story:
    """Reads the newest part of the audit; ``channel_id`` leaves out what was asked in others.

    Raises OSError.
    """
    told = Story()
    jobs: set[str] = set()
    for found in scan(folder, Filters(incident=name, since=since), newest_bytes=SLACK_BYTES):
        what = found.entry.what
        if not _belongs(what, channel_id, jobs) or _aside(what):
            continue
        told.total += 1
        told.newest.append(plain(found))
        _count(told, what, found.entry.at)
    return told


def _belongs(what: What, channel_id: str | None, jobs: set[str]) -> bool:
    """Whether it was asked in that channel, or comes of a job (noted in ``jobs``) that was."""
    place = getattr(what, "place", None)
    if isinstance(what, audit.InForceChanged):
        return channel_id in {None, what.channel_id}
    if isinstance(place, audit.Place):
        if channel_id not in {None, place.channel_id}:
            return False
        jobs.add(getattr(what, "job_id", ""))
        return True
    return not jobs.isdisjoint({getattr(what, "job_id", ""), getattr(what, "for_job", "")} - {""})


def _aside(what: What) -> bool:
    """What only the whole audit tells: a look at what people are to agree to, a line that was shown first."""
    return isinstance(what, audit.Ordered) or (
        isinstance(what, audit.Refused) and what.reason == Reason.UNCONFIRMED
    )


def _count(told: Story, what: What, at: float) -> None:
    match what:
        case audit.InForceChanged(what="incident", change="opened"):
            told.opened, told.closed, told.title = (at, what.of), None, what.reason
        case audit.InForceChanged(what="incident", change="closed"):
            told.closed = (at, what.who.user_id if what.who else "")
        case audit.Accepted(mode=Mode.RUN):
            told.runs += 1
            told.changes += what.effect is Effect.CHANGE
        case audit.ApprovalAsked():
            told.approvals += 1
        case audit.Ended():
            told.failed += what.exit_code != 0
