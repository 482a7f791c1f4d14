"""docker container attach."""

from typing import Annotated

from handlers.container.streams import ending, pour
from handlers.container.targets import named
from handlers.context import Context, ObjectStream, segment
from handlers.faults import Conflict, Fault, JobFault, Reason
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Kind, Verb

READ_ONLY = "Attached for reading only, as with --no-stdin: a chat line is no terminal."

_NOT_NOW = (
    ("Paused", "You cannot attach to a paused container, unpause it first"),
    ("Restarting", "You cannot attach to a restarting container, wait until it is running"),
)


class ContainerAttach(
    Command,
    path="container attach",
    aliases=("attach",),
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker attach --no-stdin web",
):
    """Attach local standard input, output, and error streams to a running container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    detach_keys: Annotated[
        str, Opt("--detach-keys", help="Override the key sequence for detaching a container")
    ] = ""
    no_stdin: Annotated[bool, Opt("--no-stdin", help="Do not attach STDIN", type=BOOL)] = False
    sig_proxy: Annotated[
        bool,
        Opt("--sig-proxy", help="Proxy all received signals to the process", type=BOOL, default="true"),
    ] = True

    def follows(self) -> bool:
        """It ends when the container does."""
        return True

    def run(self, ctx: Context) -> Output:
        """Emits the output from now on until the container ends; the answer carries its exit code.

        Raises Fault where the container does not run. There are no signals to pass on: who cancels the job
        ends the reading alone.
        """
        path = f"/containers/{segment(named(self.container))}"
        # Asked first, so that an end between the requests is not missed.
        waiting = ctx.engine.progress(f"{path}/wait", on_cancel=ctx.on_cancel)
        try:
            return self._follow(ctx, path, waiting)
        except JobFault as fault:
            fault.hint = fault.hint or f"The container goes on: `docker stop {self.container}` ends it."
            raise
        finally:
            waiting.close()

    def _follow(self, ctx: Context, path: str, waiting: ObjectStream) -> Output:
        tty = _running(ctx, path)["Config"]["Tty"]
        streams = {"stream": True, "stdout": True, "stderr": True, "detachKeys": self.detach_keys or None}
        frames = ctx.engine.frames("POST", f"{path}/attach", streams, tty=tty, on_cancel=ctx.on_cancel)
        try:
            # A container that ended meanwhile would never say anything.
            _running(ctx, path)
            if not self.no_stdin:
                ctx.stderr(f"{READ_ONLY}\n".encode())
            pour(ctx, frames)
        finally:
            frames.close()
        end = ending(ctx, waiting)
        error = (end.get("Error") or {}).get("Message")
        if error:
            raise Fault(error, reason=Reason.ENGINE)
        return Stream(exit_code=int(end["StatusCode"]))


def _running(ctx: Context, path: str) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = ctx.engine.get(f"{path}/json")
    if not found["State"]["Running"]:
        raise _refused("You cannot attach to a stopped container, start it first")
    for state, message in _NOT_NOW:
        if found["State"].get(state):
            raise _refused(message)
    return found


def _refused(message: str) -> Fault:
    return Fault(message, reason=Conflict.reason, hint="`docker logs` shows what it has printed.")
