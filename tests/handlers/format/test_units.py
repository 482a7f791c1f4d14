from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from handlers.format.units import display_width, duration, ellipsis, local_time, quote, short_id, size

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "Less than a second"),
        (0.9, "Less than a second"),
        (1.9, "1 second"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (HOUR - 1, "59 minutes"),
        (HOUR, "About an hour"),
        (5399, "About an hour"),
        (5400, "2 hours"),
        (47.4 * HOUR, "47 hours"),
        (47.6 * HOUR, "2 days"),
        (13 * DAY, "13 days"),
        (14 * DAY, "2 weeks"),
        (59 * DAY, "8 weeks"),
        (60 * DAY, "2 months"),
        (729 * DAY, "24 months"),
        (730 * DAY, "2 years"),
        (4000 * DAY, "10 years"),
    ],
)
def test_an_age_is_worded_as_docker_words_it(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "digits", "text"),
    [
        (0, 3, "0B"),
        (999, 3, "999B"),
        (1000, 3, "1kB"),
        (1_984_221, 3, "1.98MB"),
        (1_984_221, 4, "1.984MB"),
        (4_870_000_000, 3, "4.87GB"),
        (999_900, 3, "1e+03kB"),
        (10**30, 4, "1e+06YB"),
    ],
)
def test_a_size_has_decimal_units_and_gos_digits(count, digits, text):
    assert size(count, digits) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (UTC, "2026-11-23 23:56:40 +0000 UTC"),
        (ZoneInfo("Asia/Seoul"), "2026-11-24 08:56:40 +0900 KST"),
        (ZoneInfo("Asia/Dubai"), "2026-11-24 03:56:40 +0400 +04"),
        (timezone(timedelta(hours=2)), "2026-11-24 01:56:40 +0200 +0200"),
    ],
)
def test_a_time_shows_in_the_readers_zone(zone, text):
    assert local_time(1_795_478_200, zone) == text


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("한글 명령", 9, "한글 명령"),
        ("한글 명령", 8, "한글 명…"),
        ("한글", 3, "한…"),
        ("한글", 2, "…"),
        ("", 3, ""),
    ],
)
def test_a_text_is_cut_to_its_display_width(text, width, short):
    assert ellipsis(text, width) == short
    assert display_width(short) <= width


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("a\tb\n\x01é\u200b\U000e0001", '"a\\tb\\n\\x01é\\u200b\\U000e0001"'),
    ],
)
def test_a_text_is_quoted_as_go_quotes_it(text, quoted):
    assert quote(text) == quoted


def test_a_short_id_has_twelve_characters_and_no_algorithm():
    assert short_id("sha256:" + "ab" * 32) == "abababababab"
