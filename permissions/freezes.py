"""Freezes of the calendar: spans of time in which nothing is changed, once or every week."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from permissions.criteria import Criteria
from permissions.model import Record
from permissions.patterns import HostPattern, Moment
from permissions.terms import PolicyTerms
from permissions.verbs import Verb

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKLY = re.compile(rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")
_MOMENT: TypeAdapter[float] = TypeAdapter(Moment)
_SOON = 6 * 86_400
"""Within so many seconds a day of the week says enough."""
_LAST = 253_370_764_800.0
"""The year 9999: later moments have no date in every zone."""
_MOST_JOINED = 100
"""How many spans that follow each other without a gap are told as one."""


def _edge(value: Any) -> Any:
    if isinstance(value, float) or (isinstance(value, str) and _WEEKLY.fullmatch(value)):
        return value
    try:
        return _MOMENT.validate_python(value)
    except ValueError:
        sentence = (
            "a freeze begins and ends at a moment with its zone, 2026-12-24T12:00:00+01:00, "
            "or every week at a day and a time, Fri 18:00"
        )
        raise ValueError(sentence) from None


def _zone(name: str) -> str:
    if name and not _known(name):
        raise ValueError(f"`{name}` is no time zone; they are written like Europe/Berlin or UTC")
    return name


def _known(name: str) -> bool:
    try:
        zone_of(name)
    except (KeyError, ValueError, OSError):
        return False
    return name != "localtime"  # which is another one on every machine


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; raises KeyError, ValueError or OSError."""
    return ZoneInfo(name)


_NAME = re.compile(r"[a-z][a-z0-9-]*")


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"`{text}` is not a freeze's name: small letters, digits and dashes")
    return text


FreezeName = Annotated[str, AfterValidator(_name)]

Edge = Annotated[float | str, BeforeValidator(_edge)]
"""Epoch seconds, or a day of the week with a time: ``Fri 18:00``."""


class Within(NamedTuple):
    """One stretch of a freeze, in epoch seconds."""

    begins: float
    ends: float


class When(Record):
    """From a moment until another, or every week from a day and time until another, in ``zone``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: Edge = Field(alias="from")
    until: Edge
    zone: Annotated[str, AfterValidator(_zone)] = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        weekly = isinstance(self.from_, str)
        if weekly != isinstance(self.until, str):
            raise ValueError("it begins and ends either at moments, or at days of the week")
        if weekly and not self.zone:
            raise ValueError("days of the week need their `zone`, Europe/Berlin for example")
        if not weekly and self.zone:
            raise ValueError("a moment has its zone already; leave `zone` out")
        if isinstance(self.from_, float) and isinstance(self.until, float) and self.until <= self.from_:
            raise ValueError("the freeze ends before it begins")
        return self

    def around(self, at: float) -> Iterator[Within]:
        """The stretches that begin within a week of the moment (epoch seconds), or were begun before it."""
        if isinstance(self.from_, float) and isinstance(self.until, float):
            yield Within(self.from_, self.until)
            return
        if at > _LAST:  # no week begins any more
            return
        zone = zone_of(self.zone)
        today = datetime.fromtimestamp(at, zone).date()
        (day, begins), (last, ends) = _weekly(self.from_), _weekly(self.until)
        days = (last - day) % 7
        if not days and ends <= begins:
            days = 7
        first = today - timedelta(days=(today.weekday() - day) % 7)
        for week in (-1, 0, 1):
            begun = first + timedelta(weeks=week)
            # Where the clocks are put back an hour comes twice: it is frozen both times.
            yield Within(
                min(_stamp(datetime.combine(begun, begins), zone)),
                max(_stamp(datetime.combine(begun + timedelta(days=days), ends), zone)),
            )


class Freeze(Record):
    """While it lasts nothing is changed on the hosts it is about (none listed: on any).

    ``by`` says who froze it and ``reason`` why, for people. What fits one of ``passes`` goes on, and what is
    done under an open incident with one of ``incident_verbs``. ``exception`` is who can agree to more;
    without it nobody can.
    """

    reason: str
    by: str
    when: tuple[When, ...]
    hosts: tuple[HostPattern, ...] = ()
    passes: tuple[Criteria, ...] = ()
    incident_verbs: tuple[Verb, ...] = (Verb.OPERATE,)
    exception: PolicyTerms | None = None

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if not self.when:
            raise ValueError("the freeze is never: list `when`")
        return self

    def ends(self, at: float) -> float | None:
        """When it ends (epoch seconds), if it lasts at that moment; what follows at once is counted in."""
        end: float | None = None
        for _ in range(_MOST_JOINED):
            moment = at if end is None else end
            found = [one.ends for when in self.when for one in when.around(moment) if one.begins <= moment]
            last = max(found, default=moment)
            if last <= moment:
                return end
            end = last
        return end

    def next_begins(self, at: float) -> float | None:
        """When it begins next, after that moment; None for never again."""
        begins = (one.begins for when in self.when for one in when.around(at) if one.begins > at)
        return min(begins, default=None)

    def spoken(self, at: float, now: float) -> str:
        """A moment of it in its own zone, both epoch seconds: ``Mon 08:00 (Europe/Berlin)``."""
        zone = next((when.zone for when in self.when if when.zone), "UTC")
        local = datetime.fromtimestamp(min(at, _LAST), zone_of(zone))
        date = "" if at - now < _SOON else f"{local:%Y-%m-%d} "
        return f"{_DAYS[local.weekday()]} {date}{local:%H:%M} ({zone})"


def _weekly(edge: float | str) -> tuple[int, time]:
    read = _WEEKLY.fullmatch(str(edge))
    if read is None:
        raise ValueError(f"{edge} is no day of the week")
    return _DAYS.index(read[1]), time(int(read[2]), int(read[3]))


def _stamp(local: datetime, zone: ZoneInfo) -> tuple[float, float]:
    """What a clock on the wall means; two moments where it shows that twice, or skips it."""
    first = local.replace(tzinfo=zone)
    return first.astimezone(UTC).timestamp(), first.replace(fold=1).astimezone(UTC).timestamp()
