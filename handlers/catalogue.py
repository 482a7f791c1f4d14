"""Every command there is: found by walking the command packages, checked, frozen.

``python -m handlers.catalogue`` prints the snapshot that is committed and compared in review.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import handlers
from handlers.faults import UsageFault
from handlers.grammar.command import Command
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import Parsed, parse
from permissions.verbs import Danger, Verb

__all__ = ["Catalogue", "load"]

PACKAGES = ("container", "image", "network", "volume", "system")


@cache
def load() -> Catalogue:
    """The catalogue; made and checked once.

    Raises:
        TypeError: a command is declared wrongly (its name and what is wrong with it).
    """
    catalogue = Catalogue(_found())
    for command in catalogue.commands:
        check(command, catalogue)
    return catalogue


def _found() -> Iterator[type[Command]]:
    """The Command subclasses with a path that the modules of the packages define themselves."""
    for package in PACKAGES:
        name = f"{handlers.__name__}.{package}"
        for module_info in pkgutil.iter_modules(importlib.import_module(name).__path__, f"{name}."):
            module = importlib.import_module(module_info.name)
            for thing in vars(module).values():
                own = isinstance(thing, type) and thing.__module__ == module.__name__
                if own and issubclass(thing, Command) and thing.path:
                    yield thing


def check(command: type[Command], catalogue: Catalogue) -> None:
    """Raises TypeError where a declaration breaks the rules that types cannot hold."""

    def refuse(why: str) -> TypeError:
        return TypeError(f"{command.__name__} (docker {command.path}): {why}")

    if not command.summary().strip():
        raise refuse("the docstring's first line is docker's short help")
    if not isinstance(command.verb, Verb) or not isinstance(command.danger, Danger):
        raise refuse("verb and danger come from permissions.verbs")
    for field in command.model_fields:
        if (field in command.options) == (field in command.arguments):
            raise refuse(f"the field {field} is neither an option nor an argument, or both")
    _check_names(command, refuse)
    try:
        example = parse(command.example, catalogue)
    except UsageFault as fault:
        raise refuse(f"its example does not parse: {fault.message}") from fault
    if not isinstance(example, Parsed) or type(example.command) is not command:
        raise refuse("its example is another command")


def _check_names(command: type[Command], refuse: Any) -> None:
    names: set[str] = set()
    for field, opt in command.options.items():
        if not opt.help:
            raise refuse(f"--{opt.long} has no help")
        for name in (*opt.names, *opt.deprecated, *opt.hidden_names):
            if name in names or not name.startswith("-"):
                raise refuse(f"the option name {name} is taken or has no dash")
            names.add(name)
        if command.model_fields[field].is_required():
            raise refuse(f"--{opt.long} has no default that means unset")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(load().snapshot(), indent=2, ensure_ascii=False) + "\n")
