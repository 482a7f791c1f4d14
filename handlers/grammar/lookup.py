"""The frozen set of commands that a line is parsed against."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from handlers.grammar import usage
from handlers.grammar.command import Command, Opt


class Catalogue:
    """Commands, findable by every spelling; immutable once made.

    Raises TypeError when two commands claim the same spelling.
    """

    __slots__ = ("commands", "groups", "spellings", "vocabulary")

    commands: tuple[type[Command], ...]
    """All of them, sorted by path."""

    groups: tuple[str, ...]
    """``container``, ``image``…: the groups that have commands."""

    spellings: Mapping[str, tuple[type[Command], str]]
    """Every spelling (``container ls``, ``container list``, ``ps``) with its command and the spelling
    that messages use for it."""

    vocabulary: Mapping[str, tuple[str, ...]]
    """What may stand after a group (``""``: what may begin a line), for did-you-mean."""

    def __init__(self, commands: Iterable[type[Command]]) -> None:
        self.commands = tuple(sorted(commands, key=lambda command: command.path))
        spellings: dict[str, tuple[type[Command], str]] = {}
        words: dict[str, set[str]] = {"": set()}
        for command in self.commands:
            for spelling in (command.path, *command.aliases):
                if spelling in spellings:
                    raise TypeError(f"{command.__name__}: docker {spelling} is already taken")
                spellings[spelling] = (command, usage.spelled(command, spelling))
                group, _, name = spelling.rpartition(" ")
                words.setdefault(group, set()).add(name)
                words[""].add(group or name)
        self.spellings = MappingProxyType(spellings)
        self.vocabulary = MappingProxyType({group: tuple(sorted(names)) for group, names in words.items()})
        self.groups = tuple(sorted(group for group in words if group))

    def by_path(self, path: str) -> type[Command] | None:
        """The command of a canonical path (``container restart``), as it stands on the wire."""
        found = self.spellings.get(path)
        return found[0] if found and found[0].path == path else None

    def find(self, words: Sequence[str]) -> type[Command] | None:
        """The command that ``words`` begin with, by any spelling and without the leading ``docker``."""
        for length in (2, 1):
            found = self.spellings.get(" ".join(words[:length])) if len(words) >= length else None
            if found:
                return found[0]
        return None

    def only(self, may: Callable[[type[Command]], bool]) -> "Catalogue":
        """The part that ``may`` agrees to: what an asker may see."""
        return Catalogue(command for command in self.commands if may(command))

    def snapshot(self) -> dict[str, Any]:
        """What the commands declare, as JSON by path: names, verb, danger, usage, options, example."""
        return {
            command.path: {
                "aliases": list(command.aliases),
                "summary": command.summary(),
                "verb": command.verb.value,
                "danger": command.danger.name,
                "usage": usage.line(command, command.path),
                "options": {f"--{long}": _facts(opt) for long, opt in sorted(_by_long(command).items())},
                "example": command.example,
            }
            for command in self.commands
        }


def _by_long(command: type[Command]) -> dict[str, Opt]:
    return {opt.long: opt for opt in command.options.values()}


def _facts(opt: Opt) -> dict[str, Any]:
    """What an option declares beyond its name; what it does not declare is left out."""
    facts: dict[str, Any] = {
        "short": opt.short,
        "type": opt.type.word or "bool",
        "repeatable": opt.type.repeatable,
        "other_names": [*opt.deprecated, *opt.hidden_names],
        "hidden": opt.hidden,
        "secret": opt.secret,
        "danger": opt.danger.name if opt.danger else "",
        "resource": opt.resource.value if opt.resource else "",
        "min_api": ".".join(map(str, opt.min_api)) if opt.min_api else "",
    }
    return {name: value for name, value in facts.items() if value}
