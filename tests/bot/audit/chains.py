"""Chains on disk for the tests of the audit: written by the real code, then tampered with."""

import json
from pathlib import Path

from bot.audit.segments import ChainFile, checkpoint_file, segment_file, segments
from bot.audit.tools import verify
from bot.keys import BotKeys
from bot.trust import Trust
from permissions.audit import ENTRY, Entry, Stopped
from permissions.audit_chain import read_line, record_line
from permissions.audit_verify import Report

NOW = 1_790_000_000.0


class Installation:
    """A bot's keys, and a folder that chains are written to."""

    def __init__(self, root: Path) -> None:
        self.keys = BotKeys.load_or_create(root / "keys")
        self.keys.publish(root / "trust")
        self.trust = Trust(root / "trust")
        self.folder = root / "audit"
        self.source, self.number = "a1", 0

    def open(self, now: float = NOW) -> ChainFile:
        return ChainFile(self.folder, self.keys, self.trust.signed, now)

    def entries(self, count: int, **changes) -> list[tuple[bytes, Entry]]:
        return [self.entry(**changes) for _ in range(count)]

    def entry(self, what=None, number=None, **changes) -> tuple[bytes, Entry]:
        self.number = number or self.number + 1
        made = Entry(
            source=changes.get("source", self.source),
            number=self.number,
            at=changes.get("at", NOW),
            void=changes.get("void", ()),
            what=what or Stopped(),
        )
        return ENTRY.dump_json(made), made

    def write(self, *batches: int, now: float = NOW) -> None:
        """Batches of records, a checkpoint after each."""
        chain = self.open(now)
        for count in batches:
            chain.append(self.entries(count, at=now), now)
            chain.sign_checkpoint(now)
        chain.close()

    def verify(self, against=None) -> Report:
        return verify(self.folder, self.trust.signed, against)

    def lines(self, segment: int = 1) -> list[bytes]:
        return (self.folder / segment_file(segment)).read_bytes().splitlines(keepends=True)

    def replace(self, lines: list[bytes], segment: int = 1) -> None:
        (self.folder / segment_file(segment)).write_bytes(b"".join(lines))

    def checkpoints(self, segment: int = 1) -> list[bytes]:
        return (self.folder / checkpoint_file(segment)).read_bytes().splitlines(keepends=True)

    def replace_checkpoints(self, lines: list[bytes], segment: int = 1) -> None:
        (self.folder / checkpoint_file(segment)).write_bytes(b"".join(lines))

    def chained(self) -> list[Entry]:
        """Every entry of the chain but those that begin segments."""
        raws = [raw for number in segments(self.folder) for raw in self.lines(number)]
        entries = [ENTRY.validate_json(read_line(raw).entry) for raw in raws]
        return [entry for entry in entries if entry.what.kind != "opened"]


def places(report: Report) -> list[tuple[str, int]]:
    """Where the findings are."""
    return [(finding.file, finding.line) for finding in report.findings]


def rechained(lines: list[bytes], start: int) -> list[bytes]:
    """The lines with every hash from ``start`` on made right again, as one without a key can."""
    kept = lines[:start]
    seq, prev = (read_line(kept[-1]).seq, read_line(kept[-1]).hash) if kept else (0, "0" * 64)
    for raw in lines[start:]:
        entry = json.dumps(json.loads(raw)["entry"], separators=(",", ":"), ensure_ascii=False).encode()
        seq += 1
        made, prev = record_line(seq, prev, entry)
        kept.append(made)
    return kept
