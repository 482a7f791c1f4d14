"""A stored output is read again by pages, as grep and tail would."""

import io
import subprocess

import pytest

from bot.jobs.matching import BadPattern, Matcher, TooSlow
from bot.jobs.pages import LINE_CHARS, PAGE_CHARS, read_page
from bot.jobs.wire import ShowOrder

LOG = "".join(f"line {n} {'ERROR' if n % 10 == 0 else 'ok'}\n" for n in range(1, 101))


def read(text=LOG, **order):
    data = text if isinstance(text, bytes) else text.encode()
    return read_page(io.BytesIO(data), ShowOrder(job_id="J-1", **order))


def numbers(text):
    return [int(line.split()[1]) for line in text.splitlines()]


PAGES = {
    "the end": ({"lines": 3}, [98, 99, 100], True, False),
    "before that": ({"lines": 3, "below": 98}, [95, 96, 97], True, True),
    "after a line": ({"lines": 3, "above": 95}, [96, 97, 98], True, True),
    "the beginning": ({"lines": 3, "below": 3}, [1, 2], False, True),
    "the last page forward": ({"lines": 3, "above": 98}, [99, 100], True, False),
    "all of it": ({"lines": 200}, list(range(1, 101)), False, False),
    "only what fits": ({"lines": 3, "pattern": "ERR"}, [80, 90, 100], True, False),
    "what fits before": ({"lines": 2, "pattern": "ERR", "below": 80}, [60, 70], True, True),
    "what fits after": ({"lines": 2, "pattern": "ERR", "above": 20}, [30, 40], True, True),
    "with lines around": (
        {"lines": 200, "pattern": "line 5 ", "before": 1, "after": 2},
        [4, 5, 6, 7],
        False,
        False,
    ),
}


@pytest.mark.parametrize(("order", "shown", "older", "newer"), PAGES.values(), ids=PAGES)
def test_shows(order, shown, older, newer):
    text, page = read(**order)
    plain = "".join(line.partition(":")[2] or line.partition("-")[2] for line in text.splitlines(True))
    assert numbers(plain if order.get("pattern") else text) == shown
    assert (page.first, page.last, page.older, page.newer) == (shown[0], shown[-1], older, newer)
    assert page.total_lines == 100


@pytest.mark.parametrize("context", [(0, 0), (1, 0), (0, 3), (5, 5)], ids=str)
def test_is_what_grep_prints(context):
    before, after = context
    text, page = read(lines=200, pattern="ERROR", before=before, after=after)
    around = [f"-B{before}", f"-A{after}"] if before or after else []
    arguments = ["grep", "-n", *around, "ERROR"]
    asked = subprocess.run(arguments, input=LOG, capture_output=True, text=True, check=True)
    assert text == asked.stdout
    assert page.matched == 10


def test_turning_pages_back_and_forth_shows_every_line_once():
    seen, below = [], 0
    while True:
        text, page = read(lines=7, below=below)
        seen = numbers(text) + seen
        below = page.first
        if not page.older:
            break
    assert seen == list(range(1, 101))
    forward, above = [], 0
    while True:
        text, page = read(lines=7, above=above) if above else read(lines=7, below=8)
        forward += numbers(text)
        above = page.last
        if not page.newer:
            break
    assert forward == list(range(1, 101))


def test_a_page_fits_a_message_whatever_the_lines_are():
    text, page = read("日" * 3000 + "\n" + "x" * 3000 + "\n" + ("y" * 900 + "\n") * 20)
    assert len(text) <= PAGE_CHARS
    assert page.older
    text, _ = read("z" * 5_000_000)
    assert text == "z" * (LINE_CHARS - 1) + "…\n"


def test_long_lines_count_once_and_bytes_need_not_be_text():
    text, page = read(b"\xff\xfe" + b"a" * 200_000 + b"\n\r\nend", lines=3)
    assert page.total_lines == 3
    assert text.endswith("\nend\n")


def test_nothing_fits():
    text, page = read(pattern="nowhere")
    assert (text, page.first, page.last, page.matched) == ("", 0, 0, 0)


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a" * 300, "(?P<x>", r"\1"])
def test_refuses_what_is_no_pattern(pattern):
    with pytest.raises(BadPattern):
        Matcher(pattern, 1.0)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", r"(?:a?){30}a{30}"])
def test_no_pattern_can_keep_the_worker_busy(pattern):
    matcher = Matcher(pattern, 0.5)
    with pytest.raises(TooSlow):  # noqa: PT012 - which line it is does not matter
        for _ in range(100_000):
            matcher.fits("a" * 35 + "!")
