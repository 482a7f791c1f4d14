"""What runs in the container, as whom, with which streams and variables."""

from typing import Annotated

from handlers.container.groups.body import Body, caller_file
from handlers.grammar.command import Command, Opt
from handlers.grammar.lists import ATTACH, ENV
from handlers.grammar.values import BOOL, INT, LIST


class ProcessOptions(Command):
    """Streams, terminal, user, environment, how it is stopped."""

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
    group_add: Annotated[
        tuple[str, ...], Opt("--group-add", help="Add additional groups to join", type=LIST)
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
    stop_signal: Annotated[str, Opt("--stop-signal", help="Signal to stop the container")] = ""
    stop_timeout: Annotated[
        int | None,
        Opt(
            "--stop-timeout",
            help="Timeout (in seconds) to stop a container",
            type=INT,
            min_api=(1, 25),
        ),
    ] = None
    tty: Annotated[bool, Opt("-t", "--tty", help="Allocate a pseudo-TTY", type=BOOL)] = False
    user: Annotated[str, Opt("-u", "--user", help="Username or UID (format: <name|uid>[:<group|gid>])")] = ""
    workdir: Annotated[str, Opt("-w", "--workdir", help="Working directory inside the container")] = ""

    def check_process(self) -> None:
        """Raises UsageFault for what would read the caller's files or environment."""
        if self.env_file:
            raise caller_file("--env-file", hint="Give the variables one by one: -e NAME=VALUE.")
        if any("=" not in text for text in self.env):
            raise caller_file("--env without a value", hint="Write the value: -e NAME=VALUE.")

    @property
    def attached(self) -> frozenset[str]:
        """The streams the CLI attaches to: those named (else both outputs), and an open stdin in any case."""
        outputs = frozenset(self.attach) or frozenset({"stdout", "stderr"})
        return outputs | {"stdin"} if self.interactive else outputs

    def add_process(self, body: Body, *, attached: frozenset[str]) -> None:
        """Adds this group's part of the body; what was not given and differs from zero is left out."""
        body.config |= {
            "User": self.user,
            "AttachStdin": "stdin" in attached,
            "AttachStdout": "stdout" in attached,
            "AttachStderr": "stderr" in attached,
            "Tty": self.tty,
            "OpenStdin": self.interactive,
            "StdinOnce": self.interactive and "stdin" in attached,
            # The last value of a name counts, in the place of the first.
            "Env": list({text.partition("=")[0]: text for text in self.env}.values()),
            "WorkingDir": self.workdir,
            "Entrypoint": None if self.entrypoint is None else [self.entrypoint],
        }
        body.host["GroupAdd"] = list(self.group_add)
        if self.stop_signal:
            body.config["StopSignal"] = self.stop_signal
        if self.stop_timeout is not None:
            body.config["StopTimeout"] = self.stop_timeout
        if self.init is not None:
            body.host["Init"] = self.init
