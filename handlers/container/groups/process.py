"""What runs in the container and as whom."""

from typing import Annotated

from handlers.container.groups.body import Body, caller_file
from handlers.container.hazards import privileged_danger
from handlers.grammar.command import Command, Opt
from handlers.grammar.lists import ATTACH, ENV
from handlers.grammar.values import BOOL, LIST
from permissions.verbs import Danger


class ProcessOptions(Command):
    """Streams, terminal, user, environment, privileges."""

    attach: Annotated[
        tuple[str, ...], Opt("-a", "--attach", help="Attach to STDIN, STDOUT or STDERR", type=ATTACH)
    ] = ()
    entrypoint: Annotated[
        str | None, Opt("--entrypoint", help="Overwrite the default ENTRYPOINT of the image")
    ] = None
    env: Annotated[
        tuple[str, ...], Opt("-e", "--env", help="Set environment variables", type=ENV, secret=True)
    ] = ()
    env_file: Annotated[
        tuple[str, ...], Opt("--env-file", help="Read in a file of environment variables", type=LIST)
    ] = ()
    init: Annotated[
        bool | None,
        Opt(
            "--init",
            help="Run an init inside the container that forwards signals and reaps processes",
            type=BOOL,
            min_api=(1, 25),
        ),
    ] = None
    interactive: Annotated[
        bool, Opt("-i", "--interactive", help="Keep STDIN open even if not attached", type=BOOL)
    ] = False
    privileged: Annotated[
        bool, Opt("--privileged", help="Give extended privileges to this container", type=BOOL)
    ] = False
    read_only: Annotated[
        bool, Opt("--read-only", help="Mount the container's root filesystem as read only", type=BOOL)
    ] = False
    tty: Annotated[bool, Opt("-t", "--tty", help="Allocate a pseudo-TTY", type=BOOL)] = False
    user: Annotated[str, Opt("-u", "--user", help="Username or UID (format: <name|uid>[:<group|gid>])")] = ""
    workdir: Annotated[str, Opt("-w", "--workdir", help="Working directory inside the container")] = ""

    def check_process(self) -> None:
        """Raises UsageFault for what would read the caller's files or environment."""
        if self.env_file:
            raise caller_file("--env-file", hint="Give the variables one by one: -e NAME=VALUE.")
        if any("=" not in text for text in self.env):
            raise caller_file("--env without a value", hint="Write the value: -e NAME=VALUE.")

    def process_danger(self) -> Danger:
        """The danger of these options."""
        return privileged_danger(self.privileged)

    @property
    def attached(self) -> frozenset[str]:
        """The streams the CLI would attach to: those named, else all there are."""
        named = frozenset(self.attach)
        return named or frozenset({"stdout", "stderr"} | ({"stdin"} if self.interactive else set()))

    def add_process(self, body: Body, *, attached: frozenset[str]) -> None:
        """Adds this group's part of the body."""
        body.config |= {
            "User": self.user,
            "AttachStdin": "stdin" in attached,
            "AttachStdout": "stdout" in attached,
            "AttachStderr": "stderr" in attached,
            "Tty": self.tty,
            "OpenStdin": self.interactive,
            "StdinOnce": self.interactive and "stdin" in attached,
            "Env": list(self.env),
            "WorkingDir": self.workdir,
            "Entrypoint": None if self.entrypoint is None else [self.entrypoint],
        }
        body.host |= {"Privileged": self.privileged, "ReadonlyRootfs": self.read_only}
        if self.init is not None:
            body.host["Init"] = self.init
