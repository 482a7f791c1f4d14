"""Reads the audit for people: filters, one sentence a record, a timeline in Markdown. Verifies nothing."""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from bot.audit.segments import read_lines, segment_file, segments
from bot.slack.blocks import line as one_line
from bot.written import spelled
from handlers.faults import Reason
from permissions import audit
from permissions.audit import ENTRY, Entry, What
from permissions.audit_chain import read_line
from permissions.model import Record
from permissions.operation import Principal

JOB_SECONDS = 3600.0
"""How long before a result its job may have been accepted; so much more is read, not shown."""

SLACK_BYTES = 32 * 1024**2
SLACK_RECORDS = 40
"""What an answer in Slack reads at most, the newest, and shows."""

SLACK_SINCE = timedelta(days=1)

_ASKED = audit.Accepted | audit.Refused | audit.Answered | audit.ApprovalAsked
_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_USER = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>|@?(.+)", re.DOTALL)
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


class Filters(Record):
    """Which records; what is empty or None filters nothing. Times are epoch seconds.

    ``user`` is an id or a name, ``target`` a pattern of an object's name, ``job`` an id such as J-42,
    ``incident`` the id of an incident, or the ``thread_ts`` of a thread.
    """

    user: str = ""
    target: str = ""
    since: float | None = None
    until: float | None = None
    job: str = ""
    incident: str = ""

    def match(self, what: What) -> bool:
        """Whether this record is asked for by itself; times are not looked at."""
        if isinstance(what, audit.InForceChanged):
            return not self.job and self._matches_in_force(what)
        if not isinstance(what, _ASKED):
            return not (self.user or self.target or self.incident) and self.job in {"", _job(what)}
        if self.job and _job(what) != self.job:
            return False
        if self.user and self.user not in {what.who.user_id, what.who.name}:
            return False
        tag = what.operation.incident if what.operation else ""
        if self.incident and self.incident not in {tag, what.place.thread_ts}:
            return False
        names = [resource.name for resource in what.operation.resources] if what.operation else []
        return not self.target or any(fnmatchcase(name, self.target) for name in names)

    def _matches_in_force(self, what: audit.InForceChanged) -> bool:
        who = {what.of, *((what.who.user_id, what.who.name) if what.who else ())}
        return (
            (not self.user or self.user in who)
            and (not self.incident or self.incident in {what.incident, what.thread_ts})
            and (not self.target or any(fnmatchcase(word, self.target) for word in what.about.split()))
        )


class Found(NamedTuple):
    """A record: its line in the chain, and what it says."""

    raw: bytes
    seq: int
    entry: Entry


def parse_filters(words: Sequence[str], now: float) -> Filters:
    """``--user @ana --since 2h`` as Filters; raises ValueError with a sentence."""
    given: dict[str, str | float] = {}
    left = list(words)
    while left:
        option, _, value = left.pop(0).partition("=")
        name = option.removeprefix("--")
        if name not in Filters.model_fields or name == option:
            known = ", ".join(f"--{field}" for field in Filters.model_fields)
            raise ValueError(f"unknown option: {option}. There are {known}")
        value = value or (left.pop(0) if left else "")
        if not value:
            raise ValueError(f"--{name} needs a value")
        given[name] = moment(value, now) if name in {"since", "until"} else _value(name, value)
    return Filters.model_validate(given)


def moment(text: str, now: float) -> float:
    """``2h`` ago, a day or a time such as ``2026-11-24T19:30`` (UTC), in epoch seconds; or ValueError."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text}: not a time; write 90m, 2h, 3d, 2026-11-24 or 2026-11-24T19:30") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def scan(folder: Path, filters: Filters, *, newest_bytes: int | None = None) -> Iterator[Found]:
    """The records that fit, in order; with ``newest_bytes`` only the newest segments of that size.

    What workers said of a job fits when its request does. Raises OSError.
    """
    jobs: set[str] = set()
    for number in _numbers(folder, filters, newest_bytes):
        for raw in read_lines(folder / segment_file(number), finished=True):
            line = read_line(raw)
            if line is None:
                continue  # `docktalk audit verify` names it
            if filters.until is not None and line.kind == "opened" and line.at > filters.until + JOB_SECONDS:
                return
            try:
                entry = ENTRY.validate_json(line.entry)
            except ValidationError:
                continue
            what = entry.what
            if not filters.match(what) and _job(what) not in jobs and _for_job(what) not in jobs:
                continue
            if job := _job(what):
                jobs.add(job)
            inside = filters.since is None or entry.at >= filters.since
            if inside and (filters.until is None or entry.at <= filters.until):
                yield Found(raw, line.seq, entry)


def _numbers(folder: Path, filters: Filters, newest_bytes: int | None) -> list[int]:
    numbers = segments(folder)
    if newest_bytes is not None:
        sizes = {number: (folder / segment_file(number)).stat().st_size for number in numbers}
        while len(numbers) > 1 and sum(sizes[number] for number in numbers) > newest_bytes:
            del numbers[0]
    if filters.since is not None:
        while len(numbers) > 1 and _begins(folder, numbers[1]) < filters.since - JOB_SECONDS:
            del numbers[0]
    return numbers


def _begins(folder: Path, number: int) -> float:
    line = read_line(next(read_lines(folder / segment_file(number)), b""))
    return line.at if line else float("inf")


def markdown(found: Iterable[Found]) -> Iterator[str]:
    """A timeline, line by line, a heading for each day (UTC)."""
    day = ""
    yield "# Audit\n"
    for record in found:
        at = datetime.fromtimestamp(record.entry.at, UTC)
        if at.date().isoformat() != day:
            day = at.date().isoformat()
            yield f"\n## {day} (UTC)\n\n"
        who, typed, rest = _told(record.entry.what)
        parts = [f"**{_escaped(who)}**" if who else "", _code(typed) if typed else "", _escaped(rest)]
        yield f"- {at:%H:%M:%S} {' '.join(part for part in parts if part)}\n"


def plain(found: Found) -> str:
    """One record on one line."""
    who, typed, rest = _told(found.entry.what)
    at = datetime.fromtimestamp(found.entry.at, UTC)
    parts = [f"{who}:" if who else "", typed, rest]
    return one_line(f"{at:%m-%d %H:%M:%S} " + " ".join(part for part in parts if part))


def slack_view(folder: Path, filters: Filters, now: float) -> str:
    """The newest records for an answer in Slack, the newest first, so that what is cut is the oldest."""
    if filters.since is None:
        filters = filters.model_copy(update={"since": now - SLACK_SINCE.total_seconds()})
    newest: list[str] = []
    total = 0
    for found in scan(folder, filters, newest_bytes=SLACK_BYTES):
        if isinstance(found.entry.what, audit.Opened):
            continue
        total += 1
        newest.append(plain(found))
        del newest[:-SLACK_RECORDS]
    if not newest:
        return "The audit has nothing that fits; without --since it is the last day.\n"
    head = f"{total} records (UTC), the newest first"
    more = f"; {total - len(newest)} older ones: `docktalk audit show`" if total > len(newest) else ""
    return "\n".join([f"{head}{more}", "", *reversed(newest), ""])


def split(text: str) -> list[str]:
    """The words of a line; raises ValueError for a quote that is left open."""
    return shlex.split(text)


def _value(name: str, value: str) -> str:
    if name == "job":
        return spelled(value, "J") or value
    if name != "user":
        return value
    found = _USER.fullmatch(value)
    return (found[1] or found[2]) if found else value


def _job(what: What) -> str:
    return getattr(what, "job_id", "")


def _for_job(what: What) -> str:
    return what.for_job if isinstance(what, audit.Ordered) else ""


def _told(what: What) -> tuple[str, str, str]:
    """Who, the line as typed, and what came of it."""
    if isinstance(what, audit.InForceChanged):
        return _in_force(what)
    if not isinstance(what, _ASKED):
        return "", "", _of_job(what) or _of_bot(what)
    by = f", {what.rule}" if what.rule else ""
    typed = what.line
    if isinstance(what, audit.Refused | audit.Answered) and not typed.startswith(f"{what.program} "):
        typed = f"{what.program} {typed}"
    match what:
        case audit.Accepted():
            mode = "" if what.mode == "run" else f" ({what.mode.replace('_', ' ')})"
            came = f"on {what.operation.host} → {what.job_id}{mode}{by}{_lent(what.who)}"
        case audit.ApprovalAsked():
            why = f" ({what.reason})" if what.reason else ""
            more = f", for {what.times} runs in {what.within / 60:.0f} min" if what.times > 1 else ""
            came = f"on {what.operation.host} → {what.job_id} waits for an approval{more}{why}{by}"
        case audit.Refused():
            asked_back = what.reason == Reason.UNCONFIRMED
            came = "shown to its asker to confirm" if asked_back else f"refused: {what.reason}{by}"
        case audit.Answered():
            came = f"answered{by}"
    return f"{what.who.name} ({what.who.user_id})", typed, came


def _lent(who: Principal) -> str:
    """What of it somebody could do only because a role was lent to them."""
    names = (f"{'break-glass' if one.break_glass else 'elevation'} {one.id}" for one in who.lent)
    return "".join(f", under {name}" for name in names)


_OVER = frozenset({"ended", "closed", "released", "expired", "revoked"})


def _in_force(what: audit.InForceChanged) -> tuple[str, str, str]:
    lasts = what.until and what.change not in _OVER
    until = f", until {datetime.fromtimestamp(what.until, UTC):%m-%d %H:%M}" if lasts else ""
    named = what.incident if what.what == "incident" and what.incident else what.id
    tag = f" [{what.incident}]" if what.incident not in {"", named} else ""
    of = f" of {what.of}" if what.of and not (what.who and what.who.user_id == what.of) else ""
    why = f": {what.reason}" if what.reason else ""
    return _name(what.who), "", f"{what.what} {named}{of} {what.change}{until}{tag}, {what.about}{why}"


def _of_job(what: What) -> str:
    match what:
        case audit.ApprovalChanged():
            voted = {True: f"{_name(what.who)} agrees, ", False: f"{_name(what.who)} refuses, ", None: ""}
            why = f": {what.reason}" if what.reason else ""
            told = f", asked {', '.join(what.told)}" if what.told else ""
            reminds = what.revision > 1 and what.approves is None and what.state == "open" and not told
            came = f"approval: {voted[what.approves]}{what.state}{told}{', reminded' if reminds else ''}{why}"
        case audit.DecidedAgain():
            came = f"waited too long, decided again: {what.rule}"
        case audit.Ordered():
            # Of docker's commands it orders none: only a look at what one that waits for people would do.
            looks = "" if what.command.startswith("docktalk ") else "a look at what would be done by "
            came = f"ordered by the bot: {looks}{what.command} for {what.for_job}"
        case audit.Started():
            came = f"started by {what.worker}"
        case audit.Ended():
            took = max(0.0, what.ended_at - what.began_at)
            came = f"{_ended(what)} after {took:.1f} s"
        case audit.NotRun():
            came = f"not run by {what.worker or 'any worker'}: {what.refusal}"
        case audit.Uploaded():
            came = f"output {'sent' if what.ok else 'not sent'} to Slack"
        case _:
            return ""
    return f"{what.job_id} {came}"


_CUT_SHORT: dict[str, str] = {
    Reason.CANCELLED: "stopped",
    Reason.MOVED: "not run, its targets are others by now",
    Reason.TIMED_OUT: "timed out",
}


def _ended(what: audit.Ended) -> str:
    if word := _CUT_SHORT.get(what.reason):
        return f"{word}: exit {what.exit_code}"
    why = f" ({what.reason})" if what.reason else ""
    return f"{'failed' if what.exit_code else 'done'}: exit {what.exit_code}{why}"


def _name(who: Principal | None) -> str:
    return f"{who.name} ({who.user_id})" if who else "the bot"


def _of_bot(what: What) -> str:
    match what:
        case audit.PolicyInForce():
            before = f", before it {what.old[:16]}…" if what.old else " at the start of a bot"
            said = f"policy {what.new[:16]}… of {what.file} in force{before}"
        case audit.PolicyRefused():
            said = f"policy file {what.file} refused ({what.mistakes} mistakes)"
        case audit.Opened():
            said = f"segment {what.segment} begins"
        case audit.Resumed():
            said = f"WARNING: the folder was not as the bot had left it at record {what.seq}"
        case audit.IntakeRefused():
            said = f"WARNING: {what.entries} entries of the intake were forged or altered"
        case audit.Stopped():
            said = "a bot stopped"
        case _:
            said = what.kind  # better its bare name than the words of another
    return said


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", one_line(text))


def _code(text: str) -> str:
    text = one_line(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}"
