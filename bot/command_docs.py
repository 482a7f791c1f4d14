"""The documentation page of every docker command, made from its declaration and its example's thread.

Beside them, in the index, what is said under ``/docktalk``.
"""

from pathlib import Path

from bot.own.commands import GROUPS, OWN
from bot.own.job_lines import CATALOGUE as OWN_LINES
from bot.trial.example_thread import threads
from handlers.catalogue import Catalogue
from handlers.grammar import usage
from handlers.grammar.command import Command
from permissions.verbs import Danger

_DANGERS = {
    Danger.SAFE: "nothing that runs is touched",
    Danger.INTERRUPTS: "what runs may be interrupted",
    Danger.LOSES_DATA: "data may be lost",
    Danger.ROOT_EQUIVALENT: "it amounts to root on the host",
}


def page(command: type[Command], thread: str) -> str:
    """One command's page as Markdown; ``thread`` is what the channel shows of its example."""
    parts = [
        f"# docker {command.path}",
        f"{command.summary()}.".replace("..", "."),
        f"**Verb** `{command.verb}` · **danger** `{command.danger.name}`: {_DANGERS[command.danger]}.",
        f"```\n{usage.text(command, command.path)}```",
        f"For example:\n\n    /{command.example}",
        f"The channel shows:\n\n```text\n{thread}\n```",
    ]
    worse = [opt for opt in command.options.values() if opt.danger > command.danger]
    if worse:
        rows = [f"| `--{opt.long}` | `{opt.danger.name}` |" for opt in worse]
        head = ["Options that make it more dangerous:", "", "| option | danger |", "|---|---|"]
        parts.append("\n".join([*head, *rows]))
    secret = ", ".join(f"`--{opt.long}`" for opt in command.options.values() if opt.secret)
    if secret:
        parts.append(f"Sealed to the host before anything is stored, and masked when shown: {secret}.")
    return "\n\n".join(parts) + "\n"


def index(catalogue: Catalogue) -> str:
    """The list of all commands as Markdown."""
    rows = [
        f"| [{one.path}]({file_name(one)}) | {one.summary()} | {one.verb} | {one.danger.name} |"
        for one in catalogue.commands
    ]
    docker = ["# Commands", "", "| command | | verb | danger |", "|---|---|---|---|", *rows]
    return "\n".join([*docker, "", *_own()]) + "\n"


def _own() -> list[str]:
    """The lines of our own, by what they are about."""
    examples = {one.path: one.example for one in OWN_LINES.commands}
    told = [
        "## Under /docktalk",
        "",
        "A mention takes both kinds: `@docktalk ps`, `@docktalk jobs`. `--help` behind a line lists its",
        "options, `/docktalk help locks` what each of a group does. An id may be written `J-42`, `j42`, and",
        "`42` where one kind alone is meant.",
    ]
    for title, names in GROUPS.items():
        told += ["", f"### {title.capitalize()}", "", "| line | |", "|---|---|"]
        for name in names:
            sign = "@" if name == "use" else "/"  # it is about a thread, where Slack knows no slash commands
            told.append(f"| `{sign}docktalk {examples.get(name, name)}` | {OWN[name]} |")
    return told


def file_name(command: type[Command]) -> str:
    """The page's file name."""
    return f"{command.path.replace(' ', '-')}.md"


def write(catalogue: Catalogue, folder: Path) -> None:
    """Writes the index and a page a command; raises NotCanned."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(index(catalogue), encoding="utf-8")
    shown = threads(catalogue.commands)
    for command in catalogue.commands:
        text = page(command, shown[command.path])
        (folder / file_name(command)).write_text(text, encoding="utf-8")
