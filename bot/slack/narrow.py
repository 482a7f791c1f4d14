"""The form that asks which lines of a running job are to be shown."""

import shlex
from collections.abc import Mapping
from typing import Any

from bot.jobs.matching import PATTERN_CHARS
from bot.own.job_lines import check_pattern
from bot.slack.blocks import cut
from handlers.faults import UsageFault

CALLBACK = "narrow"
PATTERN = "pattern"


def view(line_id: str, line: str) -> dict[str, Any]:
    """The form, as ``views.open`` takes it; the line that it completes is named by an opaque id."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": line_id,
        "title": _text("Only lines with…"),
        "submit": _text("Show them"),
        "close": _text("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": PATTERN,
                "label": _text(cut(f"Pattern for {line.removeprefix('grep ')}", 100)),
                "hint": _text("A regular expression; the job runs on, only its display changes."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": PATTERN,
                    "max_length": PATTERN_CHARS,
                    "placeholder": _text("ERROR|WARN"),
                },
            }
        ],
    }


def problem(payload: Mapping[str, Any]) -> str:
    """What is wrong with the pattern in a submitted form; "" when nothing is."""
    try:
        check_pattern(_pattern(payload))
    except UsageFault as fault:
        return cut(fault.message, 150)
    return ""


def line_from_form(payload: Mapping[str, Any], line: str) -> str:
    """The kept line with the pattern of the form."""
    return f"{line} -- {shlex.quote(_pattern(payload))}"


def _pattern(payload: Mapping[str, Any]) -> str:
    return str(payload["view"]["state"]["values"][PATTERN][PATTERN].get("value") or "")


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
