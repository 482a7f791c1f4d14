"""docker container top."""

from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.format.tabs import align
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Output, Table
from permissions.verbs import Danger, Kind, Verb

COLUMN = 20
"""How wide a column is at least, as the CLI has it for this table alone."""


class ContainerTop(
    Command,
    path="container top",
    aliases=("top",),
    verb=Verb.REVEAL,  # ps can show arguments and environments
    danger=Danger.SAFE,
    example="docker top web -o pid,user,args",
    usage="docker container top CONTAINER [ps OPTIONS]",
    interspersed=False,
):
    """Display the running processes of a container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    ps_options: Annotated[tuple[str, ...], Arg("ps OPTIONS", least=0)] = ()

    def run(self, ctx: Context) -> Output:
        """Shows the processes as the host's ps does."""
        query = {"ps_args": " ".join(self.ps_options) or None}
        found = ctx.engine.get(f"/containers/{segment(named(self.container))}/top", query)
        header = tuple(found.get("Titles") or ())
        rows = tuple(tuple(process) for process in found.get("Processes") or ())
        lines = "\n".join("\t".join(row) for row in (header, *rows)).split("\n")
        text = "".join(f"{line}\n" for line in align(lines, min_width=COLUMN))
        return Table(header=header, rows=rows, text=text)
