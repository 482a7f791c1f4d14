"""The audit on disk: segments of chained records and their checkpoints, written by one process at a time.

A batch is on disk before :meth:`ChainFile.append` returns. After a crash the unfinished end of the last
segment is cut off; what it held is still in the intake. A folder that does not hold together is not
continued: :class:`AuditDamaged`.
"""

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from permissions.audit import CHAIN, ENTRY, Entry, Opened, What
from permissions.audit_chain import (
    CHECKPOINT,
    GENESIS,
    Anchor,
    Checkpoint,
    Line,
    Signed,
    SignedText,
    Tally,
    read_line,
    record_line,
)
from permissions.audit_verify import Verifier

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 16 * 1024**2
"""A segment that is longer is closed, and so is one of another day (UTC)."""

LINE_BYTES = 1024**2
"""The longest line that is read; no record is as long."""

ANCHOR_FILE = "anchor.json"
LOCK_FILE = "lock"

_SEGMENT = re.compile(r"segment-([0-9]{6,})\.jsonl")
_OTHERS = 0o077


class AuditDamaged(Exception):  # noqa: N818 - reads as a sentence
    """The folder cannot be continued; the text says where and what to do."""


class AuditBusy(Exception):  # noqa: N818 - reads as a sentence
    """Another process writes to this folder."""


class Signs(Protocol):
    """The part of BotKeys that is needed here."""

    def sign_text(self, purpose: bytes, text: str) -> SignedText:
        """Signs with the newest key."""
        ...


def segment_file(number: int) -> str:
    """The name of a segment's file."""
    return f"segment-{number:06d}.jsonl"


def checkpoint_file(number: int) -> str:
    """The name of the file of a segment's checkpoints."""
    return f"segment-{number:06d}.checkpoints.jsonl"


def segments(folder: Path) -> list[int]:
    """The numbers of the segments in a folder, in order; raises OSError."""
    found = (_SEGMENT.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in found if match)


def read_lines(path: Path, *, finished: bool = False) -> Iterator[bytes]:
    """The lines of a file with their ends, in bounded memory; none of a file that is not there.

    ``finished`` leaves out a last line without its end: somebody may be writing it.
    """
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        while raw := file.readline(LINE_BYTES):
            if raw.endswith(b"\n") or not finished:
                yield raw


class ChainFile:
    """The chain of a folder, opened for appending; the folder is locked until :meth:`close`.

    ``seq`` and ``hash`` are those of the last record, ``checkpoint`` is the last one; ``tail`` are the
    records after it that were found at the opening. After an OSError of any method this is to be closed
    and opened anew.

    Raises:
        AuditBusy: another process has it open.
        AuditDamaged: it does not hold together.
        OSError: the disk.
    """

    def __init__(self, folder: Path, keys: Signs, signed: Signed, now: float) -> None:
        self._folder = folder
        self._keys = keys
        self._tally = Tally()
        self._handles: list[int] = []
        """The lock's, then the last segment's."""
        self.tail: list[Line] = []
        self._segment, self._day, self._size = 0, "", 0
        self.seq, self.hash = 0, GENESIS
        self.checkpoint = Checkpoint(number=0, segment=0, seq=0, hash=GENESIS, at=0.0)
        try:
            self._lock()
            self._recover(signed)
            if not self._size:
                self._begin(max(self._segment, 1), now)
        except ValueError as error:  # a record that is chained and cannot be read
            self.close()
            raise self._damaged(type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def append(self, entries: Iterable[tuple[bytes, Entry]], now: float) -> int:
        """Chains the entries that are not in the chain yet; how many were. On disk when this returns.

        ``entries`` come with their compact JSON.
        """
        if self._size >= SEGMENT_BYTES or _day(now) != self._day:
            self.sign_checkpoint(now)
            self._begin(self._segment + 1, now)
        seq, last, lines = self.seq, self.hash, []
        for text, entry in entries:
            if self._tally.repeats(entry):
                continue
            seq += 1
            line, last = record_line(seq, last, text)
            lines.append(line)
            self._tally.add(entry)
        if lines:
            self._write(b"".join(lines))
            self.seq, self.hash = seq, last
        return len(lines)

    def note(self, what: What, now: float) -> None:
        """Chains a record of the chain's own."""
        entry = Entry(source=CHAIN, number=0, at=now, what=what)
        self.append([(ENTRY.dump_json(entry), entry)], now)

    def sign_checkpoint(self, now: float) -> Checkpoint | None:
        """Vouches for the last record, unless that is done; on disk when this returns."""
        if self.checkpoint.seq == self.seq:
            return None
        made = Checkpoint(
            number=self.checkpoint.number + 1, segment=self._segment, seq=self.seq, hash=self.hash, at=now
        )
        signed = self._keys.sign_text(CHECKPOINT, made.model_dump_json())
        handle = self._opened(checkpoint_file(self._segment))
        try:
            _write_all(handle, signed.model_dump_json().encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        self.checkpoint = made
        return made

    def close(self) -> None:
        """Lets the folder go; nothing is written."""
        while self._handles:
            os.close(self._handles.pop())

    def _lock(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.stat()
        if stat.S_IMODE(found.st_mode) & _OTHERS or found.st_uid != os.geteuid():
            raise AuditDamaged(f"{self._folder} must belong to this user with mode 0700")
        handle = self._opened(LOCK_FILE)
        self._handles.append(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AuditBusy(f"{self._folder} is written by another process") from error

    def _begin(self, number: int, now: float) -> None:
        """Starts a segment, or writes the first record of one that a crash left empty."""
        handle = self._opened(segment_file(number))
        while len(self._handles) > 1:
            os.close(self._handles.pop())
        self._handles.append(handle)
        sync_folder(self._folder)
        self._segment, self._day, self._size = number, _day(now), 0
        opened = Opened(segment=number, checkpoint=self.checkpoint.number, sources=self._tally.numbers.seen())
        entry = Entry(source=CHAIN, number=0, at=now, what=opened)
        line, last = record_line(self.seq + 1, self.hash, ENTRY.dump_json(entry))
        self._write(line)
        self.seq, self.hash = self.seq + 1, last

    def _write(self, data: bytes) -> None:
        handle = self._handles[1]
        try:
            _write_all(handle, data)
            os.fsync(handle)
        except OSError:
            # What is in the file and perhaps not on disk must not be taken for chained.
            with contextlib.suppress(OSError):
                os.ftruncate(handle, self._size)
            raise
        self._size += len(data)

    def _opened(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self._folder / name, flags, 0o600)

    def _recover(self, signed: Signed) -> None:
        """Reads the last two segments, and cuts off what a crash left unfinished."""
        numbers = segments(self._folder)
        if not numbers:
            return
        last = self._segment = numbers[-1]
        for name in (segment_file(last), checkpoint_file(last)):
            self._cut(name)
        handle = self._opened(segment_file(last))
        self._handles.append(handle)
        os.fsync(handle)
        self._size = os.fstat(handle).st_size
        read = [number for number in numbers[-2:] if number < last or self._size]
        verifier = Verifier(signed)
        for number in read:
            path, checkpoints = self._folder / segment_file(number), self._folder / checkpoint_file(number)
            if number == read[0]:
                verifier.start(self._behind(path))
            verifier.segment(number, path.name, read_lines(path), checkpoints.name, read_lines(checkpoints))
        report = verifier.report()
        if read and report.findings:  # what the bot itself noted as resumed is no obstacle
            raise self._damaged(str(report.findings[0]))
        for number in read:
            self._remember(number)

    def _cut(self, name: str) -> None:
        path = self._folder / name
        if not path.exists():
            return
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - LINE_BYTES))
            end = file.read()
        torn = len(end) - 1 - end.rfind(b"\n")
        if torn == LINE_BYTES:
            raise self._damaged(f"{name}: ends in no record")
        if torn:
            log.warning("unfinished end of the audit cut off", file=name, bytes=torn)
            os.truncate(path, size - torn)

    def _behind(self, path: Path) -> Anchor:
        """What a segment's first record says was before it."""
        line = read_line(next(read_lines(path), b""))
        opened = ENTRY.validate_json(line.entry).what if line else None
        if line is None or not isinstance(opened, Opened):
            raise self._damaged(f"{path.name}:1: is no first record")
        self._tally.numbers.start(opened.sources)
        return Anchor(
            segment=opened.segment - 1,
            seq=line.seq - 1,
            hash=line.prev,
            checkpoint=opened.checkpoint,
            at=line.at,
        )

    def _remember(self, number: int) -> None:
        """What a verified segment says, for the records that are to follow."""
        for raw in read_lines(self._folder / checkpoint_file(number)):
            self.checkpoint = Checkpoint.model_validate_json(SignedText.model_validate_json(raw).text)
        for place, raw in enumerate(read_lines(self._folder / segment_file(number))):
            line = read_line(raw)
            if line is None:
                raise self._damaged(f"{segment_file(number)}:{place + 1}: is no record")
            entry = ENTRY.validate_json(line.entry)
            self._tally.add(entry)
            if place == 0:
                self._day = _day(entry.at)
            self.seq, self.hash = line.seq, line.hash
            if line.seq > self.checkpoint.seq:
                self.tail.append(line)

    def _damaged(self, what: str) -> AuditDamaged:
        return AuditDamaged(
            f"{self._folder}/{what}. `docktalk audit verify` lists everything; keep the folder under "
            "another name and start again."
        )


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(folder: Path) -> None:
    """Names that were made or removed in a folder, on disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).date().isoformat()
