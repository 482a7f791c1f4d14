"""The payloads as Slack builds them: slash commands, events, clicks, submitted views."""

import re
import secrets
from collections.abc import Iterator

from bot.standin.passes import Passes
from bot.standin.world import Channel, Json, Message, User, View, World

TOKEN = "standin-verification-token"  # noqa: S105 - Slack's deprecated field; nobody checks it

_LIVE = re.compile(r"<(?:[@#!][^<>\s]+|https?://[^<>\s]+)>")
_URL = re.compile(r"https?://[^\s<>|]+")


def typed_text(text: str) -> str:
    """What a person typed, as an event carries it: ``& < >`` escaped, bare links and mentions in ``<…>``."""
    made: list[str] = []
    end = 0
    for live in _LIVE.finditer(text):
        made += [_escaped(text[end : live.start()]), live.group()]
        end = live.end()
    made.append(_escaped(text[end:]))
    return "".join(made)


def _escaped(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _URL.sub(lambda url: f"<{url.group()}>", safe)


def slash(
    world: World, passes: Passes, response_url: str, user: User, channel: Channel, command: str, text: str
) -> dict[str, Json]:
    """The fields of a slash command; never a thread: Slack has none there."""
    return {
        "token": TOKEN,
        "team_id": world.team_id,
        "team_domain": world.team_domain,
        "channel_id": channel.id,
        "channel_name": "privategroup" if channel.private and not channel.direct else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": world.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": passes.trigger(user.id),
    }


def event(world: World, content: dict[str, Json], at: float) -> dict[str, Json]:
    """An Events API callback around an event."""
    return {
        "token": TOKEN,
        "team_id": world.team_id,
        "context_team_id": world.team_id,
        "context_enterprise_id": None,
        "api_app_id": world.app_id,
        "event": content,
        "type": "event_callback",
        "event_id": f"Ev0{secrets.token_hex(5).upper()}",
        "event_time": int(at),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": world.team_id,
                "user_id": world.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "standin",
    }


def message_event(world: World, message: Message, kind: str, channel: Channel) -> dict[str, Json]:
    """The inner event of something a person wrote: ``app_mention`` or ``message``."""
    author = world.users.get(message.user)
    content: dict[str, Json] = {
        "type": kind,
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": author.team_id if author else world.team_id,
        "channel": message.channel,
        "event_ts": message.ts,
    }
    if kind == "message":
        content["channel_type"] = "im" if channel.direct else "group" if channel.private else "channel"
    if message.thread_ts:
        content["thread_ts"] = message.thread_ts
    return content


def _interaction(world: World, passes: Passes, user: User) -> dict[str, Json]:
    return {
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": world.app_id,
        "token": TOKEN,
        "trigger_id": passes.trigger(user.id),
        "team": {"id": world.team_id, "domain": world.team_domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def click(
    world: World,
    passes: Passes,
    user: User,
    place: Message | View,
    action: dict[str, Json],
    response_url: str,
) -> dict[str, Json]:
    """A ``block_actions`` payload; an ephemeral message is not in it, only its container."""
    payload = {"type": "block_actions", **_interaction(world, passes, user), "actions": [action]}
    if isinstance(place, View):
        return payload | {"container": {"type": "view", "view_id": place.id}, "view": place.as_json()}
    container: dict[str, Json] = {
        "type": "message",
        "message_ts": place.ts,
        "channel_id": place.channel,
        "is_ephemeral": place.ephemeral_to is not None,
    }
    if place.thread_ts:
        container["thread_ts"] = place.thread_ts
    payload |= {
        "container": container,
        "channel": {"id": place.channel, "name": world.channels[place.channel].name},
        "state": {"values": {}},
        "response_url": response_url,
    }
    if place.ephemeral_to is None:
        payload["message"] = place.as_json(len(world.replies(place.channel, place.ts)))
    return payload


def submission(
    world: World, passes: Passes, user: User, view: View, values: dict[str, dict[str, Json]]
) -> dict[str, Json]:
    """A ``view_submission`` payload; ``values`` are by block_id and action_id, as in the state."""
    shape = view.as_json() | {"state": {"values": values}}
    return {
        "type": "view_submission",
        **_interaction(world, passes, user),
        "view": shape,
        "response_urls": [],
    }


def closing(world: World, passes: Passes, user: User, view: View) -> dict[str, Json]:
    """A ``view_closed`` payload."""
    payload = {"type": "view_closed", **_interaction(world, passes, user), "view": view.as_json()}
    del payload["trigger_id"]
    return payload | {"is_cleared": False}


def elements(blocks: list[Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Every interactive element with the id of its block, as Slack would name a nameless one."""
    for index, block in enumerate(blocks):
        block_id = str(block.get("block_id") or f"b{index}")
        found = [block.get("accessory"), block.get("element"), *(block.get("elements") or ())]
        yield from ((block_id, one) for one in found if type(one) is dict and "action_id" in one)
        yield from elements(block.get("child_blocks") or [])


def action(block_id: str, element: dict[str, Json], value: str | None, ts: str) -> dict[str, Json]:
    """What a click on this element says; ``value`` picks an option of a menu, else the first."""
    shape: dict[str, Json] = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": ts,
    }
    if "options" in element:
        chosen = [one for one in element["options"] if value is None or one["value"] == value]
        if not chosen:
            raise LookupError(f"No option of {element['action_id']} has the value {value!r}.")
        return shape | {"selected_option": chosen[0]}
    for name in ("text", "value", "style"):
        if name in element:
            shape[name] = element[name]
    return shape
