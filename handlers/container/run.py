"""docker container run."""

from typing import Annotated

from handlers.container.attached import Attached, no_terminal
from handlers.container.groups.body import refused
from handlers.container.groups.create import CreateOptions
from handlers.context import Context, Engine, segment
from handlers.faults import (
    Cancelled,
    Conflict,
    EngineFault,
    Fault,
    JobFault,
    NotFound,
    Reason,
    TimedOut,
    UsageFault,
)
from handlers.grammar.command import Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL
from handlers.outcome import Begun, Finding
from permissions.verbs import Danger, Verb

NOT_RUN = 125
NOT_EXECUTABLE = 126
NO_COMMAND = 127

_NO_COMMAND = ("executable file not found", "no such file or directory", "cannot find the file specified")
_NOT_EXECUTABLE = ("permission denied", "is a directory")


class ContainerRun(
    CreateOptions,
    path="container run",
    logins=True,
    aliases=("run",),
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker run -d --name web -p 8080:80 nginx:1.27",
    usage="docker container run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    interspersed=False,
):
    """Create and run a new container from an image."""

    detach: Annotated[
        bool,
        Opt("-d", "--detach", help="Run container in background and print container ID", type=BOOL),
    ] = False
    detach_keys: Annotated[
        str, Opt("--detach-keys", help="Override the key sequence for detaching a container")
    ] = ""
    sig_proxy: Annotated[
        bool,
        Opt("--sig-proxy", help="Proxy received signals to the process", type=BOOL, default="true"),
    ] = True

    def check(self) -> None:
        """Raises UsageFault where the CLI refuses, for what a chat line cannot have, and for a terminal."""
        self.check_options()
        if self.detach and self.attach:
            raise UsageFault(
                "conflicting options: cannot specify both --attach and --detach",
                reason=Reason.USAGE,
                exit_code=1,
                hint="Leave one of them out.",
            )
        if not self.detach and self.tty and "stdin" in self.attached:
            raise no_terminal()
        self.check_image()

    def late(self, message: str, *, hint: str) -> UsageFault:
        """What the CLI says once it has read the options: here as of the options themselves."""
        return refused(message, hint=hint)

    def run(self, ctx: Context) -> Output:
        """Makes and starts the container; attached, shows its output and ends with its exit code.

        Raises EngineFault with the CLI's exit code: 126 not executable, 127 no such command, else 125.
        """
        attached: frozenset[str] = frozenset() if self.detach else self.attached
        try:
            container = self.make(ctx, attached=attached)
        except Fault as fault:
            if not isinstance(fault, JobFault):
                fault.exit_code = NOT_RUN
            raise
        path = f"/containers/{segment(container)}/start"
        try:
            return self._begun(ctx, container, path) if self.detach else self._attached(ctx, container, path)
        except (Cancelled, TimedOut) as ended:
            if not self.rm or not self.sig_proxy:
                raise
            cause = _cause(ctx, ended)
            # Said before it is done: whoever waits for the end is not kept waiting by the engine.
            cause.hint = "The container is being ended and removed, as --rm says."
            cause.hint = _removed(ctx.engine, container)
            raise cause from None

    def _begun(self, ctx: Context, container: str, path: str) -> Output:
        try:
            ctx.engine.post(path, on_cancel=ctx.on_cancel)
        except EngineFault as fault:
            # The container is there all the same: its id is what one looks into it by.
            ctx.stdout(f"{container}\n".encode())
            raise _not_started(fault) from None
        return Lines(lines=(container,))

    def _attached(self, ctx: Context, container: str, path: str) -> Output:
        output = Attached(ctx, container, self._streams(), tty=self.tty, removed=self.rm)
        try:
            ctx.engine.post(path, on_cancel=ctx.on_cancel)
        except EngineFault as fault:
            if self.rm:
                output.settle()
            output.close()
            raise _not_started(fault) from None
        except BaseException:
            output.close()
            raise
        return output.follow()

    def _streams(self) -> dict[str, str | bool | None]:
        wanted: dict[str, str | bool | None] = dict.fromkeys(sorted(self.attached), True)
        return {"stream": True, **wanted, "detachKeys": self.detach_keys or None}

    def follows(self) -> bool:
        """Attached, it lasts as long as the container."""
        return not self.detach

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks for the new container, and whether it was started."""
        return self.new_container(engine, begun, to_be_started=True)


def _cause(ctx: Context, ended: JobFault) -> JobFault:
    """What ended the job: a call that was cut short says only that it was."""
    try:
        ctx.check()
    except JobFault as fault:
        return fault
    return ended


def _removed(engine: Engine, container: str) -> str:
    """What the CLI's passing on of the signal and ``--rm`` leave: nothing. Says what became of it."""
    try:
        engine.delete(f"/containers/{segment(container)}", {"force": True, "v": True})
    except (NotFound, Conflict):
        pass  # it has ended by itself, and the engine removes it
    except Fault:
        return f"The container may still be there: `docker rm -f {container[:12]}` removes it."
    return "The container was ended and removed, as --rm says."


def _not_started(fault: EngineFault) -> EngineFault:
    """The fault with the exit code that shells use for it."""
    text = fault.message.lower()
    fault.exit_code = NOT_RUN
    if any(words in text for words in _NO_COMMAND):
        fault.exit_code = NO_COMMAND
    elif any(words in text for words in _NOT_EXECUTABLE):
        fault.exit_code = NOT_EXECUTABLE
    return fault
