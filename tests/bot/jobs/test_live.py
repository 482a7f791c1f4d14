"""A running job's output: its end is told now and then, however much there is, and nothing piles up."""

import time
import tracemalloc

import pytest

from bot.jobs.live import EVERY, Live, LiveOutputs
from bot.jobs.wire import LIVE_BYTES
from handlers.context import Transfer

T0 = 1_790_000_000.0


@pytest.fixture
def live():
    return Live("J-1", T0)


def test_nothing_is_told_before_anything_is_printed(live):
    assert live.news(T0 + 60) is None


def test_what_was_printed_is_told_once(live):
    live.write(b"a\nb\n")
    news = live.news(T0 + EVERY)
    assert (news.tail, news.total_lines, news.total_bytes, news.skipped) == ("a\nb\n", 2, 4, 0)
    assert live.news(T0 + 9) is None


def test_a_job_is_told_of_at_most_once_a_second(live):
    told = 0
    for tenth in range(100):
        live.write(b"x\n")
        told += live.news(T0 + tenth / 10) is not None
    assert told == 9


def test_what_a_telling_overtook_is_counted(live):
    line = b"x" * 99 + b"\n"
    live.write(line * 1000)
    first = live.news(T0 + 1)
    shown = first.tail.count("\n")
    assert (first.total_lines, first.skipped) == (1000, 1000 - shown)
    live.write(line * 5)
    assert live.news(T0 + 2).skipped == first.skipped
    assert len(first.tail.encode()) <= LIVE_BYTES
    assert set(first.tail.splitlines()) == {"x" * 99}


@pytest.mark.parametrize("data", [b"\xff" * 9000, "日本".encode() * 3000, b"\n" * 9000, b"x" * 9000])
def test_a_tail_is_text_of_bounded_size_whatever_was_printed(live, data):
    live.write(data)
    assert len(live.news(T0 + 1).tail.encode()) <= LIVE_BYTES


def test_a_flood_takes_no_memory(live):
    chunk = b"0123456789012345678901234567890123456789\n" * 1600
    tracemalloc.start()
    try:
        for _ in range(1600):  # 100 MB
            live.write(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert live.lines == 1600 * 1600
    assert peak < 40 * LIVE_BYTES


def test_a_pattern_chooses_lines_from_now_on(live):
    live.write(b"ERROR old\n")
    live.narrow("ERR.R")
    live.write(b"fine\nERROR one\nERR")
    live.write(b"OR two\nfine\n")
    news = live.news(T0)
    assert (news.tail, news.matched, news.pattern) == ("ERROR one\nERROR two\n", 2, "ERR.R")
    assert (news.total_lines, news.skipped) == (5, 0)
    live.narrow("")
    live.write(b"fine again\n")
    news = live.news(T0)
    assert (news.tail, news.pattern) == ("fine again\n", "")


def test_a_pattern_finds_its_line_in_a_flood(live):
    live.narrow("needle")
    for number in range(200):
        live.write(b"hay\n" * 500 + (b"needle\n" if number == 100 else b""))
    news = live.news(T0)
    assert (news.tail, news.skipped) == ("needle\n", 0)


def test_a_pattern_that_takes_too_long_is_given_up_and_said_so(live):
    live.narrow("(a+)+$")
    begun = time.perf_counter()
    for _ in range(1000):
        live.write(b"a" * 40 + b"b\n")
    assert time.perf_counter() - begun < 5
    news = live.news(T0)
    assert (news.pattern, "too long" in news.note) == ("", True)
    assert news.tail


def test_what_is_no_pattern_is_said_so(live):
    live.narrow("(")
    assert live.news(T0).note.startswith("Not a pattern")


def test_a_transfer_is_told_with_its_speed(live):
    live.transfer(Transfer(done=0, layers=3, bytes_done=1_000, bytes=9_000))
    news = live.news(T0 + 1)
    assert (news.layers, news.layers_done, news.bytes, news.bytes_done) == (3, 0, 9_000, 1_000)
    assert news.per_second == pytest.approx(1_000)
    live.transfer(Transfer(done=1, layers=3, bytes_done=7_000, bytes=9_000))
    assert live.news(T0 + 3).per_second == pytest.approx(3_000)


def test_all_jobs_are_told_of_in_one_call_and_again_when_that_failed():
    calls = []

    def tell(news):
        calls.append([one.job_id for one in news])
        if len(calls) == 1:
            raise ConnectionError

    outputs = LiveOutputs(tell)
    for job_id in ("J-1", "J-2", "J-3"):
        outputs.open(job_id).write(b"x\n")
    outputs.close("J-3")
    now = time.time()
    outputs.round(now + 1)
    outputs.round(now + 2)
    outputs.round(now + 3)
    assert calls == [["J-1", "J-2"], ["J-1", "J-2"]]
