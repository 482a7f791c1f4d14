"""docker container exec."""

from typing import Annotated, Any

from handlers.container.attached import no_terminal
from handlers.container.streams import pour
from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.faults import JobFault, Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import ENV
from handlers.grammar.output import Lines, Output, Stream
from handlers.grammar.values import BOOL, LIST
from permissions.verbs import Danger, Kind, Verb

CONSOLE_API = (1, 42)


class ContainerExec(
    Command,
    path="container exec",
    aliases=("exec",),
    verb=Verb.EXEC,
    danger=Danger.INTERRUPTS,
    example="docker exec -w /etc web cat hosts",
    usage="docker container exec [OPTIONS] CONTAINER COMMAND [ARG...]",
    interspersed=False,
):
    """Execute a command in a running container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    command: Annotated[tuple[str, ...], Arg("COMMAND")]
    detach: Annotated[
        bool, Opt("-d", "--detach", help="Detached mode: run command in the background", type=BOOL)
    ] = False
    detach_keys: Annotated[
        str, Opt("--detach-keys", help="Override the key sequence for detaching a container")
    ] = ""
    env: Annotated[
        tuple[str, ...],
        Opt("-e", "--env", help="Set environment variables", type=ENV, secret=True, min_api=(1, 25)),
    ] = ()
    env_file: Annotated[
        tuple[str, ...],
        Opt("--env-file", help="Read in a file of environment variables", type=LIST, min_api=(1, 25)),
    ] = ()
    interactive: Annotated[
        bool, Opt("-i", "--interactive", help="Keep STDIN open even if not attached", type=BOOL)
    ] = False
    privileged: Annotated[
        bool, Opt("--privileged", help="Give extended privileges to the command", type=BOOL)
    ] = False
    tty: Annotated[bool, Opt("-t", "--tty", help="Allocate a pseudo-TTY", type=BOOL)] = False
    user: Annotated[str, Opt("-u", "--user", help='Username or UID (format: "<name|uid>[:<group|gid>]")')] = (
        ""
    )
    workdir: Annotated[
        str, Opt("-w", "--workdir", help="Working directory inside the container", min_api=(1, 35))
    ] = ""

    def check(self) -> None:
        """Raises UsageFault for what would read the caller's machine, and where a terminal is needed."""
        if self.env_file:
            raise _caller_file("--env-file")
        if any("=" not in text for text in self.env):
            raise _caller_file("--env without a value")
        if self.interactive and self.tty and not self.detach:
            raise no_terminal()

    def value_danger(self) -> Danger:
        """A privileged command has the host's devices, whatever the container has."""
        return Danger.ROOT_EQUIVALENT if self.privileged else Danger.SAFE

    def follows(self) -> bool:
        """Attached, it lasts as long as its command."""
        return not self.detach

    def run(self, ctx: Context) -> Output:
        """Emits what the command prints and ends with its exit code; detached, it only starts it."""
        path = f"/containers/{segment(named(self.container))}"
        # What makes an exec leaves it behind when it fails: a container that is not there fails first.
        ctx.engine.get(f"{path}/json")
        console = {"ConsoleSize": [0, 0]} if self.tty and ctx.engine.api_version >= CONSOLE_API else {}
        made = ctx.engine.post(f"{path}/exec", body=self._body() | console, on_cancel=ctx.on_cancel)
        path = f"/exec/{segment(made['Id'])}"
        start = {"Detach": self.detach, "Tty": self.tty} | console
        if self.detach:
            ctx.engine.post(f"{path}/start", body=start, on_cancel=ctx.on_cancel)
            return Lines()
        try:
            pour(
                ctx,
                ctx.engine.frames("POST", f"{path}/start", body=start, tty=self.tty, on_cancel=ctx.on_cancel),
            )
        except JobFault as fault:
            fault.hint = fault.hint or f"The command goes on: `docker top {self.container}` shows it."
            raise
        return Stream(exit_code=ctx.engine.get(f"{path}/json").get("ExitCode") or 0)

    def _body(self) -> dict[str, Any]:
        attached = not self.detach
        return {
            "User": self.user,
            "Privileged": self.privileged,
            "Tty": self.tty,
            "AttachStdin": attached and self.interactive,
            "AttachStdout": attached,
            "AttachStderr": attached,
            "Detach": self.detach,
            "DetachKeys": self.detach_keys,
            "Env": list(self.env) or None,
            "WorkingDir": self.workdir,
            "Cmd": list(self.command),
        }


def _caller_file(option: str) -> UsageFault:
    return UsageFault(
        f"{option} needs a file or a variable of your own machine, and a chat line has none",
        reason=Reason.CALLER_FILE,
        exit_code=1,
        hint="Give the variables one by one: -e NAME=VALUE.",
    )
