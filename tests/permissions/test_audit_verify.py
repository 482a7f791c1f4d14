"""What verifying says, word for word and with its place, of a chain that somebody had in hand."""

from collections.abc import Callable

import pytest

from permissions.audit import ENTRY, Opened, Resumed, Stopped
from permissions.audit_chain import GENESIS, Anchor, Checkpoint, SignedText, record_line
from permissions.audit_verify import FINDINGS
from tests.permissions.made_chains import NOW, Chain, entry_of, said, signed


def test_a_whole_chain_is_told_with_its_numbers():
    chain = Chain(3, 2, 1)
    report = chain.report()
    assert report.model_dump(exclude={"last_hash"}) == {
        "outcome": "sound",
        "segments": 3,
        "first_segment": 1,
        "first": 1,
        "last": 9,
        "covered": 9,
        "tail": 0,
        "checkpoints": 3,
        "findings": (),
        "resumed": (),
        "more": 0,
        "missing": (),
        "underway": (),
    }
    assert report.last_hash == chain.hashes[9]


def drop(chain: Chain) -> None:
    del chain.segments[1][2]


def drop_two(chain: Chain) -> None:
    del chain.segments[1][2:4]


def swap(chain: Chain) -> None:
    lines = chain.segments[1]
    lines[2], lines[3] = lines[3], lines[2]


def flip(chain: Chain) -> None:
    chain.segments[1][2] = chain.segments[1][2].replace(b'"at":1', b'"at":2')


def garble(chain: Chain) -> None:
    chain.segments[1][2] = b"{" + chain.segments[1][2]


def tear(chain: Chain) -> None:
    chain.segments[2][-1] = chain.segments[2][-1][:-9]


def cut(chain: Chain) -> None:
    del chain.segments[2][-1]


def empty(chain: Chain) -> None:
    chain.segments[2], chain.vouched[2] = [], []


def lose(chain: Chain) -> None:
    del chain.segments[1]


def lose_the_middle(chain: Chain) -> None:
    del chain.segments[2]


def rename(chain: Chain) -> None:
    chain.segments = {1: chain.segments[2], 2: chain.segments[1]}


def anew(chain: Chain) -> None:
    """A record and all behind it made right again."""
    chain.segments[1][3], own = record_line(4, chain.hashes[3], ENTRY.dump_json(entry_of("b1", 3, NOW + 1)))
    chain.segments[1][4], _ = record_line(5, own, ENTRY.dump_json(entry_of("b1", 4)))


def another(chain: Chain) -> None:
    """The last record is another one, as if its hash had not been signed."""
    chain.segments[2][-1], _ = record_line(
        chain.seq, chain.hashes[chain.seq - 1], ENTRY.dump_json(entry_of("b1", 9))
    )


def repeat(chain: Chain) -> None:
    chain.add(2, Stopped(), number=1)


def open_again(chain: Chain) -> None:
    chain.add(2, Opened(segment=2, checkpoint=2), "chain", 0)


def open_as_another(chain: Chain) -> None:
    chain.segments[1][0], _ = record_line(
        1, GENESIS, ENTRY.dump_json(entry_of("chain", 0, what=Opened(segment=7, checkpoint=0)))
    )


def miscount(chain: Chain) -> None:
    chain.segments[1][0], _ = record_line(
        1, GENESIS, ENTRY.dump_json(entry_of("chain", 0, what=Opened(segment=1, checkpoint=5)))
    )


def drop_a_checkpoint(chain: Chain) -> None:
    chain.vouched[1] = []


def forge(chain: Chain) -> None:
    checkpoint = Checkpoint(number=1, segment=1, seq=5, hash=chain.hashes[5], at=NOW)
    chain.vouched[1] = [signed(checkpoint, "theirs")]


def spoil(chain: Chain) -> None:
    chain.vouched[1] = [b"{}\n"]


def of_another_segment(chain: Chain) -> None:
    checkpoint = Checkpoint(number=1, segment=4, seq=5, hash=chain.hashes[5], at=NOW)
    chain.vouched[1] = [signed(checkpoint)]


def of_an_earlier_record(chain: Chain) -> None:
    chain.vouch(2, 5)


def of_a_record_between(chain: Chain) -> None:
    chain.segments[2] = [chain.segments[2][0], *chain.segments[2][2:]]
    chain.vouched[2] = []
    chain.checkpoints = 1
    chain.vouch(2, 7)
    chain.vouch(2, 8)


ATTACKS: dict[Callable[[Chain], None], list[str]] = {
    drop: ["s1:3: 1 records are missing before record 4"],
    drop_two: ["s1:3: 2 records are missing before record 5"],
    swap: [
        "s1:3: 1 records are missing before record 4",
        "s1:4: record 3 comes after record 4: moved or inserted",
        "s1:5: 1 records are missing before record 5",
    ],
    flip: ["s1:3: record 3 was altered: it has not the hash that it says"],
    garble: ["s1:3: is no record: it was altered"],
    tear: ["s2:3: is cut off", "s2: record 8 is not there: NAME 2 8"],
    cut: ["s2:2: is cut off after record 7: NAME 2 8"],
    empty: ["s2: is empty"],
    lose: [
        "s2: segment 1 is missing before this one",
        "s2:1: 5 records are missing before record 6",
        "c2:1: checkpoint 2 stands where 1 is due",
        "s2:1: checkpoints up to 1 came before, not 0",
    ],
    anew: [
        "s1:5: record 5 is not the one that was signed: NAME 1 5",
        "s2:1: record 6 does not follow the record before it",
        "s1: no checkpoint covers its last records, 1…5",
    ],
    another: ["s2:3: record 8 is not the one that was signed: NAME 2 8"],
    repeat: ["s2:4: entry 1 of b1 is in the chain twice"],
    open_again: ["s2:4: a segment begins with its own record, and has it nowhere else"],
    open_as_another: [
        "s1:1: is not the first record of segment 1",
        "s1:2: record 2 does not follow the record before it",
    ],
    miscount: [
        "s1:1: checkpoints up to 5 came before, not 0",
        "s1:2: record 2 does not follow the record before it",
    ],
    drop_a_checkpoint: [
        "s1: no checkpoint covers its last records, 1…5",
        "c2:1: checkpoint 2 stands where 1 is due",
        "s2:1: checkpoints up to 1 came before, not 0",
    ],
    forge: [
        "c1:1: is signed by no key that is trusted (it names theirs)",
        "s1: no checkpoint covers its last records, 1…5",
        "c2:1: checkpoint 2 stands where 1 is due",
        "s2:1: checkpoints up to 1 came before, not 0",
    ],
    spoil: [
        "c1:1: is no checkpoint: it was altered or cut off",
        "s1: no checkpoint covers its last records, 1…5",
        "c2:1: checkpoint 2 stands where 1 is due",
        "s2:1: checkpoints up to 1 came before, not 0",
    ],
    of_another_segment: ["c1:1: NAME 1 5: it is of segment 4"],
    of_an_earlier_record: ["c2: does not belong to this segment: NAME 3 5"],
    of_a_record_between: [
        "s2:2: 1 records are missing before record 8",
        "s2: record 7 is not there: NAME 2 7",
    ],
}


@pytest.mark.parametrize(("attack", "findings"), ATTACKS.items(), ids=[attack.__name__ for attack in ATTACKS])
def test_what_was_done_is_said_with_its_place(attack: Callable[[Chain], None], findings: list[str]):
    chain = Chain(4, 2)
    attack(chain)
    report = chain.report()

    def whole(text: str) -> str:
        before, name, behind = text.partition("NAME ")
        if not name:
            return text
        numbers, colon, rest = behind.partition(":")
        number, seq = map(int, numbers.split())
        return f"{before}{chain.name(number, seq)}{colon}{rest}"

    assert (report.outcome, sorted(said(report))) == ("altered", sorted(map(whole, findings)))
    assert report.more == 0


def test_a_middle_segment_that_is_gone_is_named():
    chain = Chain(1, 1, 1)
    lose_the_middle(chain)
    assert said(chain.report())[:1] == ["s3: segment 2 is missing before this one"]
    assert "s3:1: 2 records are missing before record 5" in said(chain.report())


def test_segments_that_changed_places_are_no_beginnings():
    chain = Chain(1, 1)
    rename(chain)
    assert said(chain.report())[:2] == [
        "s1:1: 2 records are missing before record 3",
        "s1:1: is not the first record of segment 1",
    ]


def test_nothing_at_all_is_no_audit():
    assert said(Chain().report()) == [".: holds no segment"]


@pytest.mark.parametrize(("records", "outcome"), [(198, "sound"), (199, "altered")])
def test_a_tail_of_two_hundred_records_means_that_checkpoints_were_removed(records: int, outcome: str):
    report = Chain(records, checkpoints=False).report()
    assert (report.outcome, report.tail, report.covered) == (outcome, records + 1, 0)
    told = ["s1: no checkpoint covers the last 200 records: checkpoints were removed"]
    assert said(report) == (told if outcome == "altered" else [])


def test_what_was_posted_is_looked_for():
    chain = Chain(4, 2)
    assert chain.report({3: chain.hashes[3], 8: chain.hashes[8]}).outcome == "sound"
    other = "f" * 64
    assert said(chain.report({3: other})) == ["s1:3: record 3 is known with another hash, ffffffffffffffff…"]
    [older] = said(chain.report({9: other}))
    assert older.startswith("s2: ends at record 8, and record 9 (ffffffffffffffff…) is known: this is an")
    assert older.endswith("this is an older state of the audit, or cut off")
    assert said(Chain().report({1: other}))[-1].startswith(".: ends at record 0, and record 1")
    garble(chain)
    assert said(chain.report({3: chain.hashes[3]}))[-1] == (
        f"s2: record 3 was not found; it is known as {chain.hashes[3][:16]}…"
    )


def anchor_of(chain: Chain, segment: int, seq: int, checkpoint: int) -> Anchor:
    return Anchor(segment=segment, seq=seq, hash=chain.hashes[seq], checkpoint=checkpoint, at=NOW)


def test_behind_an_anchor_the_chain_goes_on():
    chain = Chain(2, 2, 2)
    anchor = anchor_of(chain, 1, 3, 1)
    # Retention that was interrupted has left what it vouches for.
    assert chain.report(anchor=signed(anchor)).outcome == "sound"
    del chain.segments[1]
    report = chain.report({2: "f" * 64}, anchor=signed(anchor))
    assert (report.outcome, report.first_segment, report.first, report.last, report.segments) == (
        "sound",
        2,
        4,
        9,
        2,
    )
    assert (report.checkpoints, report.covered) == (2, 9)
    wrong = anchor.model_copy(update={"hash": "0" * 64})
    assert said(chain.report(anchor=signed(wrong))) == ["s2:1: record 4 does not follow the record before it"]


def test_a_forged_anchor_anchors_nothing():
    chain = Chain(2, 2)
    anchor = anchor_of(chain, 1, 3, 1)
    del chain.segments[1]
    missing = ["s2: segment 1 is missing before this one", "s2:1: 3 records are missing before record 4"]
    for text, sentence in (
        (signed(anchor, "theirs"), "is signed by no key that is trusted (it names theirs)"),
        (b"{}", "is not an anchor"),
        (
            SignedText(text="{}", key_id="ours", signature="ours Anchor").model_dump_json().encode(),
            "is not an anchor",
        ),
        (signed(Checkpoint(number=1, segment=1, seq=3, hash=GENESIS, at=NOW)), "is not an anchor"),
    ):
        assert said(chain.report(anchor=text))[0] == f"anchor.json: {sentence}"
        assert set(missing) <= set(said(chain.report(anchor=text)))


def test_what_the_bot_itself_found_is_told_apart():
    chain = Chain(1)
    chain.add(1, Resumed(seq=41, hash="a" * 64), "chain", 0)
    chain.vouch(1)
    report = chain.report()
    assert (report.outcome, said(report)) == ("altered", [])
    assert [str(one) for one in report.resumed] == [
        "s1:3: the bot found another state of the audit here: it had written 41 records"
    ]


@pytest.mark.parametrize(("later", "outcome"), [(60.0, "sound"), (60.5, "unaccounted")])
def test_an_entry_that_did_not_come_within_a_minute_is_missing(later: float, outcome: str):
    chain = Chain(1)
    chain.add(1, Stopped(), number=3)
    chain.add(1, Stopped(), "b2", 1, NOW + later)
    chain.vouch(1)
    report = chain.report()
    assert report.outcome == outcome
    lost, underway = (
        (report.missing, report.underway) if outcome == "unaccounted" else (report.underway, report.missing)
    )
    assert ([(one.source, one.number, one.at) for one in lost], underway) == ([("b1", 2, NOW)], ())


def test_so_many_findings_are_listed_and_the_rest_is_counted():
    chain = Chain(FINDINGS + 3)
    chain.segments[1][1:] = [b"{" + line for line in chain.segments[1][1:]]
    report = chain.report()
    # … and the checkpoint's record is not there.
    assert (len(report.findings), report.more) == (FINDINGS, 4)
