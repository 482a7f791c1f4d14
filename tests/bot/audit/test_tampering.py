"""What is changed in the audit's folder is found, at its place, by whoever has the public keys."""

import contextlib
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit import segments as audit_segments
from bot.audit.tools import told
from bot.keys import BotKeys
from permissions.audit_chain import ANCHOR, CHECKPOINT, Checkpoint, SignedText
from permissions.audit_verify import FINDINGS
from tests.bot.audit.chains import NOW, Installation, places, rechained

SEGMENT, CHECKPOINTS = "segment-000001.jsonl", "segment-000001.checkpoints.jsonl"


@pytest.fixture
def made(tmp_path) -> Installation:
    """Twenty records and the first one, in two batches with a checkpoint each: lines 1…21."""
    made = Installation(tmp_path)
    made.write(10, 10)
    return made


def flip(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def test_an_untouched_chain_is_sound(made):
    report = made.verify()
    assert (report.outcome, report.first, report.last, report.covered, report.tail) == ("sound", 1, 21, 21, 0)
    assert report.findings == ()


@pytest.mark.parametrize("at", [0, 12, 80, 90, 160, 175, 200, -2, -1], ids=lambda at: f"byte {at}")
def test_one_flipped_byte_is_found_in_its_line(made, at):
    lines = made.lines()
    lines[4] = flip(lines[4], at % len(lines[4]))
    made.replace(lines)
    report = made.verify()
    assert report.outcome == "altered"
    # A line whose end is flipped swallows the next one.
    assert (SEGMENT, 5) in places(report)


@pytest.mark.parametrize("at", [1, 5, 11, 19])
def test_one_dropped_record_is_found_where_it_was(made, at):
    lines = made.lines()
    del lines[at]
    made.replace(lines)
    report = made.verify()
    assert places(report) == [(SEGMENT, at + 1)]
    assert f"1 records are missing before record {at + 2}" in report.findings[0].sentence


def test_the_last_record_dropped_is_found_by_its_checkpoint(made):
    made.replace(made.lines()[:-1])
    report = made.verify()
    assert places(report) == [(SEGMENT, 20)]
    assert "cut off after record 20" in report.findings[0].sentence


def test_two_swapped_records_are_found_where_they_are(made):
    lines = made.lines()
    lines[6], lines[7] = lines[7], lines[6]
    made.replace(lines)
    assert places(made.verify())[:2] == [(SEGMENT, 7), (SEGMENT, 8)]


def test_an_inserted_record_is_found(made):
    lines = made.lines()
    made.replace([*lines[:8], lines[3], *lines[8:]])
    assert (SEGMENT, 9) in places(made.verify())


def test_a_record_cut_short_is_found(made):
    lines = made.lines()
    made.replace([*lines[:-1], lines[-1][:50]])
    report = made.verify()
    assert places(report) == [(SEGMENT, 20)]
    lines[9] = lines[9][:50]
    made.replace(lines)
    assert (SEGMENT, 10) in places(made.verify())


def test_a_chain_made_right_again_after_a_change_fails_at_the_signed_record(made):
    lines = made.lines()
    lines[4] = lines[4].replace(b'"number":4', b'"number":9')
    made.replace(rechained(lines, 4))
    report = made.verify()
    assert [finding.line for finding in report.findings if "was signed" in finding.sentence] == [11, 21]


def test_what_no_checkpoint_covers_is_called_the_tail(made):
    chain = made.open()
    chain.append(made.entries(5), NOW)
    chain.close()
    report = made.verify()
    assert (report.outcome, report.covered, report.tail) == ("sound", 21, 5)
    assert "the last 5 are not" in "".join(told(report))


def test_a_tail_that_is_too_long_means_that_checkpoints_were_removed(made):
    made.write(150, 150, 150)
    made.replace_checkpoints(made.checkpoints()[:3])
    report = made.verify()
    assert "no checkpoint covers the last 300 records" in report.findings[0].sentence


def checkpoint(installation: Installation, keys: BotKeys, purpose: bytes = CHECKPOINT, **changes) -> bytes:
    last = Checkpoint.model_validate_json(SignedText.model_validate_json(installation.checkpoints()[-1]).text)
    text = last.model_copy(update={"number": 3, **changes}).model_dump_json()
    return keys.sign_text(purpose, text).model_dump_json().encode() + b"\n"


def test_a_forged_checkpoint_is_found_with_its_line(made, tmp_path):
    stranger = BotKeys.load_or_create(tmp_path / "stranger")
    good = made.checkpoints()
    for forged in (
        checkpoint(made, stranger),
        checkpoint(made, made.keys, ANCHOR),
        flip(good[1], len(good[1]) // 2),
        b"{}\n",
    ):
        made.replace_checkpoints([*good, forged])
        assert (CHECKPOINTS, 3) in places(made.verify())


@pytest.mark.parametrize("dropped", [0, 1])
def test_a_removed_checkpoint_is_found_unless_it_is_the_last(made, dropped):
    made.write(3)
    lines = made.checkpoints()
    del lines[dropped]
    made.replace_checkpoints(lines)
    assert (CHECKPOINTS, dropped + 1) in places(made.verify())


def test_one_that_was_signed_for_another_record_does_not_serve(made):
    made.replace_checkpoints([*made.checkpoints()[:1], checkpoint(made, made.keys, number=2, seq=20)])
    report = made.verify()
    assert places(report) == [(SEGMENT, 20)]


@pytest.fixture
def long(tmp_path, monkeypatch) -> Installation:
    """Several segments, of two batches each."""
    monkeypatch.setattr(audit_segments, "SEGMENT_BYTES", 2_000)
    made = Installation(tmp_path)
    made.write(*[5] * 8)
    assert len(audit_segments.segments(made.folder)) >= 4
    return made


def test_segments_follow_each_other(long):
    report = long.verify()
    assert report.outcome == "sound"
    assert report.segments == len(audit_segments.segments(long.folder)) >= 4
    assert (report.first_segment, report.first, report.covered, report.tail) == (1, 1, report.last, 0)
    assert len(long.chained()) == 40


def test_a_missing_segment_is_named(long):
    (long.folder / audit_segments.segment_file(2)).unlink()
    report = long.verify()
    assert report.findings[0].sentence == "segment 2 is missing before this one"
    assert report.findings[0].line == 0
    assert str(report.findings[0]) == "segment-000003.jsonl: segment 2 is missing before this one"


def test_a_first_segment_removed_without_an_anchor_is_named(long):
    (long.folder / audit_segments.segment_file(1)).unlink()
    assert "segment 1 is missing" in long.verify().findings[0].sentence


def test_a_segment_of_another_audit_is_found(long, tmp_path):
    other = Installation(tmp_path / "other")
    other.keys, other.trust, other.source = long.keys, long.trust, "b2"
    other.write(*[5] * 8)
    for name in (audit_segments.segment_file(2), audit_segments.checkpoint_file(2)):
        shutil.copy(other.folder / name, long.folder / name)
    report = long.verify()
    assert (audit_segments.segment_file(2), 1) in places(report)
    assert (audit_segments.segment_file(3), 1) in places(report)


def test_segments_that_changed_names_are_found(long):
    two, three = (long.folder / audit_segments.segment_file(n) for n in (2, 3))
    two.rename(long.folder / "x")
    three.rename(two)
    (long.folder / "x").rename(three)
    assert (audit_segments.segment_file(2), 1) in places(long.verify())


def test_checkpoints_of_a_closed_segment_cannot_be_removed_unseen(long):
    (long.folder / audit_segments.checkpoint_file(2)).unlink()
    sentences = [finding.sentence for finding in long.verify().findings]
    assert any("no checkpoint covers its last records" in sentence for sentence in sentences)


def test_a_folder_taken_back_to_an_older_state_is_found_by_what_was_posted(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "older")
    made.write(10)
    later = made.verify()
    assert later.outcome == "sound"
    shutil.rmtree(made.folder)
    shutil.copytree(tmp_path / "older", made.folder)
    assert made.verify().outcome == "sound"  # by itself it is
    report = made.verify({later.last: later.last_hash})
    assert places(report) == [(SEGMENT, 0)]
    assert "older state" in report.findings[0].sentence


def test_what_was_posted_finds_a_record_made_anew(made):
    assert made.verify({7: "ab" * 32}).findings[0].line == 7
    assert made.verify({21: made.verify().last_hash}).outcome == "sound"


def test_an_entry_that_never_came_leaves_a_gap(made):
    made.number += 2
    chain = made.open()
    chain.append([made.entry(), made.entry(at=NOW + 300)], NOW)
    chain.close()
    report = made.verify()
    assert report.outcome == "unaccounted"
    assert [(one.source, one.number) for one in report.missing] == [("a1", 21), ("a1", 22)]


def test_an_entry_that_is_declared_void_or_comes_late_leaves_none(made):
    chain = made.open()
    chain.append([made.entry(number=22), made.entry(number=24, void=(23,))], NOW)
    assert [one.number for one in made.verify().underway] == [21]
    chain.append([made.entry(number=21), made.entry(number=25, at=NOW + 300)], NOW)
    chain.close()
    assert made.verify().outcome == "sound"


def test_what_is_void_and_comes_all_the_same_is_chained_once(made):
    chain = made.open()
    late = made.entry(number=21)
    chain.append([made.entry(number=22, void=(21,)), late, late], NOW)
    chain.close()
    chain = made.open()
    assert chain.append([late], NOW) == 0
    chain.close()
    assert [entry.number for entry in made.chained()][-2:] == [22, 21]


def test_one_entry_chained_twice_is_found(made):
    lines = made.lines()
    made.replace(rechained([*lines, lines[3]], 21))
    assert "entry 3 of a1 is in the chain twice" in made.verify().findings[0].sentence


def test_so_many_findings_are_listed_and_the_others_counted(tmp_path):
    made = Installation(tmp_path)
    made.write(FINDINGS + 30)
    lines = made.lines()
    made.replace([lines[0], *(b"{" + line for line in lines[1:])])
    report = made.verify()
    assert len(report.findings) == FINDINGS
    assert report.more > 20
    made.replace([*lines[:-20], *(b"{" + line for line in lines[-20:])])
    fewer = made.verify()
    assert (len(fewer.findings) + fewer.more) < (len(report.findings) + report.more)


def test_an_empty_folder_is_no_audit(tmp_path):
    installation = Installation(tmp_path)
    installation.folder.mkdir()
    assert installation.verify().outcome == "altered"


def edited(lines: list[bytes], data) -> list[bytes]:
    """The lines with one of them, or one of their bytes, changed."""
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1))
    length = len(lines[at]) or 1
    edits = {
        "flip": lambda: [flip(lines[at] or b"x", other % length)],
        "drop": list,
        "copy": lambda: [lines[other], lines[at]],
        "cut": lambda: [lines[at][: other % length]],
        "junk": lambda: [data.draw(st.binary(min_size=1, max_size=40)) + b"\n", lines[at]],
        "exchange": lambda: [lines[other]],
    }
    return [*lines[:at], *edits[data.draw(st.sampled_from(sorted(edits)))](), *lines[at + 1 :]] or [b""]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_before_the_last_checkpoint_goes_unseen(made, data):
    """Any sequence of edits of lines and bytes, with or without making the hashes right again."""
    whole = b"".join(made.lines())
    lines = made.lines()
    for _ in range(data.draw(st.integers(1, 3))):
        lines = edited(lines, data)
    if data.draw(st.booleans()):
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            lines = rechained(lines, 0)
    content = b"".join(lines)
    made.replace(lines)
    report = made.verify()
    made.replace([whole])
    if content.startswith(whole) and report.outcome == "sound":
        # What comes after a chain that is whole is its tail; a torn end is cut off at the next start.
        assert content[len(whole) :].count(b"\n") == report.tail
    else:
        assert report.outcome != "sound"
