"""Chains in memory, and the word of a verifier on them; a signature is a word here."""

from permissions.audit import ENTRY, Entry, Opened, Seen, Stopped, What
from permissions.audit_chain import ANCHOR, CHECKPOINT, GENESIS, Anchor, Checkpoint, SignedText, record_line
from permissions.audit_verify import Report, Verifier

NOW = 1_790_000_000.0
Lines = list[bytes]


def signed(record: Checkpoint | Anchor, by: str = "ours") -> bytes:
    text = record.model_dump_json()
    return (
        SignedText(text=text, key_id=by, signature=f"{by} {type(record).__name__}").model_dump_json().encode()
    )


def trusts(purpose: bytes, text: str, signature: str, key_id: str) -> bool:
    """Stands for the keys: a signature of ours, made for this purpose."""
    kind = {CHECKPOINT: "Checkpoint", ANCHOR: "Anchor"}[purpose]
    return key_id == "ours" and signature == f"ours {kind}" and text.startswith("{")


class Chain:
    """Segments as they are written: an opening record, entries of one source, a checkpoint at their end."""

    def __init__(self, *sizes: int, checkpoints: bool = True) -> None:
        self.segments: dict[int, Lines] = {}
        self.vouched: dict[int, Lines] = {}
        self.hashes = {0: GENESIS}
        self.seq = self.number = self.checkpoints = 0
        for segment, size in enumerate(sizes, start=1):
            self.segments[segment], self.vouched[segment] = [], []
            sources = {"b1": Seen(high=self.number)} if self.number else {}
            self.add(
                segment, Opened(segment=segment, checkpoint=self.checkpoints, sources=sources), "chain", 0
            )
            for _ in range(size):
                self.add(segment, Stopped())
            if checkpoints:
                self.vouch(segment)

    def add(
        self, segment: int, what: What, source: str = "b1", number: int | None = None, at: float = NOW
    ) -> None:
        if number is None:
            self.number += 1
        entry = Entry(source=source, number=self.number if number is None else number, at=at, what=what)
        line, own = record_line(self.seq + 1, self.hashes[self.seq], ENTRY.dump_json(entry))
        self.seq += 1
        self.hashes[self.seq] = own
        self.segments[segment].append(line)

    def vouch(self, segment: int, seq: int | None = None) -> None:
        self.checkpoints += 1
        seq = self.seq if seq is None else seq
        fields = {
            "number": self.checkpoints,
            "segment": segment,
            "seq": seq,
            "hash": self.hashes[seq],
            "at": NOW,
        }
        self.vouched[segment].append(signed(Checkpoint.model_validate(fields)))

    def name(self, number: int, seq: int) -> str:
        return f"checkpoint {number} vouches for record {seq} ({self.hashes[seq][:16]}…)"

    def report(self, against: dict[int, str] | None = None, anchor: bytes = b"") -> Report:
        verifier = Verifier(trusts, against)
        if anchor:
            verifier.anchor("anchor.json", anchor)
        for segment, lines in self.segments.items():
            verifier.segment(segment, f"s{segment}", lines, f"c{segment}", self.vouched[segment])
        return verifier.report()


def said(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


def entry_of(source: str, number: int, at: float = NOW, what: What | None = None) -> Entry:
    return Entry(source=source, number=number, at=at, what=what or Stopped())
