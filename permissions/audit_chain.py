"""The chain of the audit: records in one byte form, each with the hash of the one before it.

A record is one line of JSON, ``{"hash":H,"seq":N,"prev":P,"entry":{…}}``: H is the SHA-256 of all that
follows it in the line, P is the H of the line before. A change of a line shows in the line, a line that
is gone or out of its place shows in the next one, and signed checkpoints show that the end is the end.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from permissions.audit import CHAIN, Entry, Event, Seen
from permissions.model import Record

GENESIS = "0" * 64
"""What stands before the first record."""

CHECKPOINT = b"docktalk audit checkpoint\n"
ANCHOR = b"docktalk audit anchor\n"

SOURCES_KEPT = 64
"""How many sources a segment's first record remembers, the latest."""
EVENTS_KEPT = 20_000
"""How many workers' events are remembered, so that none is chained twice."""

_HEX = rb"[0-9a-f]{64}"
_RECORD = re.compile(
    rb'\{"hash":"(?P<hash>' + _HEX + rb')",'
    rb'(?P<body>"seq":(?P<seq>[1-9][0-9]{0,17}),"prev":"(?P<prev>' + _HEX + rb')",'
    rb'"entry":(?P<entry>\{"source":"(?P<source>[0-9a-z]{1,32})","number":(?P<number>[0-9]{1,18}),'
    rb'"at":(?P<at>[0-9.e+]{1,32}),"void":\[(?P<void>[0-9,]*)\],'
    rb'"what":\{"kind":"(?P<kind>[a-z_]{1,32})"[^\n]*\}\}))\}\n'
)

Signed = Callable[[bytes, str, str, str], bool]
"""Whether a key that is trusted signed a text: purpose, text, signature (base64), key id."""


class Line(Record):
    """What a record's line says, once its form is right; ``own`` is the hash that it should have."""

    seq: int
    prev: str
    hash: str
    own: str
    source: str
    number: int
    at: float
    void: tuple[int, ...]
    kind: str
    entry: bytes


class Checkpoint(Record):
    """The bot's word that record ``seq`` has this ``hash``. ``number`` counts checkpoints from 1."""

    number: int
    segment: int
    seq: int
    hash: str
    at: float


class Anchor(Record):
    """The bot's word of what was removed: every segment up to ``segment``, whose last record was ``seq``.

    ``checkpoint`` is the number of the last checkpoint among them.
    """

    segment: int
    seq: int
    hash: str
    checkpoint: int
    at: float


class SignedText(Record):
    """A Checkpoint or an Anchor as it is stored: ``text`` is the JSON that was signed."""

    text: str
    key_id: str
    signature: str


def record_line(seq: int, prev: str, entry: bytes) -> tuple[bytes, str]:
    """The line, with its end, and its hash. ``entry`` is an Entry's compact JSON, on one line."""
    body = b'"seq":%d,"prev":"%s","entry":%s' % (seq, prev.encode(), entry)
    own = hashlib.sha256(body).hexdigest()
    return b'{"hash":"%s",%s}\n' % (own.encode(), body), own


def read_line(raw: bytes) -> Line | None:
    """The record in a line (with its end), or None when it has not the form of one."""
    found = _RECORD.fullmatch(raw)
    if found is None:
        return None
    try:
        return Line.model_construct(
            seq=int(found["seq"]),
            prev=found["prev"].decode(),
            hash=found["hash"].decode(),
            own=hashlib.sha256(found["body"]).hexdigest(),
            source=found["source"].decode(),
            number=int(found["number"]),
            at=float(found["at"]),
            void=tuple(int(part) for part in found["void"].split(b",") if part),
            kind=found["kind"].decode(),
            entry=found["entry"],
        )
    except ValueError:
        return None


class Numbers:
    """Which numbers of each source have been seen, and since when one is missing; None: it is void.

    What is void may come all the same: its source had no answer from the store, and gave it up.
    """

    def __init__(self) -> None:
        self._high: dict[str, int] = {}
        self._missing: dict[str, dict[int, float | None]] = {}

    def start(self, sources: Mapping[str, Seen]) -> None:
        """Goes on from what a segment's first record says."""
        for source, seen in sources.items():
            self._high[source] = seen.high
            self._missing[source] = {**dict.fromkeys(seen.missing, 0.0), **dict.fromkeys(seen.void)}

    def has(self, source: str, number: int) -> bool:
        """Whether this number has been seen."""
        return 0 < number <= self._high.get(source, 0) and number not in self._missing[source]

    def add(self, source: str, number: int, void: Iterable[int], at: float) -> bool:
        """Notes a number and those that are void; False when it was there already."""
        if source == CHAIN:
            return True
        if self.has(source, number):
            return False
        missing = self._missing.setdefault(source, {})
        high = self._high.pop(source, 0)
        missing.update((skipped, at) for skipped in range(high + 1, number))
        self._high[source] = max(high, number)  # at the end: the latest source
        missing.pop(number, None)
        missing.update((given_up, None) for given_up in void if given_up in missing)
        return True

    def known(self, source: str) -> bool:
        """Whether anything of this source has been seen."""
        return source in self._high

    def seen(self) -> dict[str, Seen]:
        """What the first record of a new segment says."""
        latest = list(self._high)[-SOURCES_KEPT:]
        return {
            source: Seen(
                high=self._high[source],
                missing=tuple(number for number, at in self._missing[source].items() if at is not None),
                void=tuple(number for number, at in self._missing[source].items() if at is None),
            )
            for source in latest
        }

    def missing(self) -> list[tuple[str, int, float]]:
        """Source, number, and when (epoch seconds) a later one of the source was written."""
        return [
            (source, number, at)
            for source, numbers in self._missing.items()
            for number, at in sorted(numbers.items())
            if at is not None
        ]


class Tally:
    """What a chainer has to remember so that nothing is chained twice."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self._events: dict[Event, None] = {}

    def repeats(self, entry: Entry) -> bool:
        """Whether this entry, or the same event, is in the chain."""
        return self.numbers.has(entry.source, entry.number) or (
            isinstance(entry.what, Event) and entry.what in self._events
        )

    def add(self, entry: Entry) -> None:
        """Notes an entry of the chain."""
        self.numbers.add(entry.source, entry.number, entry.void, entry.at)
        if isinstance(entry.what, Event):
            self._events[entry.what] = None
            if len(self._events) > EVENTS_KEPT:
                del self._events[next(iter(self._events))]
