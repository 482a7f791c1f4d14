"""What everything in a policy can say that is about some commands and not about others."""

from typing import Self

from pydantic import model_validator

from permissions.model import Record
from permissions.patterns import CommandPattern, HostPattern
from permissions.targets import Targets
from permissions.verbs import Verb


def is_command(pattern: str, command: str) -> bool:
    """Word by word; a star at the end stands for one word or more."""
    if not pattern.endswith("*"):
        return pattern == command
    fixed = pattern.removesuffix("*")
    return command.startswith(fixed) and len(command) > len(fixed)


class Criteria(Record):
    """What every rule can say. At least one of ``verbs`` and ``commands`` is given.

    ``source`` is ``FILE:LINE``, filled in by whoever read the rule.
    """

    verbs: tuple[Verb, ...] = ()
    commands: tuple[CommandPattern, ...] = ()
    targets: Targets | None = None
    hosts: tuple[HostPattern, ...] = ()
    source: str = ""

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if not self.verbs and not self.commands:
            raise ValueError('a rule names `verbs` or `commands` (`commands: ["*"]` for all)')
        return self

    def is_about(self, command: str, verb: Verb) -> bool:
        """Whether the rule speaks of this command at all."""
        if self.verbs and verb not in self.verbs:
            return False
        return not self.commands or any(is_command(pattern, command) for pattern in self.commands)

    @property
    def place(self) -> str:
        """The source in brackets, as it stands at the end of a label; "" without one."""
        return f" ({self.source})" if self.source else ""
