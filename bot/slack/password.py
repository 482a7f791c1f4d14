"""The form that asks for a registry password, so that it stands in no line and no channel."""

import shlex
from collections.abc import Mapping
from typing import Any

from bot.reply import PasswordNeeded
from bot.request import Origin, Request
from bot.slack.blocks import cut
from bot.store.corrections import Correction

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


def request_from_form(payload: Mapping[str, Any], correction: Correction, *, now: float) -> Request:
    """The login with what the form says; its text holds the password and is kept nowhere."""
    values, user = payload["view"]["state"]["values"], payload["user"]
    username = str(values[_NAME][_NAME].get("value") or "")
    password = str(values[_PASSWORD][_PASSWORD].get("value") or "")
    words = ["--username", username, "--password", password]
    return Request(
        origin=Origin.MODAL,
        delivery_id=f"view:{payload['view']['id']}:{user['id']}",
        team_id=str(user.get("team_id") or payload["team"]["id"]),
        user_id=user["id"],
        user_name=str(user.get("username") or user["id"]),
        channel_id=correction.channel_id,
        thread_ts=correction.thread_ts,
        program=correction.program,
        text=f"{correction.text} {shlex.join(words)}",
        received_at=now,
    )


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _input(name: str, label: str, value: str = "") -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": name}
    if value:
        element["initial_value"] = value
    return {"type": "input", "block_id": name, "label": _text(label), "element": element}
