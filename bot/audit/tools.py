"""``docktalk audit``: verify, show and prune a folder. Verifying needs public keys and nothing else."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.audit.reading import Filters, markdown, scan
from bot.audit.segments import (
    ANCHOR_FILE,
    Signs,
    checkpoint_file,
    read_lines,
    segment_file,
    segments,
    sync_folder,
)
from permissions.audit_chain import ANCHOR, Anchor, Checkpoint, Signed, SignedText, read_line
from permissions.audit_verify import Missing, Report, Verifier

SOUND, ALTERED, UNUSABLE, UNACCOUNTED = 0, 1, 2, 3
"""The exit statuses of verifying."""

_AGAINST = re.compile(r"([0-9]+):([0-9a-f]{64})")
_SHOWN = 20


class Unusable(Exception):  # noqa: N818 - reads as a sentence
    """The folder or an argument cannot be used; the text says what and why."""


def parse_against(texts: Sequence[str]) -> dict[int, str]:
    """``SEQ:HASH`` as a checkpoint's message has it; raises Unusable."""
    known = {}
    for text in texts:
        match = _AGAINST.fullmatch(text)
        if match is None:
            raise Unusable(f"{text}: write RECORD:HASH, as the checkpoint's message has it")
        known[int(match[1])] = match[2]
    return known


def verify(folder: Path, signed: Signed, against: Mapping[int, str] | None = None) -> Report:
    """Checks a whole folder in bounded memory; raises Unusable."""
    verifier = Verifier(signed, against)
    try:
        with contextlib.suppress(FileNotFoundError):
            verifier.anchor(ANCHOR_FILE, (folder / ANCHOR_FILE).read_bytes())
        numbers = segments(folder)
        for number in numbers:
            last = number == numbers[-1]
            # Checkpoints first: while a bot writes, every one that is read has its record by then.
            vouched = list(read_lines(folder / checkpoint_file(number), finished=last))
            lines = read_lines(folder / segment_file(number), finished=last)
            verifier.segment(number, segment_file(number), lines, checkpoint_file(number), vouched)
    except OSError as error:
        raise Unusable(f"{folder}: {error.strerror}") from error
    return verifier.report()


def told(report: Report) -> Iterator[str]:
    """What verifying found, line by line, and how much no checkpoint covers."""
    yield from (f"{finding}\n" for finding in (*report.findings, *report.resumed))
    if report.more:
        yield f"… and {report.more} more\n"
    yield from _lost(
        report.missing, "never came to the audit: lost in the store, removed from it, or cut off"
    )
    yield from _lost(report.underway, "may still be on their way")
    files = f"{report.segments} segments, {report.checkpoints} checkpoints"
    yield f"records {report.first}…{report.last} in {files}\n"
    tail = f"the last {report.tail} are not" if report.tail else "all of them are"
    yield f"covered by a checkpoint up to record {report.covered}; {tail}\n"
    if report.outcome != "altered":
        yield f"whole; ends with {report.last}:{report.last_hash}\n"


def _lost(missing: tuple[Missing, ...], what: str) -> Iterator[str]:
    for one in missing[:_SHOWN]:
        before = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        yield f"entry {one.number} of bot {one.source} (before {before}) {what}\n"
    if len(missing) > _SHOWN:
        yield f"… and {len(missing) - _SHOWN} more that {what}\n"


def status(report: Report) -> int:
    """The exit status."""
    return {"sound": SOUND, "altered": ALTERED, "unaccounted": UNACCOUNTED}[report.outcome]


def export(folder: Path, filters: Filters, *, as_json: bool) -> Iterator[str]:
    """The records that fit, as JSON lines of the chain or as a Markdown timeline; raises Unusable."""
    try:
        found = scan(folder, filters)
        if as_json:
            yield from (record.raw.decode() for record in found)
        else:
            yield from markdown(found)
    except OSError as error:
        raise Unusable(f"{folder}: {error.strerror}") from error


def prune(folder: Path, keys: Signs, signed: Signed, *, older_than: float, now: float) -> Anchor | None:
    """Removes whole segments whose last record is older; the last segment always stays.

    First a signed anchor says what is removed, so that the rest is verifiable. None when there is nothing
    to remove. Raises Unusable when the chain does not hold: what is removed cannot be looked into later.
    """
    try:
        with _alone(folder):
            report = verify(folder, signed)
            if report.findings:
                raise Unusable(f"not pruned, the audit was altered: {report.findings[0]}")
            first = report.first_segment
            anchor = _anchor(folder, first, older_than, now)
            if anchor is not None:
                text = keys.sign_text(ANCHOR, anchor.model_dump_json()).model_dump_json()
                _replace(folder / ANCHOR_FILE, text.encode())
                first = anchor.segment + 1
            # Also what an earlier prune was kept from removing.
            for number in segments(folder):
                if number < first:
                    (folder / checkpoint_file(number)).unlink(missing_ok=True)
                    (folder / segment_file(number)).unlink()
            sync_folder(folder)
            return anchor
    except OSError as error:
        raise Unusable(f"{folder}: {error.strerror}") from error


def _anchor(folder: Path, first: int, older_than: float, now: float) -> Anchor | None:
    anchor = None
    for number in segments(folder)[:-1]:
        if number < first:
            continue
        newest, last = 0.0, None
        for raw in read_lines(folder / segment_file(number)):
            last = read_line(raw)
            newest = max(newest, last.at if last else now)
        if last is None or newest >= older_than:
            break
        *_, signed = read_lines(folder / checkpoint_file(number))
        checkpoint = Checkpoint.model_validate_json(SignedText.model_validate_json(signed).text)
        anchor = Anchor(segment=number, seq=last.seq, hash=last.hash, checkpoint=checkpoint.number, at=now)
    return anchor


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "prune.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
