"""The Web API: which method exists, which token and scope it wants, in what form it takes its arguments."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from bot.standin.webapi import apps, chat, conversations, files, people, views
from bot.standin.webapi.base import Arguments, Refused, Workspace
from bot.standin.world import Json

__all__ = ["METHODS", "Arguments", "Refused", "Workspace", "decode"]

Caller = Literal["anybody", "bot", "app"]

_STRUCTURED = ("blocks", "attachments", "metadata", "view", "files", "message", "unfurls")
"""Arguments that a form carries as JSON text."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method; ``caller`` is whose token it wants.

    ``takes_json`` False: a JSON body is not read, as for Slack's reading methods.
    """

    run: Callable[[Workspace, Arguments], dict[str, Json]]
    scope: str = ""
    caller: Caller = "bot"
    takes_json: bool = True


METHODS: dict[str, Method] = {
    "api.test": Method(apps.api_test, caller="anybody"),
    "apps.connections.open": Method(apps.open_connection, caller="app"),
    "auth.test": Method(people.auth_test),
    "blocks.validate": Method(apps.validate_blocks, caller="anybody"),
    "chat.delete": Method(chat.delete, "chat:write"),
    "chat.getPermalink": Method(chat.permalink, takes_json=False),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(conversations.history, "channels:history", takes_json=False),
    "conversations.info": Method(conversations.info, "channels:read", takes_json=False),
    "conversations.open": Method(conversations.open_direct, "im:write"),
    "conversations.replies": Method(conversations.replies, "channels:history", takes_json=False),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write", takes_json=False),
    "reactions.add": Method(chat.react, "reactions:write"),
    "usergroups.list": Method(people.usergroups_list, "usergroups:read", takes_json=False),
    "usergroups.users.list": Method(people.usergroup_users, "usergroups:read", takes_json=False),
    "users.info": Method(people.users_info, "users:read", takes_json=False),
    "views.open": Method(views.open_view),
    "views.publish": Method(views.publish),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
}
"""Every method the stand-in knows."""


def decode(method: str, query: str, content_type: str, body: bytes) -> Arguments:
    """A call's arguments from its query, its form and its JSON body.

    Raises Refused: invalid_json, invalid_form_data, and invalid_blocks_format where ``blocks`` is no JSON.
    """
    arguments: Arguments = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
    if body:
        if content_type.startswith("application/json"):
            known = METHODS.get(method)
            if known is None or known.takes_json:
                arguments.update(_json_object(body))
        elif content_type.startswith("application/x-www-form-urlencoded"):
            try:
                arguments.update(parse_qsl(body.decode(), keep_blank_values=True))
            except UnicodeDecodeError:
                raise Refused("invalid_form_data") from None
        else:
            raise Refused("invalid_post_type")
    for name in _STRUCTURED:
        value = arguments.get(name)
        if type(value) is str and value:
            arguments[name] = _json_text(name, value)
    return arguments


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise Refused("invalid_json") from None
    if type(value) is not dict:
        raise Refused("json_not_object")
    return value


def _json_text(name: str, value: str) -> Json:
    try:
        return json.loads(value)
    except ValueError:
        raise Refused("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None
