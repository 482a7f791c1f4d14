"""From YAML nodes to a Policy, collecting every mistake with its line and column."""

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple, Self, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from handlers.grammar.command import Command
from permissions.approval import Step
from permissions.criteria import Criteria, is_command
from permissions.freezes import Freeze, When
from permissions.host_paths import HostPath
from permissions.lending import BreakGlass, Elevation
from permissions.model import Record
from permissions.names import matches
from permissions.oncall import Rotation, Shift
from permissions.patterns import ANY_FLAG, HOST_LABEL
from permissions.policy import (
    EXPLICIT_FLAGS,
    UNDEFINED_ROLE,
    Binding,
    DenyRule,
    Flags,
    Policy,
    Rate,
    Role,
    Rule,
)
from permissions.targets import Targets
from permissions.verbs import Verb

Place = tuple[str | int, ...]
"""Where something stands in the file: keys and list positions from the top."""

AnyRecord = TypeVar("AnyRecord", bound=Record)

_SHOWN_LETTERS = 80
_SENTENCE_LETTERS = 300
_MAP, _SEQ, _STR, _INT, _NULL, _TIME, _BOOL = (
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "null", "timestamp", "bool")
)
_MOMENTS = {"from", "until", "start"}
_YES_OR_NO = {"incident"}
_MAY_BE_EMPTY = {"rules", "bindings", "deny", "allow", "elevations", "break_glass", "incident_verbs"}
_SMALL_INT = re.compile(r"[0-9]{1,9}")
_MODELS: dict[Place, type[Record]] = {
    (): Policy,
    ("roles", ""): Role,
    ("roles", "", "rules", ""): Rule,
    ("roles", "", "rules", "", "targets"): Targets,
    ("roles", "", "rules", "", "flags"): Flags,
    ("bindings", ""): Binding,
    ("deny", ""): DenyRule,
    ("deny", "", "targets"): Targets,
    ("oncall", ""): Rotation,
    ("oncall", "", "shifts", ""): Shift,
    ("rates", ""): Rate,
    ("rates", "", "targets"): Targets,
    ("host_paths", ""): HostPath,
    ("freezes", ""): Freeze,
    ("freezes", "", "when", ""): When,
    ("freezes", "", "passes", ""): Criteria,
    ("freezes", "", "passes", "", "targets"): Targets,
    ("elevations", ""): Elevation,
    ("break_glass", ""): BreakGlass,
    ("break_glass", "", "reviewers"): Step,
}
"""The models by place, with free keys and list positions left empty."""


class Mistake(NamedTuple):
    """One mistake; ``line`` and ``column`` count from 1, ``file`` is the name of the file."""

    line: int
    column: int
    sentence: str
    file: str = ""


class KnownCommand(Record):
    """A command a rule can be about: its path, other spellings of it, its verb, its options' long names."""

    path: str
    verb: Verb
    aliases: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, command: type[Command]) -> Self:
        """What a policy can say of a command of the catalogue."""
        flags = tuple(option.long for option in command.options.values())
        return cls(path=command.path, verb=command.verb, aliases=command.aliases, flags=flags)


class _NotText:
    """Stands for a scalar that YAML reads as no text: a date, a fraction, true."""


class Reading:
    """A policy on its way from nodes to a Policy, with the place of every key and value."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self._keys: dict[Place, Mistake] = {}
        self._values: dict[Place, Mistake] = {}
        self._reported: set[Place] = set()
        self._incomplete: set[Place] = set()

    def plain(self, node: Node, place: Place) -> Any:
        """The node as dicts, lists and text; what cannot be read is reported and left as it may stand."""
        self._values[place] = _at(node)
        if node.anchor is not None:
            return self._report(
                place, f"anchors (`&{_clip(node.anchor)}`) are not read; write it out each time"
            )
        if isinstance(node, MappingNode) and node.tag == _MAP:
            return self._mapping(node, place)
        if isinstance(node, SequenceNode) and node.tag == _SEQ:
            if not node.value and place and place[-1] not in _MAY_BE_EMPTY:
                return self._report(place, f"`{place[-1]}` is empty; list something or leave it out")
            return [self.plain(item, (*place, number)) for number, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        return self._report(place, f"the tag {_clip(str(node.tag))} is not read")

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Any]:
        model = _model(place)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            at = _at(key_node)
            if not isinstance(key_node, ScalarNode) or key_node.anchor is not None:
                self.mistakes.append(at._replace(sentence="a key is a plain word"))
                self._incomplete.add(place)
                continue
            key = str(key_node.value)
            where = (*place, key)
            if where in self._keys:
                before = self._keys[where]
                file = f" of {before.file}" if before.file != at.file else ""
                sentence = f"`{_clip(key)}` stands twice (before in line {before.line}{file})"
                self.mistakes.append(at._replace(sentence=sentence))
                continue
            self._keys[where] = at
            allowed = _keys_of(model) if model else {key}
            if key not in allowed:
                sentence = f"unknown key `{_clip(key)}`{_did_you_mean(key, allowed)}"
                self.mistakes.append(at._replace(sentence=sentence))
                self._incomplete.add(place)
                continue
            result[key] = self.plain(value_node, where)
        if model is not None and "source" in model.model_fields:
            at = self._values[place]
            result["source"] = f"{at.file}:{at.line}"
        return result

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        if node.tag == _STR or (node.tag == _TIME and place and place[-1] in _MOMENTS):
            return str(node.value)
        if node.tag == _INT and _SMALL_INT.fullmatch(node.value):
            return int(node.value)
        if node.tag == _BOOL and place and place[-1] in _YES_OR_NO:
            return node.value.lower() == "true"
        if node.tag == _NULL:
            what = f"`{place[-1]}`" if place and isinstance(place[-1], str) else "it"
            self._values[place] = self._keys.get(place, self._values[place])  # nothing stands where it should
            return self._report(place, f"{what} has no value; give one or leave it out")
        return _NotText()

    def _report(self, place: Place, sentence: str) -> None:
        self._reported.add(place)
        self.mistakes.append(self._values[place]._replace(sentence=sentence))

    def validated(self, plain: Any) -> Policy | None:
        """The policy, or None with every mistake of shape reported."""
        try:
            return Policy.model_validate(plain)
        except ValidationError as error:
            for details in error.errors():
                place = details["loc"]
                if not self._known(place, details["type"]):
                    self.mistakes.append(self._nearest(place)._replace(sentence=_sentence(details)))
            return None

    def _known(self, place: Place, kind: str) -> bool:
        """Whether the finding only follows from what was reported already, or will be by check_roles."""
        within = any(place[:length] in self._reported for length in range(len(place) + 1))
        whole = place[:-1] if kind == "missing" else place
        return within or kind == UNDEFINED_ROLE or whole in self._incomplete

    def _nearest(self, place: Place) -> Mistake:
        if place and place[-1] == "[key]":
            return self._keys[place[:-1]]
        return next(
            self._values[place[:length]]
            for length in range(len(place), -1, -1)
            if place[:length] in self._values
        )

    def check_roles(self, plain: dict[str, Any]) -> None:
        """Every role that is named is defined, be the role itself right or wrong."""
        roles = plain.get("roles")
        names = list(roles) if isinstance(roles, dict) else []
        for place, role in (*_named_roles(plain), *_excepting_roles(plain)):
            if isinstance(role, str) and role not in names:
                self._report(place, f"role `{_clip(role)}` is not defined{_did_you_mean(role, names)}")

    def check_matches(
        self, plain: dict[str, Any], commands: Collection[KnownCommand], hosts: Collection[str]
    ) -> None:
        """Every rule can match something there is, as far as commands and hosts are known."""
        for place, rule in _rules(plain):
            if commands:
                self._check_commands(place, rule, commands)
            self._check_hosts((*place, "hosts"), rule.hosts, hosts)
        for place, binding in _valid(plain, ("bindings",), Binding):
            self._check_hosts((*place, "hosts"), binding.hosts, hosts)
        for place, path in _valid(plain, ("host_paths",), HostPath):
            self._check_hosts((*place, "hosts"), path.hosts, hosts)
        for name, freeze in _mapping(plain, "freezes"):
            with contextlib.suppress(ValidationError):
                self._check_hosts(("freezes", name, "hosts"), Freeze.model_validate(freeze).hosts, hosts)
        for place, elevation in _valid(plain, ("elevations",), Elevation):
            self._check_hosts((*place, "hosts"), elevation.hosts, hosts)
        for place, glass in _valid(plain, ("break_glass",), BreakGlass):
            self._check_hosts((*place, "hosts"), glass.hosts, hosts)

    def _check_commands(self, place: Place, rule: Criteria, commands: Collection[KnownCommand]) -> None:
        for number, pattern in enumerate(rule.commands):
            if not any(is_command(pattern, command.path) for command in commands):
                alias = [command.path for command in commands if pattern in command.aliases]
                hint = f" (did you mean `{alias[0]}`?)" if alias else ""
                hint = hint or _did_you_mean(pattern, [command.path for command in commands])
                self._report((*place, "commands", number), f"there is no command `{pattern}`{hint}")
        about = [command for command in commands if rule.is_about(command.path, command.verb)]
        contradicts = rule.verbs and rule.commands and not about
        if contradicts and not any(reported[: len(place)] == place for reported in self._reported):
            self._report(place, "the rule can never match: none of its commands has one of its verbs")
        flags = {flag for command in about for flag in command.flags} | EXPLICIT_FLAGS | {ANY_FLAG}
        for where, flag in _listed_flags(rule):
            name = flag.partition("=")[0]
            if about and name not in flags:
                sentence = f"no command of this rule has an option --{name}{_did_you_mean(name, flags)}"
                self._report((*place, "flags", *where), sentence)

    def _check_hosts(self, place: Place, patterns: tuple[str, ...], hosts: Collection[str]) -> None:
        for number, pattern in enumerate(patterns):
            if (
                hosts
                and not pattern.startswith(HOST_LABEL)
                and not any(matches(pattern, host) for host in hosts)
            ):
                sentence = f"there is no host `{pattern}`{_did_you_mean(pattern, hosts)}"
                self._report((*place, number), sentence)


def _mapping(plain: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    found = plain.get(key)
    return list(found.items()) if isinstance(found, dict) else []


def _rules(plain: dict[str, Any]) -> Iterator[tuple[Place, Criteria]]:
    roles = plain.get("roles")
    for name in roles if isinstance(roles, dict) else ():
        yield from _valid(plain, ("roles", name, "rules"), Rule)
    yield from _valid(plain, ("deny",), DenyRule)
    yield from _valid(plain, ("rates",), Rate)
    for name, _ in _mapping(plain, "freezes"):
        yield from _valid(plain, ("freezes", name, "passes"), Criteria)


def _named_roles(plain: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    for place, binding in _entries(plain, ("bindings",)):
        if isinstance(binding, dict):
            yield (*place, "role"), binding.get("role")
    for place, rule in _entries(plain, ("deny",)):
        if isinstance(rule, dict):
            yield from _entries(plain, (*place, "unless"))
    for place, _ in _entries(plain, ("rates",)):
        yield from _entries(plain, (*place, "roles"))
    for place, entry in (*_entries(plain, ("elevations",)), *_entries(plain, ("break_glass",))):
        if isinstance(entry, dict):
            yield (*place, "role"), entry.get("role")
            yield from _entries(plain, (*place, "roles"))
            yield from _entries(plain, (*place, "reviewers", "roles"))
            yield from _asked_roles(plain, (*place, "approval"))
    roles = plain.get("roles")
    for name in roles if isinstance(roles, dict) else ():
        yield from _entries(plain, ("roles", name, "inherits"))
        for place, _ in _entries(plain, ("roles", name, "rules")):
            yield from _asked_roles(plain, (*place, "approval"))


def _excepting_roles(plain: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    for name, _ in _mapping(plain, "freezes"):
        yield from _asked_roles(plain, ("freezes", name, "exception"))


def _asked_roles(plain: dict[str, Any], terms: Place) -> Iterator[tuple[Place, Any]]:
    """The roles whose holders can agree."""
    for threshold, _ in _entries(plain, (*terms, "any")):
        for step, _ in _entries(plain, (*threshold, "steps")):
            yield from _entries(plain, (*step, "roles"))


def _listed_flags(rule: Criteria) -> Iterator[tuple[Place, str]]:
    if isinstance(rule, DenyRule):
        yield from (((number,), flag) for number, flag in enumerate(rule.flags))
    elif isinstance(rule, Rule):
        yield from ((("allow", number), flag) for number, flag in enumerate(rule.flags.allow or ()))
        yield from ((("deny", number), flag) for number, flag in enumerate(rule.flags.deny))


def _entries(plain: dict[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    """What the list at a place holds, with the place of each; nothing if there is no list."""
    found: Any = plain
    for key in place:
        if isinstance(found, dict):
            found = found.get(key)
        else:
            found = found[key] if isinstance(found, list) and isinstance(key, int) else None
    yield from (
        ((*place, number), entry) for number, entry in enumerate(found if isinstance(found, list) else ())
    )


def _valid(plain: dict[str, Any], place: Place, model: type[AnyRecord]) -> Iterator[tuple[Place, AnyRecord]]:
    """The valid entries of the list at a place; the wrong ones have been reported."""
    for where, entry in _entries(plain, place):
        try:
            yield where, model.model_validate(entry)
        except ValidationError:
            continue


def _model(place: Place) -> type[Record] | None:
    """What a mapping at this place is; None where its keys are free or unknown."""
    shape = tuple("" if position in {1, 3} else part for position, part in enumerate(place))
    return _MODELS.get(shape)


def _keys_of(model: type[Record]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()} - {"source"}


def _sentence(details: ErrorDetails) -> str:
    """What pydantic found, in the words of a policy."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    name = next((str(part) for part in reversed(details["loc"]) if isinstance(part, str)), "the policy")
    if kind == "value_error":
        return _clip(str(context["error"]), _SENTENCE_LETTERS)
    expected = re.findall(r"'([^']+)'", str(context.get("expected")))
    if isinstance(value, str) and expected:
        hint = '; for everything write `commands: ["*"]`' if value == "*" else _did_you_mean(value, expected)
        return f"`{_clip(value)}` is not one of {', '.join(expected)}{hint}"
    return {
        "missing": f"`{name}` is missing",
        "tuple_type": f"`{name}` is a list: write `[…]`",
        "model_type": f"`{name}` takes keys, each with a value",
        "dict_type": f"`{name}` takes keys, each with a value",
        "bool_type": f"`{name}` is true or false",
        "literal_error": f"`{name}` can only be {context.get('expected')}",
    }.get(kind, f"`{name}` takes text; put it in quotes")


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    lower = {name.lower(): name for name in known}
    near = get_close_matches(given.lower(), lower, n=1)
    return f" (did you mean `{lower[near[0]]}`?)" if near else ""


def _at(node: Node) -> Mistake:
    mark = node.start_mark
    return Mistake(mark.line + 1, mark.column + 1, "", mark.name)


def _clip(text: str, letters: int = _SHOWN_LETTERS) -> str:
    return text if len(text) <= letters else f"{text[:letters]}…"
