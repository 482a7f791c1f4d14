"""Modals and the home tab."""

import secrets

from bot.standin.limits import view_problems
from bot.standin.passes import Trigger
from bot.standin.webapi.base import Arguments, Refused, Workspace, needed
from bot.standin.world import Json, View

STACK = 3
"""The most views on top of each other."""


def checked_view(view: Json, kind: str) -> dict[str, Json]:
    """A good view of this kind; raises Refused("invalid_arguments") or Refused("view_too_large")."""
    problems = view_problems(view)
    if any(problem.code == "view_too_large" for problem in problems):
        raise Refused("view_too_large")
    if problems:
        raise Refused("invalid_arguments", problems)
    if view["type"] != kind:
        raise Refused("invalid_arguments")
    return dict(view)


def _trigger(slack: Workspace, arguments: Arguments) -> Trigger:
    trigger = slack.passes.exchange(str(needed(arguments, "trigger_id")))
    if isinstance(trigger, str):
        raise Refused(trigger)
    return trigger


def place(slack: Workspace, user: str, content: dict[str, Json], stack: list[View]) -> View:
    """Puts a view on top of ``stack``; raises Refused("push_limit_reached")."""
    if len(stack) >= STACK:
        raise Refused("push_limit_reached")
    view = View(slack.world.new_id("V"), user, content, _new_hash(slack), stack)
    stack.append(view)
    slack.world.views[view.id] = view
    slack.world.changed()
    return view


def replace(slack: Workspace, view: View, content: dict[str, Json]) -> None:
    """Gives an open view other content, and with it another hash."""
    view.content, view.hash = content, _new_hash(slack)
    slack.world.changed()


def _new_hash(slack: Workspace) -> str:
    return f"{int(slack.clock.now())}.{secrets.token_hex(4)}"


def open_view(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """views.open."""
    content = checked_view(arguments.get("view"), "modal")
    trigger = _trigger(slack, arguments)
    return {"view": place(slack, trigger.user, content, []).as_json()}


def push(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """views.push: upon the view that the trigger's user has open."""
    content = checked_view(arguments.get("view"), "modal")
    trigger = _trigger(slack, arguments)
    below = [view for view in slack.world.views.values() if view.user == trigger.user]
    if not below:
        raise Refused("invalid_trigger_id")
    return {"view": place(slack, trigger.user, content, below[-1].stack).as_json()}


def update(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """views.update, by view_id or external_id."""
    content = checked_view(arguments.get("view"), "modal")
    external = arguments.get("external_id")
    if external:
        view = next(
            (one for one in slack.world.views.values() if one.content.get("external_id") == external), None
        )
    else:
        view = slack.world.views.get(str(needed(arguments, "view_id")))
    if view is None:
        raise Refused("not_found")
    if arguments.get("hash") and arguments["hash"] != view.hash:
        raise Refused("hash_conflict")
    replace(slack, view, content)
    return {"view": view.as_json()}


def publish(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """views.publish: a user's home tab."""
    content = checked_view(arguments.get("view"), "home")
    user = slack.world.users.get(str(needed(arguments, "user_id")))
    if user is None:
        raise Refused("user_not_found")
    if arguments.get("hash") and (user.home or {}).get("hash") != arguments["hash"]:
        raise Refused("hash_conflict")
    user.home = {**content, "id": slack.world.new_id("V"), "hash": _new_hash(slack)}
    slack.world.changed()
    return {"view": user.home}
