"""What phones and Slack do to a line is undone, and nothing else."""
# ruff: noqa: RUF001 - the look-alikes are the subject

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.typed import normalise

CASES = {
    "curly double quotes": ("run -e “A=b c” x", 'run -e "A=b c" x'),
    "german and french quotes": ("run „a“ «b»", 'run "a" "b"'),
    "curly single quotes": ("run ‘a b’ it’s", "run 'a b' it's"),
    "a leading em dash": ("rm —force web", "rm --force web"),
    "a leading en dash at the very start": ("–help", "--help"),
    "an em dash that stands alone": ("restart — timeout 2 web", "restart — timeout 2 web"),
    "an em dash inside a token": ("run -e A=b—c", "run -e A=b—c"),
    "an em dash inside quotes after a space": ('run -e "A=b — c"', 'run -e "A=b — c"'),
    "an em dash inside curly quotes": ("run -e “A=b —c”", 'run -e "A=b —c"'),
    "an em dash after an escaped space": ("run a\\ —b", "run a\\ —b"),
    "no-break and thin spaces": ("ps\u00a0-a\u2009-q\u202f-s", "ps -a -q -s"),
    "zero width space and byte order mark": ("\ufeffps\u200b -a", "ps -a"),
    "a bare link": ("pull <https://r.example/app>", "pull https://r.example/app"),
    "a link whose label was typed": ("pull <http://r.example/app:1|r.example/app:1>", "pull r.example/app:1"),
    "a link whose label lies": ("pull <http://evil.example|good.example>", "pull http://evil.example"),
    "a mail address": ("login -u <mailto:a@b.example|a@b.example>", "login -u a@b.example"),
    "a mail address without a label": ("login -u <mailto:a@b.example>", "login -u a@b.example"),
    "a phone number": ("stop <tel:5551234|5551234>", "stop 5551234"),
    "a channel": ("logs <#C012|ops>", "logs #ops"),
    "a private channel": ("logs <#C012|>", "logs #C012"),
    "a user": ("can-i <@U012>", "can-i @U012"),
    "a special mention": ("run x <!channel> <!subteam^S1|@ops>", "run x @channel @ops"),
    "entities once": ("run x &lt;a&gt; &amp;amp;", "run x <a> &amp;"),
    "angle brackets that are no markup": (
        "ps --format '<b>{{.Names}}</b>'",
        "ps --format '<b>{{.Names}}</b>'",
    ),
    "a redirection": ("ps > out 2>&1", "ps > out 2>&1"),
}


@pytest.mark.parametrize(("typed", "meant"), CASES.values(), ids=CASES)
def test_undoes(typed, meant):
    assert normalise(typed).text == meant


def test_notes_say_what_was_changed_and_only_that():
    assert normalise("rm —force “web”\u00a0").notes == (
        "special spaces made plain",
        "curly quotes made straight",
        "a long dash read as --",
    )
    assert normalise("ps -a").notes == ()
    assert normalise("\u200bps <https://a.example>").notes == (
        "links made plain",
        "invisible characters removed",
    )


@given(
    st.text(alphabet=st.characters(exclude_characters="<&") | st.sampled_from("“”„«»‘’—–\u00a0\u200b\"'\\ "))
)
def test_typography_is_undone_once_and_for_all(text):
    once = normalise(text).text
    assert normalise(once).text == once
    assert normalise(once).notes == ()


@given(st.text(alphabet=string.printable.replace("<", "").replace("&", "")))
def test_plain_ascii_is_untouched(text):
    assert normalise(text).text == text
    assert normalise(text).notes == ()


@given(st.text(alphabet=string.printable.replace("<", "")))
def test_what_slack_escapes_comes_back(text):
    escaped = text.replace("&", "&amp;").replace(">", "&gt;")
    assert normalise(escaped).text == text
