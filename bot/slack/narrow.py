"""The form that asks which lines of a running job are to be shown."""

import shlex
from collections.abc import Mapping
from typing import Any

from bot.job_commands import check_pattern
from bot.jobs.matching import PATTERN_CHARS
from bot.request import Origin, Request
from bot.slack.blocks import cut
from bot.store.corrections import Correction
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


def request_from_form(payload: Mapping[str, Any], line: Correction, *, now: float) -> Request:
    """The kept line with the pattern of the form."""
    user = payload["user"]
    return Request(
        origin=Origin.MODAL,
        delivery_id=f"view:{payload['view']['id']}:{user['id']}",
        team_id=str(user.get("team_id") or payload["team"]["id"]),
        user_id=user["id"],
        user_name=str(user.get("username") or user["id"]),
        channel_id=line.channel_id,
        thread_ts=line.thread_ts,
        program=line.program,
        text=f"{line.text} -- {shlex.quote(_pattern(payload))}",
        received_at=now,
    )


def _pattern(payload: Mapping[str, Any]) -> str:
    return str(payload["view"]["state"]["values"][PATTERN][PATTERN].get("value") or "")


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
