"""The commands that are ours, under ``/docktalk``: what may I run, where, who am I, what was done."""

import time

from bot.audit_reading import Filters, parse_filters, split
from bot.hosts import Hosts
from bot.job_commands import WORDS
from bot.reply import Help
from bot.request import Request
from handlers.catalogue import Catalogue
from handlers.faults import Denied, Reason, UsageFault
from handlers.grammar import usage
from handlers.grammar.command import Command
from handlers.grammar.parser import HelpAsked
from handlers.grammar.suggest import closest
from permissions.decide import offers
from permissions.operation import Operation, Principal, Standing
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

BEGINNINGS = frozenset(word.split()[0] for word in OWN)
"""The first words of all of them."""

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
    if principal.standing is not Standing.MEMBER:
        raise Denied(
            "only members of this workspace are answered",
            rule=f"standing {principal.standing}",
            reason=Reason.NOT_A_MEMBER,
        )
    words = request.text.split() or ["help"]
    match words:
        case ["help"]:
            return Help(text=_help(commands, audit=audit))
        case ["hosts"]:
            return Help(text=_hosts(hosts))
        case ["whoami"]:
            return Help(text=_whoami(request, principal))
    word = words[0] if words[0] not in OWN else words[1]
    start = request.text.index(word)
    near = closest(word, OWN) if words[0] not in OWN else ()
    raise UsageFault(
        f"docktalk: unknown command: docktalk {' '.join(words)}",
        reason=Reason.UNKNOWN_COMMAND,
        span=(start, start + len(word)),
        suggestion=near[0] if len(near) == 1 else None,
        hint="`/docktalk help` lists what you may run here.",
    )


def _help(commands: tuple[type[Command], ...], *, audit: bool) -> str:
    docker = [(f"/docker {command.path}", command.summary()) for command in commands]
    ours = [(f"/docktalk {name}", text) for name, text in OWN.items() if audit or name != "audit"]
    width = max(len(name) for name, _ in docker + ours)
    nothing = ["No rule lets you run a docker command here."]
    lines = [f"{name:<{width}}  {text}" for name, text in docker] or nothing
    return "\n".join(
        [
            "You may run here, if the target and the options are allowed too:",
            "",
            *lines,
            "",
            *(f"{name:<{width}}  {text}" for name, text in ours),
            "",
            "`/docker COMMAND --help` shows the options of one. In a thread, mention me: @docktalk ps",
            "",
        ]
    )


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
