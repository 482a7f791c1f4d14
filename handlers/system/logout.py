"""docker logout."""

from collections.abc import Iterator
from typing import Annotated

from handlers.context import Context
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Lines, Output
from handlers.system.login import hostname, registry, server_key
from permissions.operation import Resource
from permissions.verbs import Danger, Verb


class Logout(
    Command,
    path="logout",
    logins=True,
    verb=Verb.REGISTRY,
    danger=Danger.SAFE,
    example="docker logout registry.example.com",
):
    """Log out from a registry."""

    server: Annotated[str | None, Arg("SERVER", least=0)] = None

    def resources(self) -> Iterator[Resource]:
        """The registry, as people name it."""
        yield registry(self.server)

    def run(self, ctx: Context) -> Output:
        """Says whose login goes; the asker is told when none was kept."""
        key = server_key(self.server)
        # Docker Hub's login is kept under a name of its own, and told by the one that was written.
        shown = hostname(self.server) if self.server else key
        warnings = () if ctx.login(key) else (f"Not logged in to {shown}",)
        return Lines(lines=(f"Removing login credentials for {shown}",), warnings=warnings)
