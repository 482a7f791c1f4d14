"""The policy: roles made of rules that allow, bindings that give a role to people, and rules that deny.

Frozen and complete in itself: whatever passes validation here can be decided on. A rule matches when
everything it says holds; what it leaves out holds for anything, but for danger and for the flags of
:data:`EXPLICIT_FLAGS`, which an allow gives only by name.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from permissions.model import Record
from permissions.names import pattern_problem
from permissions.verbs import Danger, Kind, Verb

UNMASKED_FLAG = "no-redact"
"""Stands among an Operation's flags when redaction would be turned off."""

EXPLICIT_FLAGS = frozenset({UNMASKED_FLAG})
"""Flags that neither the absence of ``flags`` nor ``"*"`` gives."""

ANY_FLAG = "*"

UNDEFINED_ROLE = "undefined_role"
"""The type of the pydantic error for a binding to a role that does not exist."""

_ID = re.compile(r"[A-Z0-9]+")
_ROLE = re.compile(r"[a-z][a-z0-9-]*")
_FLAG = re.compile(r"[a-z][a-z0-9-]*")
_ANY_FLAG = re.compile(rf"\*|{_FLAG.pattern}")
_HOST = re.compile(r"[A-Za-z0-9_.*?-]+")
_COMMAND = re.compile(r"(?!docker(?: |$))(?:\*|[a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*(?: \*)?)")

_FIND_ID = {
    "user": "open the person's profile in Slack, then ⋮ and “Copy member ID” (U… or W…)",
    "group": "open the user group in Slack, then ⋮ and “Copy group ID” (S…)",
    "channel": "open the channel's details in Slack; its id (C…) stands at the very bottom",
}


def _id(what: str) -> AfterValidator:
    def check(text: str) -> str:
        if _ID.fullmatch(text) is None:
            raise ValueError(f"`{text}` is not the id of a {what}: {_FIND_ID[what]}")
        return text

    return AfterValidator(check)


def _shaped(shape: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(text: str) -> str:
        if shape.fullmatch(text) is None:
            raise ValueError(f"`{text}` {sentence}")
        return text

    return AfterValidator(check)


def _names(kind: Kind) -> AfterValidator:
    def check(text: str) -> str:
        if problem := pattern_problem(kind, text):
            raise ValueError(problem)
        return text

    return AfterValidator(check)


def _danger(value: Any) -> Any:
    if isinstance(value, str) and value in Danger.__members__:
        return Danger[value]
    if isinstance(value, Danger):
        return value
    names = ", ".join(f"'{name}'" for name in Danger.__members__)
    raise PydanticCustomError("enum", "not a danger", {"expected": names})


DangerName = Annotated[Danger, BeforeValidator(_danger), PlainSerializer(lambda danger: danger.name)]
"""A Danger written by its name, in YAML and in JSON."""

RoleName = Annotated[str, _shaped(_ROLE, "is not a role's name: small letters, digits and dashes")]
UserId = Annotated[str, _id("user")]
GroupId = Annotated[str, _id("group")]
ChannelId = Annotated[str, _id("channel")]
HostPattern = Annotated[str, _shaped(_HOST, "is not a host's name; * stands for any letters and ? for one")]
CommandPattern = Annotated[
    str,
    _shaped(_COMMAND, "is not a command: write `container restart`, `container *` or `*`, without `docker`"),
]
FlagName = Annotated[str, _shaped(_FLAG, "is not an option's long name, written without dashes")]
AnyFlagName = Annotated[str, _shaped(_ANY_FLAG, "is not an option's long name, without dashes, or `*`")]


class Targets(Record):
    """Patterns of names by kind. What a rule's ``targets`` does not list, the rule does not reach."""

    container: tuple[Annotated[str, _names(Kind.CONTAINER)], ...] = ()
    image: tuple[Annotated[str, _names(Kind.IMAGE)], ...] = ()
    network: tuple[Annotated[str, _names(Kind.NETWORK)], ...] = ()
    volume: tuple[Annotated[str, _names(Kind.VOLUME)], ...] = ()
    registry: tuple[Annotated[str, _names(Kind.REGISTRY)], ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(True for _ in self.each()):
            raise ValueError("`targets` names nothing; leave it out to mean any target")
        return self

    def patterns(self, kind: Kind) -> tuple[str, ...]:
        """The patterns for one kind; none for a kind that has no names."""
        found: tuple[str, ...] = getattr(self, kind.value, ())
        return found

    def each(self) -> Iterator[tuple[Kind, str]]:
        """Every pattern with its kind."""
        for kind in Kind:
            yield from ((kind, pattern) for pattern in self.patterns(kind))


class Flags(Record):
    """Long names of options, without dashes, that may be given: none outside ``allow``, none of ``deny``.

    ``allow`` None means any; an empty one means none at all.
    """

    allow: tuple[AnyFlagName, ...] | None = None
    deny: tuple[FlagName, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.allow is None and not self.deny:
            raise ValueError("`flags` says nothing; leave it out to mean any flag")
        if both := set(self.allow or ()) & set(self.deny):
            raise ValueError(f"`{min(both)}` is both allowed and denied")
        return self

    def unfit(self, given: Iterable[str]) -> list[str]:
        """The given flags that are not covered."""
        return [flag for flag in given if not self._covers(flag)]

    def _covers(self, flag: str) -> bool:
        if flag in self.deny:
            return False
        listed = self.allow is not None and flag in self.allow
        wide = self.allow is None or ANY_FLAG in self.allow
        return listed or (wide and flag not in EXPLICIT_FLAGS)


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

    @property
    def place(self) -> str:
        """The source in brackets, as it stands at the end of a label; "" without one."""
        return f" ({self.source})" if self.source else ""


class Rule(Criteria):
    """A rule of a role: it allows, up to ``max_danger``. Losing data and root are given by name only."""

    max_danger: DangerName = Danger.INTERRUPTS
    flags: Flags = Flags(allow=(ANY_FLAG,))


class DenyRule(Criteria):
    """A rule that denies, from ``min_danger`` on, to everybody but the holders of the roles in ``unless``.

    With ``flags``, only where one of them is given. ``reason`` is told to the denied. A deny is bound
    to nobody, so no lost binding, expired group or failed lookup ever lifts one.
    """

    min_danger: DangerName = Danger.SAFE
    flags: tuple[FlagName, ...] = ()
    unless: tuple[RoleName, ...] = ()
    reason: str = ""


class Role(Record):
    """A name for what somebody may do."""

    description: str = ""
    rules: tuple[Rule, ...] = ()


class Binding(Record):
    """Gives a role to people: those listed, and the members of the groups listed.

    Without ``channels`` it counts in every channel, without ``hosts`` on every host.
    """

    role: RoleName
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    channels: tuple[ChannelId, ...] = ()
    hosts: tuple[HostPattern, ...] = ()

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.users and not self.groups:
            raise ValueError("the binding is for nobody: list `users` or `groups`")
        return self


class Policy(Record):
    """All of it. ``contact`` is whom a denied person should ask, as text for people."""

    version: Literal[1]
    contact: str = ""
    roles: dict[RoleName, Role] = Field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    deny: tuple[DenyRule, ...] = ()

    @model_validator(mode="after")
    def _roles_exist(self) -> Self:
        named = [binding.role for binding in self.bindings]
        named += [role for rule in self.deny for role in rule.unless]
        for role in named:
            if role not in self.roles:
                raise PydanticCustomError(UNDEFINED_ROLE, "role {role} is not defined", {"role": role})
        return self

    @cached_property
    def labelled_rules(self) -> dict[str, tuple[tuple[str, Rule], ...]]:
        """Every role's rules, each with its label: ``role operator, rule 2 (policy.yaml:31)``."""
        return {
            name: tuple(
                (f"role {name}, rule {n}{rule.place}", rule) for n, rule in enumerate(role.rules, start=1)
            )
            for name, role in self.roles.items()
        }

    @cached_property
    def labelled_denies(self) -> tuple[tuple[str, DenyRule], ...]:
        """The denies, each with its label: ``deny rule 1 (policy.yaml:9)``."""
        return tuple((f"deny rule {n}{rule.place}", rule) for n, rule in enumerate(self.deny, start=1))

    @cached_property
    def _by_holder(self) -> dict[tuple[str, str], list[int]]:
        """Positions of the bindings by ``("user" | "group", id)``."""
        index: dict[tuple[str, str], list[int]] = {}
        for position, binding in enumerate(self.bindings):
            holders = [("user", user) for user in binding.users] + [
                ("group", group) for group in binding.groups
            ]
            for holder in holders:
                index.setdefault(holder, []).append(position)
        return index

    def bindings_of(self, user_id: str, groups: Iterable[str]) -> list[Binding]:
        """The bindings that name this person, directly or by group, in the order of the file."""
        holders = [("user", user_id), *(("group", group) for group in groups)]
        found = {position for holder in holders for position in self._by_holder.get(holder, ())}
        return [self.bindings[position] for position in sorted(found)]
