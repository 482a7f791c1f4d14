"""The commands that are ours, under ``/docktalk``: what may I run, where, who am I, what was done."""

import re
import time

from bot.audit.reading import Filters, parse_filters, split
from bot.decided import members_only
from bot.hosts import Hosts
from bot.own.job_lines import WORDS
from bot.reply import Help
from bot.request import Request
from handlers.catalogue import Catalogue
from handlers.faults import Reason, UsageFault
from handlers.grammar import usage
from handlers.grammar.command import Command
from handlers.grammar.parser import HelpAsked
from handlers.grammar.suggest import closest
from permissions.decide import offers
from permissions.operation import Operation, Principal
from permissions.policy import Policy
from permissions.verbs import Danger, Verb

OWN = {
    "help": "List what you may run here",
    "hosts": "List the hosts, with the labels they have",
    "whoami": "Show your ids, as a policy needs them",
    "can-i": 'Say what would become of a line: can-i "container rm -f web" [--as @ana]',
    "why": "Say why a job was run: why J-42",
    "audit": "Show what was asked, decided and done: --user, --target, --since, --until, --job, --incident",
    **WORDS,
}

GROUPS = {
    "general": ("help", "hosts", "whoami", "can-i", "why", "audit"),
    "jobs": ("jobs", "follow", "show", "grep", "display", "check", "cancel"),
    "approvals": ("approve", "deny", "withdraw", "who-can", "ask-them", "ask-again", "budgets"),
    "incidents": (
        "incident open",
        "incident close",
        "incident list",
        "incident show",
        "incident timeline",
        "use",
    ),
    "locks": ("lock", "unlock", "locks"),
    "roles": ("elevate", "break-glass", "grants", "revoke", "reviews", "review"),
}
"""The same by what they are about, as the help shows them."""

BEGINNINGS = frozenset(word.split()[0] for word in OWN)
"""The first words of all of them."""

_HOW = (
    "With a line that changes something:",
    '  --reason "…"           why, for those who are asked to agree',
    "  --dry-run              say what would be done, do nothing",
    '  --break-glass "…"      at once, where the policy lets you; others are told',
    "  --times 3 --within 1h  ask once for several runs, in an incident",
    "",
    "More: `/docker ps --help`, `/docktalk lock --help`, `/docktalk help locks`. In a thread, mention me:",
    "@docktalk ps",
)

_OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")

AUDIT = "docktalk audit"
"""The audit to the policy: a rule allows it by this name or by the verb admin, on the default host."""


def offered(
    policy: Policy, principal: Principal, channel_id: str, catalogue: Catalogue, hosts: Hosts
) -> tuple[type[Command], ...]:
    """The docker commands that some rule could let this person run in this channel, on any host."""
    return tuple(
        command
        for command in catalogue.commands
        if any(
            offers(
                policy,
                principal,
                channel_id,
                Operation(
                    command=command.path,
                    verb=command.verb,
                    danger=command.danger,
                    host=host.name,
                    host_labels=host.labels,
                ),
                time.time(),
            )
            for host in hosts.known
        )
    )


def offers_audit(policy: Policy, principal: Principal, channel_id: str, hosts: Hosts) -> bool:
    """Whether some rule lets this person see the audit in this channel."""
    return offers(policy, principal, channel_id, audit_operation(Filters(), hosts), time.time())


def audit_filters(request: Request) -> Filters | None:
    """What a ``/docktalk audit`` line asks for; None for any other line. Raises UsageFault."""
    word, _, rest = request.text.partition(" ")
    if word != "audit":
        return None
    try:
        return parse_filters(split(rest), time.time())
    except ValueError as error:
        raise UsageFault(
            f"docktalk audit: {error}",
            reason=Reason.BAD_VALUE,
            hint="`/docktalk audit --user @ana --since 2h` shows what ana asked for in the last two hours.",
        ) from error


def audit_operation(filters: Filters, hosts: Hosts) -> Operation:
    """What the policy decides on: a command like any other, the filters are its options."""
    given = [name for name, value in filters.model_dump(exclude_defaults=True).items() if value]
    host = hosts.find(None)
    return Operation(
        command=AUDIT,
        verb=Verb.ADMIN,
        danger=Danger.SAFE,
        flags=tuple(sorted(given)),
        host=hosts.default,
        host_labels=host.labels if host else {},
    )


def answer(
    request: Request,
    commands: tuple[type[Command], ...],
    principal: Principal,
    hosts: Hosts,
    *,
    audit: bool,
) -> Help:
    """Answers a ``/docktalk`` line; ``commands`` are those that :func:`offered` found.

    ``audit`` tells whether the help names the audit.

    Raises:
        Denied: the asker is no member of the workspace.
        UsageFault: there is no such command.
    """
    members_only(principal)
    words = request.text.split() or ["help"]
    match words:
        case ["help"]:
            return Help(text=_help(commands, audit=audit))
        case ["help", topic] if title := _group(topic):
            return Help(text=_help_about(title, audit=audit))
        case ["hosts"]:
            return Help(text=_hosts(hosts))
        case ["whoami"]:
            return Help(text=_whoami(request, principal))
    raise _unknown(request.text, words)


def _unknown(text: str, words: list[str]) -> UsageFault:
    """For a line that is none of ours, or has a word too many."""
    first = words[0]
    if first not in OWN:
        start = text.index(first)
        near = closest(first, BEGINNINGS)
        return UsageFault(
            f"docktalk: unknown command: docktalk {first}",
            reason=Reason.UNKNOWN_COMMAND,
            span=(start, start + len(first)),
            suggestion=_instead(text, first, near[0]) if len(near) == 1 else None,
        )
    start = text.index(words[1], text.index(first) + len(first))
    span = (start, len(text.rstrip()))
    if first == "help":
        return UsageFault(
            f"docktalk: there is no help about {' '.join(words[1:])}",
            reason=Reason.UNKNOWN_COMMAND,
            span=span,
            hint=f"There is: {', '.join(GROUPS)}. For Docker's commands: `/docker ps --help`.",
        )
    return UsageFault(
        f"docktalk: 'docktalk {first}' accepts no arguments",
        reason=Reason.WRONG_ARGUMENTS,
        span=span,
        suggestion=first,
        exit_code=1,
    )


def program_meant(program: str, text: str, fault: UsageFault, catalogue: Catalogue) -> str:
    """Whose line it is, where ``program`` does not know its first word; the fault then suggests it."""
    words = text.split() or [""]
    if fault.reason is not Reason.UNKNOWN_COMMAND or words[0] in {"help", "docker"}:
        return program
    if program == "docktalk":
        if catalogue.find(words) is None:
            return program
        fault.hint, fault.suggestion = f"`{words[0]}` is Docker's, not mine.", text
        return "docker"
    near = closest(words[0], BEGINNINGS)
    if words[0] in BEGINNINGS:
        fault.hint, fault.suggestion = f"`{words[0]}` is mine, not Docker's.", text
        return "docktalk"
    if len(near) == 1 and not fault.hint and not fault.suggestion:
        fault.suggestion = _instead(text, words[0], near[0])
        return "docktalk"
    return program


def option_meant(fault: UsageFault, text: str) -> tuple[int, int] | None:
    """Where the option stands that the fault's sentence begins with; None where there is none."""
    option = _OPTION.match(fault.message)
    at = text.find(option[0]) if option else -1
    return (at, at + len(option[0])) if option and at >= 0 else None


def _instead(text: str, word: str, other: str) -> str:
    return text.replace(word, other, 1)


def _help(commands: tuple[type[Command], ...], *, audit: bool) -> str:
    lines = ["/docker, if the target and the options are allowed too:", *_docker_by_kind(commands), ""]
    lines.append("/docktalk:")
    lines += [f"  {title}: {', '.join(_shown(title, audit=audit))}" for title in GROUPS]
    return "\n".join([*lines, "", *_HOW, ""])


def _help_about(title: str, *, audit: bool) -> str:
    """What each line of a group does."""
    names = _shown(title, audit=audit)
    width = max(map(len, names))
    return "\n".join(["/docktalk:", *(f"  {name:<{width}}  {OWN[name]}" for name in names), ""])


def _shown(title: str, *, audit: bool) -> list[str]:
    return [name for name in GROUPS[title] if audit or name != "audit"]


def _group(topic: str) -> str | None:
    """The group of that name, or with a line that begins so; None where there is none."""
    groups = GROUPS.items()
    return next((title for title, names in groups if topic in {title, *(n.split()[0] for n in names)}), None)


def _docker_by_kind(commands: tuple[type[Command], ...]) -> list[str]:
    """A line for each kind of object: on a phone, a line for each command is too much."""
    kinds: dict[str, list[str]] = {}
    for command in commands:
        *kind, leaf = command.path.split()
        kinds.setdefault(" ".join(kind), []).append(leaf)
    lines = [f"  {kind}: {', '.join(leaves)}".replace("  : ", "  ") for kind, leaves in kinds.items()]
    return lines or ["  nothing: no rule lets you run a docker command here"]


def _hosts(hosts: Hosts) -> str:
    lines = []
    for host in hosts.known:
        labels = " ".join(f"{key}={value}" for key, value in sorted(host.labels.items()))
        default = " (default)" if host.name == hosts.default else ""
        lines.append(f"{host.name}{default}  {labels}".rstrip())
    return "\n".join(lines) + "\n"


def _whoami(request: Request, principal: Principal) -> str:
    groups = ", ".join(principal.groups) or "none"
    return (
        f"user     {principal.user_id} ({principal.name})\n"
        f"groups   {groups}\n"
        f"channel  {request.channel_id}\n"
        f"team     {principal.team_id}\n"
    )


def docker_help(asked: HelpAsked, commands: tuple[type[Command], ...]) -> Help:
    """Lists show what the asker may run; the help of one command is docker's own text."""
    text = asked.text
    if not asked.topic:
        text = usage.overview(commands)
    elif any(command.path.startswith(f"{asked.topic} ") for command in commands):
        text = usage.group(asked.topic, commands)
    return Help(text=text, exit_code=asked.exit_code, warnings=asked.warnings, unasked=asked.unasked)
