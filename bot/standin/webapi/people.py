"""Who is who: the token's own identity, users, user groups."""

from bot.standin.webapi.base import Arguments, Refused, Workspace, needed
from bot.standin.world import Group, Json


def auth_test(slack: Workspace, _arguments: Arguments) -> dict[str, Json]:
    """auth.test."""
    world = slack.world
    return {
        "url": f"https://{world.team_domain}.slack.com/",
        "team": world.team_domain,
        "user": world.bot.name,
        "team_id": world.team_id,
        "user_id": world.bot.id,
        "bot_id": world.bot_id,
        "is_enterprise_install": False,
    }


def users_info(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """users.info."""
    user = slack.world.users.get(str(needed(arguments, "user")))
    if user is None:
        raise Refused("user_not_found")
    return {"user": user.as_json()}


def _paid(slack: Workspace) -> None:
    if not slack.world.paid_plan:
        raise Refused("plan_upgrade_required")


def _group(slack: Workspace, group: Group, *, with_users: bool) -> dict[str, Json]:
    shape: dict[str, Json] = {
        "id": group.id,
        "team_id": slack.world.team_id,
        "is_usergroup": True,
        "handle": group.handle,
        "name": group.handle,
        "description": "",
        "date_delete": int(group.disabled),
        "user_count": len(group.members),
    }
    if with_users:
        shape["users"] = list(group.members)
    return shape


def usergroups_list(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """usergroups.list."""
    _paid(slack)
    disabled = truth(arguments.get("include_disabled"))
    return {
        "usergroups": [
            _group(slack, group, with_users=truth(arguments.get("include_users")))
            for group in slack.world.groups.values()
            if disabled or not group.disabled
        ]
    }


def usergroup_users(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """usergroups.users.list."""
    _paid(slack)
    group = slack.world.groups.get(str(needed(arguments, "usergroup")))
    if group is None:
        raise Refused("no_such_subteam")
    if group.disabled and not truth(arguments.get("include_disabled")):
        return {"users": []}
    return {"users": list(group.members)}


def truth(value: Json) -> bool:
    """A boolean as forms and JSON write it."""
    return value in (True, 1, "1", "true", "True")
