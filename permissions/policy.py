"""The policy: roles made of rules that allow, bindings that give a role to people, and rules that deny.

Frozen and complete in itself: whatever passes validation here can be decided on. A rule matches when
everything it says holds; what it leaves out holds for anything, but for danger and for the flags of
:data:`EXPLICIT_FLAGS`, which an allow gives only by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from permissions.criteria import Criteria
from permissions.facts import conditions
from permissions.freezes import Freeze, FreezeName
from permissions.host_paths import HostPaths
from permissions.lending import BreakGlass, Elevation, named_roles
from permissions.model import Record
from permissions.names import ANY, is_given, matches
from permissions.oncall import Rotation
from permissions.patterns import (
    ANY_FLAG,
    AnyFlagPattern,
    ChannelId,
    DangerName,
    FlagPattern,
    Gift,
    GroupId,
    HostPattern,
    Moment,
    OnCallName,
    RoleName,
    Span,
    UserId,
)
from permissions.terms import PolicyTerms
from permissions.verbs import Danger, Kind, Verb

UNMASKED_FLAG = "no-redact"
"""Stands among an Operation's flags when redaction would be turned off."""

EXPLICIT_FLAGS = frozenset({UNMASKED_FLAG})
"""Flags that neither the absence of ``flags`` nor ``"*"`` gives."""

UNDEFINED_ROLE = "undefined_role"
"""The type of the pydantic error for a binding to a role that does not exist."""


class Flags(Record):
    """Options that may be given: none outside ``allow``, none of ``deny``.

    Each is a long name without dashes, or ``NAME=PATTERN``: with such a value (any one of several is
    enough to deny, all are needed to allow). ``allow`` None means any; an empty one means none at all.
    """

    allow: tuple[AnyFlagPattern, ...] | None = None
    deny: tuple[FlagPattern, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.allow is None and not self.deny:
            raise ValueError("`flags` says nothing; leave it out to mean any flag")
        if both := set(self.allow or ()) & set(self.deny):
            raise ValueError(f"`{min(both)}` is both allowed and denied")
        return self

    def unfit(self, given: Iterable[str], values: Mapping[str, tuple[str, ...]]) -> list[str]:
        """The given flags that are not covered."""
        if self._any_but_explicit:
            return [flag for flag in given if flag in EXPLICIT_FLAGS]
        return [flag for flag in given if not self._covers(flag, values.get(flag, ()))]

    @cached_property
    def _any_but_explicit(self) -> bool:
        return self.allow == (ANY_FLAG,) and not self.deny

    def _covers(self, flag: str, values: tuple[str, ...]) -> bool:
        if any(says(pattern, flag, values) for pattern in self.deny):
            return False
        wide = (self.allow is None or ANY_FLAG in self.allow) and flag not in EXPLICIT_FLAGS
        own = [pattern for pattern in self.allow or () if pattern.partition("=")[0] == flag]
        valued = [pattern.partition("=")[2] for pattern in own if "=" in pattern]
        fits = bool(values) and all(any(matches(pattern, value) for pattern in valued) for value in values)
        return wide or flag in own or fits


def says(pattern: str, flag: str, values: tuple[str, ...]) -> bool:
    """Whether a flag of a deny is the given one; a value that is not known could be any."""
    name, equals, wanted = pattern.partition("=")
    return name == flag and (not equals or not values or any(matches(wanted, value) for value in values))


class Rule(Criteria):
    """A rule of a role: it allows, up to ``max_danger``. Losing data and root are given by name only.

    ``gives`` are names and labels that may be given to things although rules go by them; names that
    the rule's own targets list may be given as well. With ``approval`` it allows only what people have
    agreed to.
    """

    max_danger: DangerName = Danger.INTERRUPTS
    flags: Flags = Flags(allow=(ANY_FLAG,))
    gives: tuple[Gift, ...] = ()
    approval: PolicyTerms | None = None

    def may_give_name(self, kind: Kind, name: str) -> bool:
        """Whether ``gives`` covers the name."""
        return any(is_given(kind, pattern, name) for pattern in self.gives if "=" not in pattern)

    def may_give_label(self, key: str, value: str) -> bool:
        """Whether ``gives`` covers the label."""
        return any(pattern == ANY or matches(pattern, f"{key}={value}") for pattern in self.gives)


class DenyRule(Criteria):
    """A rule that denies, from ``min_danger`` on, to everybody but the holders of the roles in ``unless``.

    With ``flags``, only where one of them is given. ``reason`` is told to the denied. A deny is bound
    to nobody, so no lost binding, expired group or failed lookup ever lifts one.
    """

    min_danger: DangerName = Danger.SAFE
    flags: tuple[FlagPattern, ...] = ()
    unless: tuple[RoleName, ...] = ()
    reason: str = ""


class Role(Record):
    """A name for what somebody may do; whoever holds it holds the roles it ``inherits`` too."""

    description: str = ""
    inherits: tuple[RoleName, ...] = ()
    rules: tuple[Rule, ...] = ()


class Binding(Record):
    """Gives a role to people: those listed, the members of the groups, and whoever is on call.

    Without ``channels`` it counts in every channel, without ``hosts`` on every host. It counts from
    ``from`` on and ends at ``until``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    role: RoleName
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    oncall: tuple[OnCallName, ...] = ()
    channels: tuple[ChannelId, ...] = ()
    hosts: tuple[HostPattern, ...] = ()
    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.users and not self.groups and not self.oncall:
            raise ValueError("the binding is for nobody: list `users`, `groups` or `oncall`")
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            raise ValueError("the binding ends before it begins")
        return self

    def counts(self, at: float | None) -> bool:
        """Whether it counts at a moment (epoch seconds); one with times never counts at an unknown one."""
        if self.from_ is None and self.until is None:
            return True
        began = at is not None and (self.from_ is None or self.from_ <= at)
        return began and at is not None and (self.until is None or at < self.until)


class Per(StrEnum):
    """Whose operations a limit counts together."""

    USER = "user"
    ROLE = "role"
    TARGET = "target"


class Rate(Criteria):
    """At most ``limit`` such operations in any span of ``within``, counted ``per`` user, role or target.

    With ``roles``, only those of people who hold one of them; per role, of each of these roles.
    """

    per: Per
    limit: Annotated[int, Field(ge=1)]
    within: Span
    roles: tuple[RoleName, ...] = ()

    @model_validator(mode="after")
    def _names_roles(self) -> Self:
        if self.per is Per.ROLE and not self.roles:
            raise ValueError("a limit per role lists its `roles`")
        return self


Labelled = tuple[str, Rule]


class Policy(Record):
    """All of it. ``contact`` is whom a denied person should ask, as text for people.

    ``host_paths`` are those that may be given to containers like a volume. ``elevations`` and ``break_glass``
    lend roles for a time.
    """

    version: Literal[1]
    contact: str = ""
    roles: dict[RoleName, Role] = Field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    deny: tuple[DenyRule, ...] = ()
    oncall: dict[OnCallName, Rotation] = Field(default_factory=dict)
    rates: tuple[Rate, ...] = ()
    host_paths: HostPaths = ()
    freezes: dict[FreezeName, Freeze] = Field(default_factory=dict)
    elevations: tuple[Elevation, ...] = ()
    break_glass: tuple[BreakGlass, ...] = ()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        named = [binding.role for binding in self.bindings]
        named += [role for rule in self.deny for role in rule.unless]
        named += [role for holder in self.roles.values() for role in holder.inherits]
        named += [role for rate in self.rates for role in rate.roles]
        asking = [rule.approval for holder in self.roles.values() for rule in holder.rules]
        asking += [freeze.exception for freeze in self.freezes.values()]
        named += [
            role
            for terms in asking
            for threshold in (terms.any if terms else ())
            for step in threshold.steps
            for role in step.roles
        ]
        lending: list[Elevation | BreakGlass] = [*self.elevations, *self.break_glass]
        named += [role for entry in lending for role in named_roles(entry)]
        for role in named:
            if role not in self.roles:
                raise PydanticCustomError(UNDEFINED_ROLE, "role {role} is not defined", {"role": role})
        on_call = [name for binding in self.bindings for name in binding.oncall]
        for name in (*on_call, *(name for entry in lending for name in entry.oncall)):
            if name not in self.oncall:
                raise ValueError(f"rotation `{name}` is not defined under `oncall`")
        for name in self.roles:
            if name in self._inherited(name):
                raise ValueError(f"role `{name}` inherits itself")
        return self

    def _inherited(self, role: str) -> dict[str, None]:
        """The roles that come with a role, itself only if it is among its own ancestors."""
        found: dict[str, None] = {}
        waiting = list(self.roles[role].inherits)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = None
                waiting += self.roles[name].inherits
        return found

    @cached_property
    def with_inherited(self) -> dict[str, tuple[str, ...]]:
        """Every role with those that come with it, itself first."""
        return {name: (name, *self._inherited(name)) for name in self.roles}

    @cached_property
    def labelled_rules(self) -> dict[str, tuple[Labelled, ...]]:
        """Every role's own rules, each with its label: ``role operator, rule 2 (policy.yaml:31)``."""
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
    def plans(self) -> dict[Any, Any]:
        """What :func:`permissions.matching.plan` keeps, for as long as the policy is in force."""
        return {}

    def rules_about(self, role: str, command: str, verb: Verb) -> list[Labelled]:
        """A role's own rules that are about a command, in order."""
        return [pair for pair in self.labelled_rules[role] if pair[1].is_about(command, verb)]

    def denies_about(self, command: str, verb: Verb) -> list[tuple[str, DenyRule]]:
        """The denies that are about a command, in order."""
        return [pair for pair in self.labelled_denies if pair[1].is_about(command, verb)]

    @cached_property
    def goes_by(self) -> dict[Kind, tuple[str, ...]]:
        """The name patterns that some rule allows something by, by kind."""
        found: dict[Kind, dict[str, None]] = {kind: {} for kind in Kind}
        for kind, about, text in self._conditions():
            if text != ANY and about in {"", "tag", kind.value, "image", "network", "volume"}:
                found[Kind(about) if about in {"image", "network", "volume"} else kind][text] = None
        return {kind: tuple(patterns) for kind, patterns in found.items()}

    @cached_property
    def goes_by_labels(self) -> tuple[str, ...]:
        """The labels that some rule allows something by."""
        return tuple(dict.fromkeys(text for _, about, text in self._conditions() if about == "label"))

    @cached_property
    def asks_images(self) -> bool:
        """Whether some rule, also one that denies, goes by what image a container is of."""
        every: list[Criteria] = [*self.deny, *(rule for role in self.roles.values() for rule in role.rules)]
        listed = (pattern for rule in every if rule.targets for pattern in rule.targets.container)
        return any(part.about == "image" for text in listed for part in conditions(Kind.CONTAINER, text))

    def _conditions(self) -> Iterator[tuple[Kind, str, str]]:
        for role in self.roles.values():
            for rule in role.rules:
                for kind, pattern in rule.targets.each() if rule.targets else ():
                    yield from ((kind, about, text) for about, text in conditions(kind, pattern))

    @cached_property
    def _by_holder(self) -> dict[tuple[str, str], list[int]]:
        """Positions of the bindings by ``("user" | "group" | "oncall", id)``."""
        index: dict[tuple[str, str], list[int]] = {}
        for position, binding in enumerate(self.bindings):
            holders = [("user", user) for user in binding.users]
            holders += [("group", group) for group in binding.groups]
            holders += [("oncall", name) for name in binding.oncall]
            for holder in holders:
                index.setdefault(holder, []).append(position)
        return index

    def bindings_of(self, user_id: str, groups: Iterable[str], at: float | None) -> list[Binding]:
        """The bindings that count for this person at a moment, in the order of the file."""
        holders = [("user", user_id), *(("group", group) for group in groups)]
        if at is not None:
            on_call = (name for name, rotation in self.oncall.items() if user_id in rotation.on_call(at))
            holders += [("oncall", name) for name in on_call]
        positions = {position for holder in holders for position in self._by_holder.get(holder, ())}
        found = (self.bindings[position] for position in sorted(positions))
        return [binding for binding in found if binding.counts(at)]
