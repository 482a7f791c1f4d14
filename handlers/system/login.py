"""docker login."""

from collections.abc import Iterator
from typing import Annotated

from handlers.container.targets import sentence
from handlers.context import Context
from handlers.faults import EngineFault, Fault, Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL
from handlers.image.reference import HUB, HUB_LOGIN
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb

INSECURE = "WARNING! Using --password via the CLI is insecure. Use --password-stdin."
KEPT = """\
Authenticating with existing credentials... [Username: {}]

 Info -> To login with a different account, run 'docker logout' followed by 'docker login'


"""
NO_TERMINAL = "Error: Cannot perform an interactive login from a non TTY device"
NO_ADDRESS = "the registry's address has neither a dot nor a port, so no image could come from it"
QUOTE_IT = "Put a password of several words in quotes, or leave -p out: then a form asks for it."


class Login(
    Command,
    path="login",
    logins=True,
    verb=Verb.REGISTRY,
    danger=Danger.SAFE,
    example="docker login -u ann --password-stdin registry.example.com",
):
    """Authenticate to a registry."""

    server: Annotated[str | None, Arg("SERVER", least=0)] = None
    password: Annotated[
        str, Opt("-p", "--password", help="Password or Personal Access Token (PAT)", secret=True)
    ] = ""
    password_stdin: Annotated[
        bool,
        Opt(
            "--password-stdin",
            help="Take the Password or Personal Access Token (PAT) from stdin",
            type=BOOL,
        ),
    ] = False
    username: Annotated[str, Opt("-u", "--username", help="Username")] = ""

    def resources(self) -> Iterator[Resource]:
        """The registry, as people name it."""
        yield registry(self.server)

    def check(self) -> None:
        """Raises UsageFault for options that the CLI does not take together."""
        given = self.model_fields_set
        problem, hint = "", f"For example: `{self.example}`."
        if "password_stdin" in given and "password" in given:
            problem = "conflicting options: cannot specify both --password and --password-stdin"
        elif "password_stdin" in given and "username" not in given:
            problem = "the --password-stdin option requires --username to be set"
        elif "username" in given and not self.username:
            problem = "username is empty"
        elif "password" in given and not self.password:
            problem = "password is empty"
        elif self.password and not _is_address(self.server):
            problem, hint = NO_ADDRESS, QUOTE_IT
        if problem:
            raise UsageFault(problem, reason=Reason.BAD_VALUE, exit_code=1, hint=hint)

    def with_password(self, password: str, username: str = "") -> "Login":
        """The command with a password that was given apart from the line, and a name if that was too."""
        return self.but(
            password=password, password_stdin=True, **({"username": username} if username else {})
        )

    def run(self, ctx: Context) -> Output:
        """Has the registry check the login: the one given, else the one kept from before.

        Raises EngineFault with the registry's answer, and Fault where there is nothing to check and nobody
        to ask.
        """
        server = server_key(self.server)
        if self.password and not self.password_stdin:
            ctx.stderr(f"{INSECURE}\n".encode())
        kept = None if self.username or self.password else ctx.login(server)
        if kept is not None:
            ctx.stderr(KEPT.format(kept.username).encode())
            try:
                return Lines(lines=_said(ctx, kept.username, kept.password, server))
            except EngineFault as fault:
                ctx.stderr(f"Login did not succeed, error: {sentence(fault)}\n".encode())
        if not self.username or not self.password:
            raise Fault(
                NO_TERMINAL,
                reason=Reason.NEEDS_TERMINAL,
                hint="Give the name with -u; the password is asked for in a form.",
            )
        return Lines(lines=_said(ctx, self.username.strip(), self.password, server))


def server_key(server: str | None) -> str:
    """The key under which a login is kept: a registry's host and port, Docker Hub's own for none."""
    if server in (None, "", HUB, HUB_LOGIN):
        return HUB_LOGIN
    return hostname(str(server))


def hostname(server: str) -> str:
    """A registry's host and port, of an address too."""
    return server.rpartition("://")[2].partition("/")[0]


def _is_address(server: str | None) -> bool:
    """Whether images can come from there: without a dot or a port a word is no registry in their names.

    So the rest of a password that was not put in quotes is neither asked for in the network nor shown.
    """
    name = hostname(server or HUB)
    return "." in name or ":" in name or name == "localhost"


def registry(server: str | None) -> Resource:
    """The registry as a policy names it."""
    key = server_key(server)
    return Resource(kind=Kind.REGISTRY, name=HUB if key == HUB_LOGIN else key)


def _said(ctx: Context, username: str, password: str, server: str) -> tuple[str, ...]:
    """The registry's answer, as the engine tells it; raises EngineFault."""
    body = {"username": username, "password": password, "serveraddress": server}
    answer = ctx.engine.post("/auth", body=body, on_cancel=ctx.on_cancel) or {}
    status = answer.get("Status", "")
    return (status,) if status else ()
