"""For those who write policy: cases that say what should come out, and what a new policy would change."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.audit.reading import Filters, scan
from bot.hosts import Host, Hosts
from handlers.catalogue import Catalogue
from handlers.faults import Fault
from handlers.grammar.parser import HelpAsked, parse
from permissions import audit
from permissions.decide import decide
from permissions.decision import Allow, Decision, NeedsApproval
from permissions.model import Record
from permissions.operation import Operation, Principal, Standing
from permissions.patterns import GroupId, Moment, UserId
from permissions.policy import Policy

ANYBODY = "U0ANYBODY"
ANYWHERE = "C0ANYWHERE"
"""Stand in a case for a person and a channel that no policy names."""

LOCAL = Hosts(default="local", known=(Host(name="local"),))

Verdict = Literal["allow", "worker", "approval", "deny"]


class CasesError(Exception):
    """A file of cases cannot be used; the text says what is wrong, and in which case."""


class Case(Record):
    """One line by one person, and what should come of it.

    ``verdict`` is ``worker`` where the bot allows what the worker has to settle, ``approval`` where people
    have to agree. ``rule`` is how the
    rule's label begins; "" for any. ``at`` is when; without it, bindings with times do not count.
    """

    user: UserId = ANYBODY
    groups: tuple[GroupId, ...] = ()
    channel: str = ANYWHERE
    line: str
    verdict: Verdict
    rule: str = ""
    at: Moment | None = None


class Asked(NamedTuple):
    """Something that was, or could be, asked for; ``shown`` is how it is told of, ``at`` epoch seconds."""

    principal: Principal
    channel_id: str
    operation: Operation
    at: float | None
    shown: str


class Change(NamedTuple):
    """What another policy would have made of it."""

    asked: Asked
    old: Decision
    new: Decision


class Failure(NamedTuple):
    """A case that comes out otherwise than it says."""

    case: Case
    decision: Decision


def read_cases(path: Path) -> list[Case]:
    """The cases of a YAML file, ``cases: [{user, groups, channel, line, verdict, rule, at}]``.

    Raises:
        CasesError: it cannot be read, or a case is none.
    """
    yaml = YAML(typ="safe", pure=True)
    # What looks like a date stays the text that it is.
    yaml.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    try:
        listed = yaml.load(path.read_text("utf-8"))["cases"]
        entries = list(listed)
    except (OSError, ValueError, YAMLError, KeyError, TypeError) as error:
        raise CasesError(f"{path}: not a list of `cases` ({type(error).__name__})") from error
    cases = []
    for number, entry in enumerate(entries, start=1):
        try:
            cases.append(Case.model_validate(entry))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise CasesError(f"{path}: case {number}: {where}: {first['msg']}") from error
    return cases


def asked_of(cases: Sequence[Case], catalogue: Catalogue, hosts: Hosts = LOCAL) -> list[Asked]:
    """The cases as what was asked.

    Raises:
        CasesError: a line is no command.
    """
    return [_asked(number, case, catalogue, hosts) for number, case in enumerate(cases, start=1)]


def _asked(number: int, case: Case, catalogue: Catalogue, hosts: Hosts) -> Asked:
    try:
        operation = operation_of(case.line, catalogue, hosts)
    except Fault as fault:
        raise CasesError(f"case {number}: `{case.line}`: {fault.message}") from fault
    principal = Principal(
        team_id="", user_id=case.user, name="", standing=Standing.MEMBER, groups=case.groups, as_of=0.0
    )
    who = " ".join((case.user, *case.groups))
    return Asked(principal, case.channel, operation, case.at, f"{who} in {case.channel}: {case.line}")


def operation_of(line: str, catalogue: Catalogue, hosts: Hosts) -> Operation:
    """What a line would do.

    A host that ``hosts`` does not know is taken as it is written, without labels. Raises UsageFault.
    """
    parsed = parse(line.removeprefix("/").removeprefix("docker "), catalogue)
    if isinstance(parsed, HelpAsked):
        raise Fault("this only asks for help")
    host = hosts.find(parsed.host) or Host(name=parsed.host or hosts.default)
    return parsed.command.operation(host.name).model_copy(update={"host_labels": host.labels})


def verdict(decision: Decision) -> Verdict:
    """The decision in a word."""
    match decision:
        case NeedsApproval():
            return "approval"
        case Allow(provisional=True):
            return "worker"
        case _:
            return decision.outcome


def failures(policy: Policy, cases: Sequence[Case], catalogue: Catalogue) -> list[Failure]:
    """The cases that come out otherwise; raises CasesError."""
    found = []
    for case, asked in zip(cases, asked_of(cases, catalogue), strict=True):
        decision = _decided(policy, asked)
        if verdict(decision) != case.verdict or not decision.rule.startswith(case.rule):
            found.append(Failure(case, decision))
    return found


def changes(old: Policy, new: Policy, everything: Iterable[Asked]) -> Iterator[Change]:
    """What comes out otherwise under the new policy; another rule with the same verdict is no change."""
    for asked in everything:
        before, after = _decided(old, asked), _decided(new, asked)
        if verdict(before) != verdict(after):
            yield Change(asked, before, after)


def asked_before(folder: Path, since: float) -> Iterator[Asked]:
    """What was asked for since a moment (epoch seconds), by the audit in this folder; raises OSError."""
    for found in scan(folder, Filters(since=since)):
        what = found.entry.what
        if isinstance(what, audit.Accepted | audit.Refused) and what.operation is not None:
            shown = f"{what.who.user_id} in {what.place.channel_id}: {what.line}"
            yield Asked(what.who, what.place.channel_id, what.operation, found.entry.at, shown)


def _decided(policy: Policy, asked: Asked) -> Decision:
    return decide(policy, asked.principal, asked.channel_id, asked.operation, asked.at)


def told(decision: Decision) -> str:
    """A verdict and its rule."""
    return f"{verdict(decision)} ({decision.rule})"
