"""The secrets of the object a command shows: read before it runs, so that its output can be masked."""

from typing import Any
from urllib.parse import quote

from handlers.context import Engine
from handlers.faults import Fault
from handlers.redact import secret_values
from permissions.operation import Operation
from permissions.verbs import Kind, Verb

_CONTAINER, _IMAGE = "/containers/{}/json", "/images/{}/json"
_PATHS = {
    Kind.CONTAINER: (_CONTAINER,),
    Kind.IMAGE: (_IMAGE,),
    # A name without a kind of its own (`inspect NAME`) may be either.
    Kind.SYSTEM: (_CONTAINER, _IMAGE),
}
_SHOWING_VERBS = {Verb.REVEAL, Verb.EXEC, Verb.CREATE}
_SHOWING_COMMANDS = {"container start", "container attach"}


def target_secrets(engine: Engine, operation: Operation) -> list[str]:
    """The secret values in the environment of every container and image that the output may show."""
    if operation.verb not in _SHOWING_VERBS and operation.command not in _SHOWING_COMMANDS:
        return []
    values = []
    for resource in operation.resources:
        for path in _PATHS.get(resource.kind, ()):
            try:
                found = engine.get(path.format(quote(resource.name, safe="")))
            except Fault:
                continue  # not there, or not to be asked: the command itself will say so
            values += secret_values(_environment(found))
    return values


def _environment(found: Any) -> list[str]:
    config = found.get("Config") if isinstance(found, dict) else None
    listed = config.get("Env") if isinstance(config, dict) else None
    return [line for line in listed or [] if isinstance(line, str)]
