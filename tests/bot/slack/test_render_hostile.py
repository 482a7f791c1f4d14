"""Whatever is printed, named or typed: nothing of it becomes Slack's markup or breaks a limit."""

import json

import pytest

from bot.jobs.wire import Cells
from bot.reply import Help, Refusal
from bot.slack import replies
from bot.slack.blocks import clean
from handlers.faults import Reason
from tests.bot.slack.test_render import check, ending, live, page

from .conftest import record, result, tail

HOSTILE = {
    "a mention of everybody": "<!channel> <@U02BOB> <#C01OPS> <!subteam^S1> @here\nsecond",
    "a link that lies": "<http://evil.example|docs>\nsecond",
    "bidi overrides": "abc\u202etxt.exe\u2066\nsecond",
    "terminal tricks": "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\x1b[2J\rover\x08\x00\x9b1m\nsecond",
    "invisible characters": "we\u200bb\ufeff\U000e0041\nsecond",
    "half characters": "\ud800x\nsecond".encode("utf-8", "replace").decode(),
    "one long line": "x" * 60_000,
    "wide characters": "\U0001f600" * 15_000,
    "many empty lines": "\n" * 60_000,
    "many short lines": "x\n" * 30_000,
    "markup": "</text> & *bold* `code` ~~~ ```\nsecond",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("where", ["stdout", "stderr", "both", "table", "command", "hint"])
def test_nothing_that_is_printed_breaks_out(text, where):
    request = record(shown=f"docker run {text}") if where == "command" else record()
    outputs = {
        "stdout": {"stdout": tail(text)},
        "stderr": {"stderr": tail(text)},
        "both": {"stdout": tail(text), "stderr": tail(text)},
        "table": {"table": Cells(header=("A", text, ""), rows=((text, "", text),) * 120, total=500)},
        "hint": {"hint": text},
    }.get(where, {})
    for message in ending(request, result().model_copy(update=outputs)):
        check(message)
        check(message.without_table())
        check(message.labelled("(repeat)"))
        seen = json.dumps(message.blocks, ensure_ascii=False) + message.text
        assert clean(seen) == seen
        assert "<" not in message.text
        assert ">" not in message.text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("where", ["tail", "pattern", "note", "page", "page pattern", "command"])
def test_nothing_that_a_running_job_prints_breaks_out(text, where):
    part = text[:4096]
    message = {
        "tail": lambda: live(tail=part, total_lines=3),
        "pattern": lambda: live(tail="x\n", pattern=part, matched=1),
        "note": lambda: live(note=part),
        "page": lambda: page(text[:10_000]),
        "page pattern": lambda: page("x\n", pattern=part[:200]),
        "command": lambda: live(record(shown=f"docker run {text}")),
    }[where]()
    check(message)
    check(message.labelled("(repeat)"))
    seen = (
        json.dumps([block for block in message.blocks if block["type"] != "actions"], ensure_ascii=False)
        + message.text
    )
    assert clean(seen) == seen
    assert "<" not in message.text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_line_breaks_out_of_its_refusal(text):
    refusal = Refusal(
        reason=Reason.UNKNOWN_OPTION,
        message=text,
        hint=text,
        line=text,
        span=(1, len(text)),
        suggestion=text,
        correction_id="opaque",
        rule=text,
        usage=text,
    )
    for message in (replies.refusal(refusal), replies.help_text(Help(text=text))):
        check(message)
        seen = json.dumps(message.blocks, ensure_ascii=False) + message.text
        assert clean(seen) == seen
