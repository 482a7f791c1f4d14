"""Help texts in the CLI's layout, wrapped at 79 columns."""

from collections.abc import Iterable, Mapping

from handlers.grammar.command import Command, Opt
from handlers.grammar.flags import table_of

WIDTH = 79

GROUPS: Mapping[str, str] = {
    "container": "Manage containers",
    "image": "Manage images",
    "network": "Manage networks",
    "system": "Manage Docker",
    "volume": "Manage volumes",
}

COMMON = (
    *("run", "exec", "ps", "build", "pull", "push", "images"),
    *("login", "logout", "search", "version", "info"),
)

HOST_LINE = "  -H, --host string   Docker host to run the command on"


def spelled(command: type[Command], spelling: str) -> str:
    """The spelling that messages use: aliases inside a group show as the path, short forms as they are."""
    group, _, name = spelling.partition(" ")
    return command.path if name and command.path.startswith(group + " ") else spelling


def line(command: type[Command], spelling: str) -> str:
    """``docker restart [OPTIONS] CONTAINER [CONTAINER...]``."""
    parts = ["docker", spelling]
    if command.usage:
        return " ".join([*parts, command.usage.removeprefix(f"docker {command.path}").strip()])
    if any(not opt.hidden for opt in command.options.values()):
        parts.append("[OPTIONS]")
    fills = dict(table_of(command).positions)
    for name, arg in command.arguments.items():
        if fills[name] == "one":
            parts.append(arg.metavar)
        elif fills[name] == "rest":
            parts += [arg.metavar] * arg.least + [f"[{arg.metavar}...]"]
        else:
            parts.append(f"[{arg.metavar}]")
    return " ".join(parts)


def pointer(command: type[Command], spelling: str, verb: str = "Run") -> str:
    """What the CLI prints under a usage error: the usage line and where the help is."""
    return f"Usage:  {line(command, spelling)}\n\n{run_help(spelling, verb)}"


def run_help(spelling: str, verb: str = "Run") -> str:
    """``Run 'docker restart --help' for more information``."""
    return f"{verb} '{' '.join(['docker', *spelling.split()])} --help' for more information"


def text(command: type[Command], spelling: str) -> str:
    """The whole help of a command, under the spelling that was typed, with its final newline."""
    parts = [f"Usage:  {line(command, spelling)}", command.summary()]
    if command.aliases:
        parts.append(
            "Aliases:\n  " + ", ".join(f"docker {name}" for name in (command.path, *command.aliases))
        )
    table = _options(command.options.values())
    if table:
        parts.append("Options:\n" + table)
    return "\n\n".join(parts) + "\n"


def group(name: str, commands: Iterable[type[Command]]) -> str:
    """The help of ``docker container`` for the given commands (those outside the group are left out)."""
    entries = {c.path.split(" ", 1)[1]: c.summary() for c in commands if c.path.startswith(f"{name} ")}
    table = _entries(dict(sorted(entries.items())))
    what = GROUPS.get(name, f"The commands of {name}")
    return (
        f"Usage:  docker {name} COMMAND\n\n{what}\n\nCommands:\n{table}\n\n"
        f"Run 'docker {name} COMMAND --help' for more information on a command.\n"
    )


def overview(commands: Iterable[type[Command]]) -> str:
    """``docker help`` for the given commands, for example those the asker may run."""
    known = tuple(commands)
    short = {name: c.summary() for c in known for name in (c.path, *c.aliases) if " " not in name}
    groups = {
        name: what for name, what in GROUPS.items() if any(c.path.startswith(f"{name} ") for c in known)
    }
    sections = {
        "Common Commands": {name: short[name] for name in COMMON if name in short},
        "Management Commands": groups,
        "Commands": {name: short[name] for name in sorted(short) if name not in COMMON},
    }
    shown = [f"{title}:\n{_entries(entries)}" for title, entries in sections.items() if entries]
    parts = [
        "Usage:  docker [OPTIONS] COMMAND",
        "A self-sufficient runtime for containers",
        *shown,
        f"Global Options:\n{HOST_LINE}",
        "Run 'docker COMMAND --help' for more information on a command.",
    ]
    return "\n\n".join(parts) + "\n"


def _entries(entries: Mapping[str, str]) -> str:
    width = max([11, *map(len, entries)])
    return "\n".join(f"  {name:<{width}} {what}" for name, what in entries.items())


def _options(options: Iterable[Opt]) -> str:
    rows = {opt.long: (_head(opt), _meaning(opt)) for opt in options if not opt.hidden}
    if not rows:
        return ""
    if any(head.startswith("  -h,") for head, _ in rows.values()):  # -h is taken, so --help is listed
        rows["help"] = ("      --help", "Print usage")
    width = max(len(head) for head, _ in rows.values()) + 3
    return "\n".join(f"{head:<{width}}{wrap(meaning, width)}" for _, (head, meaning) in sorted(rows.items()))


def _head(opt: Opt) -> str:
    names = f"  -{opt.short}, --{opt.long}" if opt.short else f"      --{opt.long}"
    return f"{names} {opt.type.word}" if opt.type.word else names


def _meaning(opt: Opt) -> str:
    return f"{opt.help} (default {opt.default})" if opt.default else opt.help


def wrap(meaning: str, indent: int) -> str:
    """Breaks a help text as pflag does; lines after the first are indented."""
    room = WIDTH - indent
    first = ""
    if room < 24:  # too narrow beside the option: a block under it
        indent, room = 16, WIDTH - 16
        first = "\n" + " " * indent
    lines: list[str] = []
    rest = meaning
    while rest:
        taken, rest = _take(rest, room - 5)
        lines += taken.split("\n")
    return first + ("\n" + " " * indent).join(lines)


def _take(text: str, room: int) -> tuple[str, str]:
    """The first line and the rest; a line may run over by 5 where that ends the text."""
    if room + 5 > len(text):
        return text, ""
    blank = max(text.rfind(c, 0, room) for c in " \t\n")
    if blank <= 0:
        return text, ""
    newline = text.rfind("\n", 0, room)
    if 0 < newline < blank:
        blank = newline
    return text[:blank], text[blank + 1 :]
