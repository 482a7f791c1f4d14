"""A command as it travels in a ticket, and back."""

import json
from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from bot.keys import Json
from handlers.grammar.command import Command
from permissions.ticket import CommandWire, SealedValue


class Catalogue(Protocol):
    """Where a wire command's class is found."""

    def by_path(self, path: str) -> type[Command] | None:
        """The command of that path; None, or a LookupError, when there is none."""
        ...


def to_wire(command: Command, seal: Callable[[Json], SealedValue]) -> CommandWire:
    """The command as it travels: what was set, and the values of secret options sealed."""
    fields = command.model_dump(mode="json", exclude_unset=True)
    secret = [name for name, option in command.options.items() if option.secret and name in fields]
    sealed = {name: seal(fields.pop(name)) for name in secret}
    return CommandWire(path=command.path, fields=fields, sealed=sealed)


def from_wire(wire: CommandWire, catalogue: Catalogue, unseal: Callable[[SealedValue], Json]) -> Command:
    """The command again, unset fields unset; raises ValueError when it is none of the catalogue's."""
    try:
        found = catalogue.by_path(wire.path)
    except LookupError:
        found = None
    if found is None:
        raise ValueError("no such command")
    if wire.fields.keys() & wire.sealed.keys():
        raise ValueError("a field is there twice")
    opened = {name: unseal(value) for name, value in wire.sealed.items()}
    try:
        return found.model_validate_json(json.dumps({**wire.fields, **opened}))
    except ValidationError:
        # The validation error repeats the values, which may be secret: it goes no further.
        raise ValueError(f"the fields do not make a {wire.path} command") from None
