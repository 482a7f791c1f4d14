"""The commands that are ours, under ``/docktalk``: what may I run, where, and who am I to the policy."""

from bot.hosts import Hosts
from bot.reply import Help
from bot.request import Request
from handlers.catalogue import Catalogue
from handlers.faults import Denied, Reason, UsageFault
from handlers.grammar.command import Command
from handlers.grammar.suggest import closest
from permissions.decide import offers
from permissions.operation import Principal, Standing
from permissions.policy import Policy

OWN = {
    "help": "List what you may run here",
    "hosts": "List the hosts, with the labels they have",
    "whoami": "Show your ids, as a policy needs them",
}


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
                command=command.path,
                verb=command.verb,
                danger=command.danger,
                host=host.name,
            )
            for host in hosts.known
        )
    )


def answer(request: Request, commands: tuple[type[Command], ...], principal: Principal, hosts: Hosts) -> Help:
    """Answers a ``/docktalk`` line; ``commands`` are those that :func:`offered` found.

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
            return Help(text=_help(commands))
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


def _help(commands: tuple[type[Command], ...]) -> str:
    docker = [(f"/docker {command.path}", command.summary()) for command in commands]
    ours = [(f"/docktalk {name}", text) for name, text in OWN.items()]
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
