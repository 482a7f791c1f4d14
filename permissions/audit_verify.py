"""Checks a chain offline: every change names its file and line, and how much no checkpoint covers yet."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import ValidationError

from permissions.audit import ENTRY, Opened, Resumed
from permissions.audit_chain import (
    ANCHOR,
    CHECKPOINT,
    GENESIS,
    Anchor,
    Checkpoint,
    Line,
    Numbers,
    Signed,
    SignedText,
    read_line,
)
from permissions.model import Record

FINDINGS = 100
"""How many findings are listed; the rest is counted."""

CHECKPOINT_RECORDS = 100
"""After so many records a checkpoint is due; a chainer may be that much late."""

IN_FLIGHT_SECONDS = 60.0
"""How long an entry may be on its way after a later one of its source was written."""


class Finding(Record):
    """One thing that is wrong; ``line`` is 0 where it is about the file as a whole."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}" if self.line else f"{self.file}: {self.sentence}"


class Missing(Record):
    """Entry ``number`` of ``source`` never came to the chain; a later one was written at ``at``."""

    source: str
    number: int
    at: float


class Report(Record):
    """What verifying found.

    ``first`` and ``last`` are the numbers of records that are there, from segment ``first_segment`` on,
    ``last_hash`` is that of the last one. ``covered`` is the last one that a checkpoint vouches for; the
    ``tail`` records after it could be changed unseen. ``more`` counts findings that are not listed.
    ``resumed`` are the places where the bot itself found that the folder had been taken back or
    exchanged. ``outcome`` is ``unaccounted`` when the chain is whole and entries never came to it;
    ``underway`` may still come.
    """

    outcome: Literal["sound", "altered", "unaccounted"]
    segments: int
    first_segment: int
    first: int
    last: int
    last_hash: str
    covered: int
    tail: int
    checkpoints: int
    findings: tuple[Finding, ...]
    resumed: tuple[Finding, ...]
    more: int
    missing: tuple[Missing, ...]
    underway: tuple[Missing, ...]


class Verifier:
    """Takes the anchor, then the segments in order, then :meth:`report`.

    ``signed`` knows the keys. ``against`` maps the numbers of records to hashes that are known from
    elsewhere, such as a channel: a folder that was taken back to an older state does not hold them.
    """

    def __init__(self, signed: Signed, against: Mapping[int, str] | None = None) -> None:
        self._signed = signed
        self._against = dict(against or {})
        self._findings: list[Finding] = []
        self._resumed: list[Finding] = []
        self._more = 0
        self._numbers = Numbers()
        self._removed = Anchor(segment=0, seq=0, hash=GENESIS, checkpoint=0, at=0.0)
        self._seq, self._prev = 0, {GENESIS}
        self._first = self._covered = self._segments = self._checkpoints = 0
        self._last_segment = self._last_checkpoint = self._before = 0
        self._at = 0.0
        self._file = ""

    def anchor(self, file: str, text: bytes) -> None:
        """What was removed by retention; called before the first segment, if there is an anchor."""
        try:
            signed = SignedText.model_validate_json(text)
            anchor = Anchor.model_validate_json(signed.text)
        except ValidationError:
            self._find(file, 0, "is not an anchor")
            return
        if not self._signed(ANCHOR, signed.text, signed.signature, signed.key_id):
            self._find(file, 0, f"is signed by no key that is trusted (it names {signed.key_id[:32]})")
            return
        self.start(anchor)

    def start(self, anchor: Anchor) -> None:
        """Begins behind what the anchor says was there, which is believed."""
        self._removed = anchor
        self._seq, self._prev = anchor.seq, {anchor.hash}
        self._covered = anchor.seq
        self._last_segment, self._last_checkpoint = anchor.segment, anchor.checkpoint

    def segment(
        self,
        number: int,
        file: str,
        lines: Iterable[bytes],
        checkpoint_file: str,
        checkpoint_lines: Iterable[bytes],
    ) -> None:
        """One segment with its checkpoints; lines come with their ends."""
        if number <= self._removed.segment:
            return  # retention was interrupted between its word and its deed
        self._closed()
        self._file = file
        if number != self._last_segment + 1:
            self._find(file, 0, f"segment {self._last_segment + 1} is missing before this one")
        self._last_segment = number
        self._segments += 1
        begun, self._before = self._seq, self._last_checkpoint
        vouched = self._read_checkpoints(number, checkpoint_file, checkpoint_lines)
        count = self._read_lines(number, file, lines, vouched)
        if count == 0:
            self._find(file, 0, "is empty")
        for checkpoint in vouched.values():
            if checkpoint.seq > self._seq:
                self._find(file, count, f"is cut off after record {self._seq}: {_name(checkpoint)}")
            elif checkpoint.seq <= begun:
                self._find(checkpoint_file, 0, f"does not belong to this segment: {_name(checkpoint)}")
            else:
                self._find(file, 0, f"record {checkpoint.seq} is not there: {_name(checkpoint)}")

    def report(self) -> Report:
        """Called once, after the last segment."""
        tail = max(0, self._seq - self._covered)
        if tail >= 2 * CHECKPOINT_RECORDS:
            self._find(
                self._file, 0, f"no checkpoint covers the last {tail} records: checkpoints were removed"
            )
        if self._segments == 0:
            self._find(".", 0, "holds no segment")
        for seq, known in sorted(self._against.items()):
            if seq > self._seq:
                sentence = f"ends at record {self._seq}, and record {seq} ({known[:16]}…) is known"
                self._find(
                    self._file or ".", 0, f"{sentence}: this is an older state of the audit, or cut off"
                )
            elif seq <= self._removed.seq:
                continue
            else:
                self._find(self._file, 0, f"record {seq} was not found; it is known as {known[:16]}…")
        missing = [Missing(source=s, number=n, at=at) for s, n, at in self._numbers.missing()]
        lost = tuple(one for one in missing if one.at < self._at - IN_FLIGHT_SECONDS)
        return Report(
            outcome="altered" if self._findings or self._resumed else "unaccounted" if lost else "sound",
            segments=self._segments,
            first_segment=self._removed.segment + 1,
            first=self._first,
            last=self._seq,
            last_hash=next(iter(self._prev), ""),
            covered=self._covered,
            tail=tail,
            checkpoints=self._checkpoints,
            findings=tuple(self._findings),
            resumed=tuple(self._resumed),
            more=self._more,
            missing=lost,
            underway=tuple(one for one in missing if one not in lost),
        )

    def _read_lines(
        self, number: int, file: str, lines: Iterable[bytes], vouched: dict[int, Checkpoint]
    ) -> int:
        """Checks the records and takes from ``vouched`` what stands; how many lines there are."""
        count = 0
        for raw in lines:
            count += 1
            line = read_line(raw)
            if line is None:
                torn = not raw.endswith(b"\n")
                self._find(file, count, "is cut off" if torn else "is no record: it was altered")
                self._prev = set()  # what its successor names cannot be checked
                self._seq += 1
                continue
            self._record(file, count, line, number)
            checkpoint = vouched.pop(line.seq, None)
            if checkpoint is None:
                continue
            if {line.hash, line.own} == {checkpoint.hash}:
                self._covered = line.seq
            else:
                self._find(
                    file, count, f"record {line.seq} is not the one that was signed: {_name(checkpoint)}"
                )
        return count

    def _record(self, file: str, place: int, line: Line, number: int) -> None:
        if line.hash != line.own:
            self._find(file, place, f"record {line.seq} was altered: it has not the hash that it says")
        if line.seq > self._seq + 1:
            missing = line.seq - self._seq - 1
            self._find(file, place, f"{missing} records are missing before record {line.seq}")
        elif line.seq <= self._seq:
            self._find(file, place, f"record {line.seq} comes after record {self._seq}: moved or inserted")
        elif self._prev and line.prev not in self._prev:
            self._find(file, place, f"record {line.seq} does not follow the record before it")
        self._seq, self._prev = line.seq, {line.hash, line.own}
        self._first = self._first or line.seq
        self._at = max(self._at, line.at)
        known = self._against.pop(line.seq, None)
        if known is not None and known != line.own:
            self._find(file, place, f"record {line.seq} is known with another hash, {known[:16]}…")
        self._check_kind(file, place, line, number)
        if self._removed.seq and not self._numbers.known(line.source):
            self._numbers.add(line.source, line.number, (), line.at)
            return
        if not self._numbers.add(line.source, line.number, line.void, line.at):
            self._find(file, place, f"entry {line.number} of {line.source} is in the chain twice")

    def _check_kind(self, file: str, place: int, line: Line, number: int) -> None:
        if (line.kind == "opened") != (place == 1):
            self._find(file, place, "a segment begins with its own record, and has it nowhere else")
            return
        if line.kind not in {"opened", "resumed"}:
            return
        try:
            what = ENTRY.validate_json(line.entry).what
        except ValidationError:
            what = None
        match what:
            case Resumed(seq=seq):
                sentence = f"the bot found another state of the audit here: it had written {seq} records"
                self._resumed.append(Finding(file=file, line=place, sentence=sentence))
            case Opened(segment=segment, checkpoint=checkpoint) if segment == number:
                if checkpoint != self._before:
                    self._find(file, place, f"checkpoints up to {checkpoint} came before, not {self._before}")
                if self._segments == 1 and self._removed.seq:
                    self._numbers.start(what.sources)
            case _:
                self._find(file, place, f"is not the first record of segment {number}")

    def _read_checkpoints(self, segment: int, file: str, lines: Iterable[bytes]) -> dict[int, Checkpoint]:
        found: dict[int, Checkpoint] = {}
        for place, raw in enumerate(lines, start=1):
            try:
                signed = SignedText.model_validate_json(raw)
                checkpoint = Checkpoint.model_validate_json(signed.text)
            except ValidationError:
                self._find(file, place, "is no checkpoint: it was altered or cut off")
                continue
            if not self._signed(CHECKPOINT, signed.text, signed.signature, signed.key_id):
                self._find(
                    file, place, f"is signed by no key that is trusted (it names {signed.key_id[:32]})"
                )
                continue
            if checkpoint.number != self._last_checkpoint + 1:
                due = self._last_checkpoint + 1
                self._find(file, place, f"checkpoint {checkpoint.number} stands where {due} is due")
            if checkpoint.segment != segment:
                self._find(file, place, f"{_name(checkpoint)}: it is of segment {checkpoint.segment}")
            self._last_checkpoint = checkpoint.number
            self._checkpoints += 1
            found[checkpoint.seq] = checkpoint
        return found

    def _closed(self) -> None:
        """The segment before is complete: its last record has to be covered."""
        if self._segments and self._covered != self._seq:
            self._find(
                self._file, 0, f"no checkpoint covers its last records, {self._covered + 1}…{self._seq}"
            )

    def _find(self, file: str, line: int, sentence: str) -> None:
        if len(self._findings) < FINDINGS:
            self._findings.append(Finding(file=file, line=line, sentence=sentence))
        else:
            self._more += 1


def _name(checkpoint: Checkpoint) -> str:
    return f"checkpoint {checkpoint.number} vouches for record {checkpoint.seq} ({checkpoint.hash[:16]}…)"
