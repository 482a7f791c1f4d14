"""The app itself: a socket's URL, a test call, the validator."""

from bot.standin.limits import block_problems, view_problems
from bot.standin.webapi.base import Arguments, Refused, Workspace
from bot.standin.world import Json


def open_connection(slack: Workspace, _arguments: Arguments) -> dict[str, Json]:
    """apps.connections.open: a URL that opens one socket, once."""
    return {"url": slack.connect()}


def api_test(_slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """api.test."""
    if arguments.get("error"):
        raise Refused(str(arguments["error"]), args=arguments)
    return {"args": arguments}


def validate_blocks(_slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """blocks.validate: exactly one of blocks, message and view."""
    given = [name for name in ("blocks", "message", "view") if arguments.get(name) is not None]
    if len(given) != 1:
        raise Refused("invalid_arguments")
    value = arguments[given[0]]
    if given == ["view"]:
        problems = view_problems(value)
    elif given == ["message"]:
        problems = block_problems(
            value.get("blocks", []) if type(value) is dict else None, at="/message/blocks"
        )
    else:
        problems = block_problems(value)
    if problems:
        raise Refused(f"invalid_{given[0]}", errors=[problem.as_json() for problem in problems])
    return {}
