"""docker logout."""

from collections.abc import Iterator
from typing import Annotated

from handlers.context import Context
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Lines, Output
from handlers.system.login import registry, server_key
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
        """Names the login to forget; the asker is told when none was kept."""
        key = server_key(self.server)
        # Docker Hub's short name is told as it was written, though the login is kept under the long one.
        shown = self.server if self.server and key.startswith("https:") else key
        warnings = () if ctx.login(key) else (f"Not logged in to {shown}",)
        return Lines(lines=(f"Removing login credentials for {shown}",), warnings=warnings, forgets_login=key)
