"""The byte form of records, and the numbers by which a missing entry shows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from permissions.audit import CHAIN, ENTRY, Ended, Entry, PolicyInForce, Seen, Started, Stopped
from permissions.audit_chain import EVENTS_KEPT, GENESIS, SOURCES_KEPT, Numbers, Tally, read_line, record_line


def entry(number=1, source="a1", what=None, void=()) -> Entry:
    return Entry(source=source, number=number, at=1.5, void=void, what=what or Stopped())


@given(
    seq=st.integers(1, 10**18 - 1),
    number=st.integers(0, 10**18 - 1),
    at=st.floats(1, 1e15),
    void=st.lists(st.integers(1, 10**6), max_size=5),
    file=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_record_is_read_as_it_was_written(seq, number, at, void, file):
    what = PolicyInForce(file=file, old="", new="")
    made = Entry(source="0a", number=number, at=at, void=tuple(void), what=what)
    raw, own = record_line(seq, GENESIS, ENTRY.dump_json(made))
    line = read_line(raw)
    assert (line.seq, line.prev, line.hash, line.own) == (seq, GENESIS, own, own)
    assert (line.source, line.number, line.at, line.void) == ("0a", number, at, tuple(void))
    assert line.kind == "policy"
    assert ENTRY.validate_json(line.entry) == made
    assert json.loads(raw)["entry"]["what"]["file"] == file


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"{}\n",
        record_line(1, GENESIS, ENTRY.dump_json(entry()))[0][:-1],
        record_line(1, GENESIS, ENTRY.dump_json(entry()))[0].replace(b'"seq":1,', b'"seq": 1,'),
        record_line(1, GENESIS, ENTRY.dump_json(entry()))[0].replace(b'"seq":1,', b'"seq":01,'),
        record_line(1, GENESIS, ENTRY.dump_json(entry()))[0].replace(b"}}}\n", b"}},1}\n"),
        record_line(1, GENESIS, b"{}")[0],
        record_line(1, GENESIS, b'{"source":"A","number":1,"at":1.0,"void":[],"what":{"kind":"x"}}')[0],
        record_line(1, GENESIS, b'{"source":"a","number":1,"at":1.e.,"void":[],"what":{"kind":"x"}}')[0],
        record_line(1, GENESIS, b'{"source":"a","number":1,"at":1.0,"void":[' + b"1" * 5000 + b"]}")[0],
        record_line(1, GENESIS, ENTRY.dump_json(entry()).replace(b"stopped", b"stop\nped"))[0],
    ],
)
def test_what_has_not_the_form_is_no_record(raw):
    assert read_line(raw) is None


@given(st.permutations(range(1, 12)), st.sets(st.integers(1, 11)))
def test_whatever_the_order_exactly_the_numbers_that_never_came_are_missing(order, lost):
    numbers = Numbers()
    for number in order:
        if number not in lost:
            assert numbers.add("a", number, (), 1.0)
            assert not numbers.add("a", number, (), 2.0)
    highest = max((number for number in order if number not in lost), default=0)
    expected = [number for number in sorted(lost) if number < highest]
    assert [number for _, number, _ in numbers.missing()] == expected
    for number in range(1, 13):
        assert numbers.has("a", number) == (number in order and number not in lost)


def test_what_a_segment_remembers_continues_the_count():
    numbers = Numbers()
    for number, void in ((1, ()), (5, (3,)), (6, ())):
        numbers.add("a", number, void, 1.0)
    remembered = numbers.seen()
    assert remembered == {"a": Seen(high=6, missing=(2, 4), void=(3,))}
    again = Numbers()
    again.start(remembered)
    assert [again.has("a", number) for number in range(1, 8)] == [
        True,
        False,
        False,
        False,
        True,
        True,
        False,
    ]
    assert [number for _, number, _ in again.missing()] == [2, 4]
    assert again.add("a", 3, (), 2.0)  # given up, and it came all the same
    assert again.has("a", 3)


def test_only_the_latest_sources_are_remembered():
    numbers = Numbers()
    for source in range(SOURCES_KEPT + 5):
        numbers.add(f"{source:x}", 1, (), 1.0)
    numbers.add("0", 2, (), 1.0)
    assert len(numbers.seen()) == SOURCES_KEPT
    assert numbers.seen()["0"].high == 2
    assert "1" not in numbers.seen()


def test_an_event_that_comes_twice_is_known_and_another_of_the_job_is_not():
    tally = Tally()
    began = Started(job_id="J-1", worker="w", began_at=1.0)
    tally.add(entry(1, what=began))
    assert tally.repeats(entry(2, "b2", began))
    assert not tally.repeats(entry(2, "b2", began.model_copy(update={"began_at": 2.0})))
    assert not tally.repeats(entry(2, "b2", Stopped()))
    for number in range(EVENTS_KEPT):
        tally.add(entry(number + 2, what=Started(job_id=f"J-{number + 2}", worker="w", began_at=1.0)))
    assert not tally.repeats(entry(2, "b2", began))


def test_the_chain_s_own_records_repeat_nothing():
    tally = Tally()
    own = Entry(source=CHAIN, number=0, at=1.0, what=Stopped())
    tally.add(own)
    assert not tally.repeats(own)


def test_a_result_holds_no_output():
    times = {"began_at", "ended_at"}
    sizes = {"stdout_bytes", "stderr_bytes"}
    assert set(Ended.model_fields) == {"kind", "job_id", "worker", "exit_code", "reason", *times, *sizes}
