"""Masking: what goes, what stays, across every cut of the stream, and in bounded time."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from handlers.redact import KEY_BLOCK, LONGEST_LINE, Masks, Redactor, secret_values

VALUE = "sword fish/9&é<x>"
MASK = "[masked]"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabcdefgh\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


def masked(text: str, *values: str) -> str:
    return Masks(values).text(text)


@pytest.mark.parametrize(
    "spelling",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        "sword fish/9\\u0026é\\u003cx\\u003e",
        quote(VALUE),
        quote(VALUE, safe=""),
        quote(VALUE, safe="").lower(),
        quote_plus(VALUE),
    ],
)
def test_a_known_value_is_masked_in_every_usual_spelling(spelling):
    assert masked(f"before {spelling} after\n", VALUE) == f"before {MASK} after\n"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz"])
@pytest.mark.parametrize("value", ["hunter2?", "hunter2?~", "hunter2?~>", VALUE])
def test_a_known_value_is_masked_within_any_base64(encode, before, after, value):
    text = encode(f"{before}{value}{after}".encode()).decode()
    result = masked(text, value)
    assert MASK in result
    left = result.split(MASK)
    # What is left must not give back more of the value than its edge bits.
    assert sum(len(part) for part in left) <= len(before) * 2 + len(after) * 2 + 6


def test_short_values_are_left_alone_and_the_longest_wins():
    assert masked("seven77 is short", "seven77") == "seven77 is short"
    assert masked("supersecret-extended", "supersecret", "supersecret-extended") == MASK


def test_each_line_of_a_value_with_lines_is_masked():
    assert masked("x first-line-1\r\nsecond-line y\n", "first-line-1\nsecond-line") == (
        f"x {MASK}\r\n{MASK} y\n"
    )


def test_a_very_long_value_is_masked_in_parts():
    value = "".join(f"{number:08d}" for number in range(2000))
    result = masked(f"<{value}>\n", value)
    assert result.replace(MASK, "") == "<>\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {MASK}."),
        ("ghp_0123456789abcdefABCDEF0123456789abcd", MASK),
        ("github_pat_11ABCDEFG0123456789_abcdefgh", MASK),
        ("xoxb-123456789012-abcdefABCDEF", MASK),
        ("xapp-1-A012-345-abcdef", MASK),
        ("https://hooks.slack.com/services/T00/B00/XXXXXXXX", f"https://hooks.slack.com/services/{MASK}"),
        ("dckr_pat_0123456789abcdefghij_-x", MASK),
        (f"jwt={JWT};", f"jwt={MASK};"),
        ("Authorization: Basic dXNlcjpwYXNz\r\n", f"Authorization: Basic {MASK}\r\n"),
        ('"Authorization": "Bearer abc.def"', f'"Authorization": "Bearer {MASK}"'),
        ("X-Registry-Auth: eyJ1c2VybmFtZSI6ImEifQ==", f"X-Registry-Auth: {MASK}"),
        ("sent bearer 0123456789abcdef0", f"sent bearer {MASK}"),
        ("postgres://ada:p%40ss@db:5432/x", f"postgres://ada:{MASK}@db:5432/x"),
        ("redis://:p@ss@db", f"redis://:{MASK}@db"),
        ("https://0123456789abcdefghij@github.com/a", f"https://{MASK}@github.com/a"),
        ("DB_PASSWORD=a", f"DB_PASSWORD={MASK}"),
        ("export API_KEY='with blanks in it'; next", f"export API_KEY='{MASK}'; next"),
        ('"POSTGRES_PASSWORD=two words",', f'"POSTGRES_PASSWORD={MASK}",'),
        ('"dbPassword": "two \\" words"', f'"dbPassword": "{MASK}"'),
        ("client_secret: abc", f"client_secret: {MASK}"),
        ("?token=abc&page=2", f"?token={MASK}&page=2"),
        ("--requirepass=abc x", f"--requirepass={MASK} x"),
        ("pwd=abc PASS=abc", f"pwd={MASK} PASS={MASK}"),
        ("AWS_SECRET_ACCESS_KEY=wJalr/XUtn+FEMI", f"AWS_SECRET_ACCESS_KEY={MASK}"),
        ('"auth": "dXNlcjpwYXNz"', f'"auth": "{MASK}"'),
        (f"a {KEY} b", f"a {MASK} b"),
        (json.dumps({"k": KEY}), f'{{"k": "{MASK}"}}'),
    ],
)
def test_known_shapes_are_masked_and_their_surroundings_stay(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "9f86d081884c 4f1b2b0b822cd15d6c15b0f00a08aaaa1234",
        "busybox@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "550e8400-e29b-41d4-a716-446655440000",
        '"Path": "/bin/sh", "compass": "north", "Tokens": [], "PWD_": {}',
        "https://example.com:8080/path?x=1 user@host git@github.com:a/b.git",
        "basic authentication bearer of news",
        "PASSED=1 bypass=no",
        "ghp_short AKIA1 xox eyJ.a.b",
    ],
)
def test_ids_digests_and_ordinary_text_stay(text):
    assert masked(text) == text


TEXT = (
    f"plain\nDB_PASSWORD=abc x\n{JWT} {VALUE}\r\n{KEY}\nprogress 1%\rprogress 2%\r"
    'postgres://a:b@c "TOKEN=two words"\nunfinished sword fish/9&é<x>'
).encode()
CLEAN = Masks([VALUE]).text(TEXT.decode()).encode()


@pytest.mark.parametrize("cut", range(len(TEXT) + 1))
def test_a_secret_is_found_wherever_the_stream_is_cut(cut):
    redactor = Redactor([VALUE])
    assert redactor.feed(TEXT[:cut]) + redactor.feed(TEXT[cut:]) + redactor.end() == CLEAN


def test_a_secret_is_found_when_bytes_come_one_by_one():
    redactor = Redactor([VALUE])
    got = b"".join(redactor.feed(TEXT[at : at + 1]) for at in range(len(TEXT))) + redactor.end()
    assert got == CLEAN
    assert VALUE.encode() not in got


@pytest.mark.parametrize("offset", [0, 1, 100, 8000, 16_380, 16_384, 16_390, 40_000])
@pytest.mark.parametrize("secret", [VALUE, "DB_PASSWORD=hunter2", JWT, "x" * 20 + KEY.replace("\n", "\\n")])
@pytest.mark.parametrize("size", [1000, 4096, 65_536])
def test_a_secret_is_found_in_a_line_without_end(offset, secret, size):
    text = (" " * (LONGEST_LINE - offset) + secret + " " * (2 * LONGEST_LINE)).encode()
    redactor = Redactor([VALUE])
    got = b"".join(redactor.feed(text[at : at + size]) for at in range(0, len(text), size)) + redactor.end()
    assert MASK.encode() in got
    for part in (VALUE, "hunter2", JWT[-20:], "MIIEpAIBAA"):
        assert part.encode() not in got


def test_whole_lines_are_not_held_back():
    redactor = Redactor([VALUE])
    assert redactor.feed(b"one\ntwo") == b"one\n"
    assert redactor.feed(b" and\r") == b"two and\r"
    assert redactor.end() == b""


def test_a_private_key_without_end_hides_a_bounded_part():
    result = masked("-----BEGIN PRIVATE KEY-----\n" + "visible\n" * (KEY_BLOCK // 4))
    assert result.startswith(MASK)
    assert result.endswith("visible\n")
    assert len(result) > KEY_BLOCK // 2


def test_what_was_masked_is_counted_by_kind_alone():
    masks = Masks([VALUE])
    masks.text(f"{VALUE} {VALUE}\nDB_PASSWORD=abc {JWT}\n{KEY}")
    assert masks.counts == {"value": 2, "named": 1, "jwt": 1, "private key": 1}


def test_values_can_be_added_later():
    masks = Masks()
    redactor = Redactor(masks)
    masks.add(["late-value-1"])
    assert redactor.feed(b"late-value-1\n") == b"[masked]\n"


def test_no_value_is_a_pattern_and_bytes_that_are_no_text_pass():
    assert masked("a.*b.*c.* abbbcccc", "a.*b.*c.*") == f"{MASK} abbbcccc"
    redactor = Redactor(["\udcff\udcfe-secret"])
    assert redactor.feed(b"\xff\xfe\x00\n") == b"\xff\xfe\x00\n"


@pytest.mark.parametrize(
    ("env", "values"),
    [
        (["DB_PASSWORD=hunter22", "PATH=/usr/bin:/bin"], ["hunter22"]),
        (["PASSWORD=short"], []),
        (["NOTHING", "SECRET", "=TOKEN"], []),
        (["API_TOKEN=a=b=c=d=e"], ["a=b=c=d=e"]),
        (["DATABASE_URL=postgres://ada:p%40ssword@db/x"], ["p%40ssword", "p@ssword"]),
        (["HOME_URL=https://example.com:8080/"], []),
    ],
)
def test_the_secrets_of_an_environment_are_told_by_name_or_url(env, values):
    assert secret_values(env) == values


@pytest.mark.parametrize(
    "flood",
    [
        b"2024-01-01 INFO request served in 12 ms\n",
        b"a",
        b"pwd=a ",
        b"pass",
        b"eyJaaaaaa.",
        b"://a:",
        b'"PASSWORD=',
        b"-----BEGIN ",
        b"authorization: ",
        b"'key_",
        b"\\",
        b"\n",
    ],
)
def test_a_flood_costs_time_in_proportion(flood):
    def cost(size: int) -> float:
        data = flood * (size // len(flood))
        redactor = Redactor([f"secret-value-{number:02d}" for number in range(8)])
        begun = time.process_time()
        for at in range(0, size, 32_768):
            redactor.feed(data[at : at + 32_768])
        redactor.end()
        return time.process_time() - begun

    assert cost(1_000_000) < 2.0  # far above what is measured, far below anything quadratic
