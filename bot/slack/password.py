"""The form that asks for a registry password, so that it stands in no line and no channel."""

import shlex
from collections.abc import Mapping
from typing import Any

from bot.reply import PasswordNeeded
from bot.slack.blocks import cut

CALLBACK = "registry_password"
_NAME, _PASSWORD = "username", "password"
_SERVER_CHARS = 100


def view(needed: PasswordNeeded) -> dict[str, Any]:
    """The form, as ``views.open`` takes it; the line behind it is named by an opaque id alone."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": needed.correction_id,
        "title": _text("Registry login"),
        "submit": _text("Log in"),
        "close": _text("Cancel"),
        "blocks": [
            {"type": "section", "text": _text(f"Registry: {cut(needed.server, _SERVER_CHARS)}")},
            _input(_NAME, "Username", needed.username),
            _input(_PASSWORD, "Password or access token"),
            {
                "type": "context",
                "elements": [
                    _text("Sealed to the host before anything is stored; kept for your commands alone.")
                ],
            },
        ],
    }


def line_from_form(payload: Mapping[str, Any], line: str) -> str:
    """The login with what the form says; it holds the password and is kept nowhere."""
    values = payload["view"]["state"]["values"]
    username = str(values[_NAME][_NAME].get("value") or "")
    password = str(values[_PASSWORD][_PASSWORD].get("value") or "")
    return f"{line} {shlex.join(['--username', username, '--password', password])}"


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _input(name: str, label: str, value: str = "") -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": name}
    if value:
        element["initial_value"] = value
    return {"type": "input", "block_id": name, "label": _text(label), "element": element}
