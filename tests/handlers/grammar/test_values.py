import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.grammar.gonumbers import parse_uint, quote
from handlers.grammar.values import (
    BOOL,
    BYTES,
    DECIMAL,
    DURATION,
    FILTER,
    INT,
    MAP,
    STRING,
    SWAP_BYTES,
    UINT,
    UINT16,
    filter_query,
)

MOST, LEAST = 2**63 - 1, -(2**63)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (STRING, "", ""),
        (MAP, "a=b", "a=b"),
        *[(BOOL, text, True) for text in ("1", "t", "T", "true", "TRUE", "True")],
        *[(BOOL, text, False) for text in ("0", "f", "F", "false", "FALSE", "False")],
        (INT, "2", 2),
        (INT, "+2", 2),
        (INT, "-10", -10),
        (INT, "-0", 0),
        (INT, "0x1F", 31),
        (INT, "-0X1f", -31),
        (INT, "0b101", 5),
        (INT, "0o17", 15),
        (INT, "017", 15),
        (INT, "00", 0),
        (INT, "0_7", 7),
        (INT, "1_000", 1000),
        (INT, "0x_f", 15),
        (INT, str(MOST), MOST),
        (INT, str(LEAST), LEAST),
        (UINT, str(2**64 - 1), 2**64 - 1),
        (UINT16, "65535", 65535),
        (DURATION, "0", 0),
        (DURATION, "1h2m3.5s", 3_723_500_000_000),
        (DURATION, "-1.5ms", -1_500_000),
        (DURATION, "1µs", 1_000),
        (BYTES, "0", 0),
        (BYTES, "512", 512),
        (BYTES, "512b", 512),
        (BYTES, "100k", 102_400),
        (BYTES, "100KB", 102_400),
        (BYTES, "64m", 64 * 2**20),
        (BYTES, "64MiB", 64 * 2**20),
        (BYTES, "1.5g", 3 * 2**29),
        (BYTES, ".5g", 2**29),
        (BYTES, "2 t", 2 * 2**40),
        (BYTES, "1p", 2**50),
        (BYTES, "1.9", 1),
        (BYTES, "1e3", 1000),
        (BYTES, "0x1p4", 16),
        (BYTES, "1_000k", 1_024_000),
        (BYTES, "99999999999g", LEAST),
        (SWAP_BYTES, "-1", -1),
        (SWAP_BYTES, "1g", 2**30),
        (DECIMAL, "1.5", 1_500_000_000),
        (DECIMAL, "3/2", 1_500_000_000),
        (DECIMAL, "0.000000001", 1),
        (DECIMAL, "-1", -1_000_000_000),
        (DECIMAL, "1e1", 10_000_000_000),
        (DECIMAL, "0x1.8", 1_500_000_000),
        (DECIMAL, "0x2/0x4", 500_000_000),
        (DECIMAL, "1p2", 4_000_000_000),
        (DECIMAL, "0b11", 3_000_000_000),
        (DECIMAL, "017", 17_000_000_000),
        (DECIMAL, "1_000", 1_000_000_000_000),
        (DECIMAL, "9223372036.854775808", -(2**63)),
        (FILTER, "status=running", "status=running"),
        (FILTER, " Label = a=b ", "label=a=b"),
        (FILTER, "", ""),
    ],
)
def test_a_text_becomes_the_value_docker_makes_of_it(kind, text, value):
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (BOOL, "maybe", 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        (BOOL, "", 'strconv.ParseBool: parsing "": invalid syntax'),
        (BOOL, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
        *[
            (INT, text, f'strconv.ParseInt: parsing "{text}": invalid syntax')
            for text in (
                "",
                "x",
                "2s",
                "1.5",
                "+",
                "-",
                "--1",
                "0x",
                "08",
                "0b2",
                "_1",
                "1_",
                "1__0",
                "0x_",
                "\N{ARABIC-INDIC DIGIT ONE}",
            )
        ],
        (INT, str(MOST + 1), f'strconv.ParseInt: parsing "{MOST + 1}": value out of range'),
        (INT, str(LEAST - 1), f'strconv.ParseInt: parsing "{LEAST - 1}": value out of range'),
        (
            INT,
            "99999999999999999999x",
            'strconv.ParseInt: parsing "99999999999999999999x": value out of range',
        ),
        (INT, "a\tb\u200b", 'strconv.ParseInt: parsing "a\\tb\\u200b": invalid syntax'),
        (UINT16, "65536", 'strconv.ParseUint: parsing "65536": value out of range'),
        (UINT16, "-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (UINT16, "+1", 'strconv.ParseUint: parsing "+1": invalid syntax'),
        (DURATION, "5", 'time: missing unit in duration "5"'),
        (DURATION, "1d", 'time: unknown unit "d" in duration "1d"'),
        (DURATION, "", 'time: invalid duration ""'),
        (BYTES, "", "invalid size: ''"),
        (BYTES, "abc", "invalid size: 'abc'"),
        (BYTES, "-1", "invalid size: '-1'"),
        (BYTES, "1x", "invalid suffix: 'x'"),
        (BYTES, "5BX", "invalid suffix: 'bx'"),
        (BYTES, "5kibb", "invalid suffix: 'kibb'"),
        (BYTES, "5XYZW", "invalid suffix: 'XYZW'"),
        (BYTES, "5é", "invalid suffix: 'é'"),
        (BYTES, "10mb1", 'strconv.ParseFloat: parsing "10mb1": invalid syntax'),
        (BYTES, "5  k", 'strconv.ParseFloat: parsing "5 ": invalid syntax'),
        (BYTES, "0x10", 'strconv.ParseFloat: parsing "0x10": invalid syntax'),
        (BYTES, "1e999", 'strconv.ParseFloat: parsing "1e999": value out of range'),
        (BYTES, "0x1p9999", 'strconv.ParseFloat: parsing "0x1p9999": value out of range'),
        (SWAP_BYTES, "-2", "invalid size: '-2'"),
        (DECIMAL, "abc", "failed to parse abc as a rational number"),
        (DECIMAL, "3/0", "failed to parse 3/0 as a rational number"),
        (DECIMAL, "1e99999", "failed to parse 1e99999 as a rational number"),
        (DECIMAL, "1/-2", "failed to parse 1/-2 as a rational number"),
        (DECIMAL, "1_", "failed to parse 1_ as a rational number"),
        (DECIMAL, "0.0000000001", "value is too precise"),
        (FILTER, "status", "bad format of filter (expected name=value)"),
    ],
)
def test_a_bad_text_is_refused_with_the_message_of_the_cli(kind, text, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared below
        kind.parse(text)
    assert str(refused.value) == message


@given(st.integers(LEAST, MOST))
def test_every_64_bit_number_is_read_back(number):
    assert INT.parse(INT.show(number)) == number
    assert DURATION.parse(DURATION.show(number)) == number
    assert DECIMAL.parse(DECIMAL.show(number)) == number


@given(st.text())
def test_any_text_is_a_value_or_a_refusal(text):
    for kind in (BOOL, INT, UINT, DURATION, BYTES, SWAP_BYTES, DECIMAL, FILTER):
        with contextlib.suppress(ValueError):
            value = kind.parse(text)
            assert kind.parse(kind.show(value)) == value


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", '"a"'),
        ('a"\\', '"a\\"\\\\"'),
        ("\n\x7f", '"\\n\\x7f"'),
        ("é\u200b\U000e0001", '"é\\u200b\\U000e0001"'),
    ],
)
def test_quoting_is_that_of_go(text, quoted):
    assert quote(text) == quoted


def test_base_ten_takes_no_prefix_and_no_underscore():
    assert parse_uint("080", 16, 10) == 80
    for text in ("0x8", "1_0", ""):
        with pytest.raises(ValueError, match="invalid syntax"):
            parse_uint(text, 16, 10)


def test_conditions_make_the_query_that_the_cli_sends():
    query = filter_query(("status=running", "label=b", "label=a", "", "label=a"))
    assert query is not None
    assert json.loads(query) == {"status": {"running": True}, "label": {"a": True, "b": True}}


def test_no_condition_makes_no_query():
    assert filter_query(()) is None
    assert filter_query(("",)) is None
