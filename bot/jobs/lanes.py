"""Which of a host's lanes a command waits in, and which other one does the same."""

import hashlib
import json

from bot.jobs.names import BULK, FOLLOW, LANES
from handlers.grammar.command import Command
from permissions.ticket import CommandWire
from permissions.verbs import Verb

_BULK_VERBS = {Verb.REGISTRY, Verb.TRANSFER}
_MAY_REPEAT = {Verb.EXEC, Verb.TRANSFER}
_MAKES_NEW = {Verb.CREATE, Verb.REGISTRY}


def lane_of(command: Command, incident: str = "") -> str:
    """Follows have slots of their own; what moves much or tidies up lets everything else pass.

    What belongs to an open ``incident`` overtakes the rest of its kind.
    """
    if command.follows():
        return FOLLOW
    if command.verb in _BULK_VERBS or command.path.endswith(" prune"):
        return BULK
    return LANES[0] if incident else "normal"


def sameness(command: Command, wire: CommandWire) -> str:
    """Equal for changes that do the same to the same objects; "" for what may well be asked for twice."""
    named = any(command.changes())
    if command.follows() or command.verb in _MAY_REPEAT or (command.verb in _MAKES_NEW and not named):
        return ""
    return digest_of(wire)


def digest_of(wire: CommandWire) -> str:
    """Equal for commands that are the same in every option and argument, the sealed ones too; hexadecimal.

    Sealed values count by their digest, which only the bot can make.
    """
    sealed = {field: value.digest for field, value in wire.sealed.items()}
    text = json.dumps([wire.path, wire.fields, sealed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
