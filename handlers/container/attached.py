"""What `start -a` and `run` share: the output of one container until it ends, and its exit code."""

from collections.abc import Mapping

from handlers.context import Context, FrameStream, ObjectStream, segment
from handlers.faults import Cancelled, EngineFault, JobFault, Reason, UsageFault
from handlers.grammar.output import Stream

Streams = Mapping[str, str | bool | None]


def no_terminal() -> UsageFault:
    """The CLI's refusal where an interactive terminal is asked for and there is none."""
    return UsageFault(
        "the input device is not a TTY",
        reason=Reason.NEEDS_TERMINAL,
        exit_code=1,
        hint="Leave out -i or -t, or run it in the background with -d.",
    )


class Attached:
    """One container's streams and its end: connected before the start, so that nothing is missed.

    ``streams`` is the query of the attach call, None where nothing is attached. Raises Fault.
    """

    def __init__(
        self, ctx: Context, container: str, streams: Streams | None, *, tty: bool, removed: bool
    ) -> None:
        self._ctx = ctx
        self._container = container
        path = f"/containers/{segment(container)}"
        self._frames: FrameStream | None = None
        self._end: ObjectStream | None = None
        if streams is not None:
            self._frames = ctx.engine.frames(
                "POST", f"{path}/attach", streams, tty=tty, on_cancel=ctx.on_cancel
            )
        condition = {"condition": "removed" if removed else "next-exit"}
        try:
            self._end = ctx.engine.progress(f"{path}/wait", condition, on_cancel=ctx.on_cancel)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of the output and no longer waits for the end."""
        for stream in (self._frames, self._end):
            if stream is not None:
                stream.close()

    def settle(self) -> None:
        """After a start that failed: waits until the engine is done with the container."""
        for _ in self._end or ():
            break
        self.close()
        self._ctx.check()

    def follow(self) -> Stream:
        """Emits the output until the container ends; the answer carries its exit code.

        Raises Cancelled or TimedOut when the job has to end first: the container goes on then.
        """
        try:
            for name, data in self._frames or ():
                self._ctx.check()
                emit = self._ctx.stdout if name == "stdout" else self._ctx.stderr
                emit(data)
            self._ctx.check()
            return Stream(exit_code=self._exit_code())
        except JobFault as fault:
            fault.hint = fault.hint or f"The container goes on: `docker stop {self._container[:12]}` ends it."
            raise
        finally:
            self.close()

    def _exit_code(self) -> int:
        for answer in self._end or ():
            error = (answer.get("Error") or {}).get("Message")
            if error:
                raise EngineFault(error, exit_code=125)
            return int(answer["StatusCode"])
        self._ctx.check()
        raise Cancelled("The engine did not say how the container ended")
