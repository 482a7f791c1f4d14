"""Points in time, as Go reads them: what is asked of the engine, and the sentence for what is none."""

from datetime import timedelta, timezone

import pytest

from handlers.container.moments import check_moment, moment
from tests.fakes.context import FakeClock

HERE = FakeClock(now=1_700_000_000.5, zone=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", None),
        ("10m", "1699999400"),
        ("-1h", "1700003600"),
        ("0", "0"),
        ("1577836800", "1577836800"),
        ("1577836800.5", "1577836800.5"),
        ("+5", "+5"),
        ("2020-01-01", "1577829600.000000000"),
        ("2020-01-01Z", "1577836800.000000000"),
        ("2020-01-01+02:00", "1577829600.000000000"),
        ("2020-01-01-02:00", "1577844000.000000000"),
        ("2020-01-01T10", "1577865600.000000000"),
        ("2020-01-01T2:30", "1577838600.000000000"),
        ("2020-01-01T10:00:00", "1577865600.000000000"),
        ("2020-01-01T10:00:00.5", "1577865600.500000000"),
        ("2020-01-01T10:00:00,5Z", "1577872800.500000000"),
        ("2020-01-01T10:00:00.1234567891Z", "1577872800.123456789"),
        ("2020-01-01T10:00:00+24:60", "1577782800.000000000"),
        ("0000-01-01Z", "-62167219200.000000000"),
        ("2020-02-29Z", "1582934400.000000000"),
    ],
)
def test_a_point_in_time_is_asked_for_as_the_cli_does(text, asked):
    check_moment("since", text)
    assert moment(text, HERE) == asked


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("notatime", 'failed to parse value as time or duration: "notatime"'),
        ("1d", 'failed to parse value as time or duration: "1d"'),
        ("1.2.3", 'failed to parse value as time or duration: "1.2.3"'),
        ("2020-1-1", 'parsing time "2020-1-1" as "2006-01-02": cannot parse "1-1" as "01"'),
        ("a-b", 'parsing time "a-b" as "2006-01-02": cannot parse "a-b" as "2006"'),
        ("2020-", 'parsing time "2020-" as "2006-01-02": cannot parse "" as "01"'),
        ("2020-13-01", 'parsing time "2020-13-01": month out of range'),
        ("2020-01-32", 'parsing time "2020-01-32": day out of range'),
        ("2021-02-29", 'parsing time "2021-02-29": day out of range'),
        ("2020-01-01T25", 'parsing time "2020-01-01T25": hour out of range'),
        ("2020-01-01T23:60", 'parsing time "2020-01-01T23:60": minute out of range'),
        ("2020-01-01T23:00:60", 'parsing time "2020-01-01T23:00:60": second out of range'),
        (
            "2020-01-01T10:00:00+25:00",
            'parsing time "2020-01-01T10:00:00+25:00": time zone offset hour out of range',
        ),
        (
            "2020-01-01T10:00:00+02:61",
            'parsing time "2020-01-01T10:00:00+02:61": time zone offset minute out of range',
        ),
        ("2020-01-01x", 'parsing time "2020-01-01x": extra text: "x"'),
        (
            "2020-01-01T10:00:00+0200",
            (
                'parsing time "2020-01-01T10:00:00+0200" as "2006-01-02T15:04Z07:00": '
                'cannot parse ":00+0200" as "Z07:00"'
            ),
        ),
    ],
)
def test_what_is_none_is_refused_with_the_sentence_of_the_cli(text, problem):
    with pytest.raises(ValueError, match=r"^invalid value") as refused:
        check_moment("since", text)
    assert str(refused.value) == f'invalid value for "since": {problem}'
