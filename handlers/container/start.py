"""docker container start."""

from typing import Annotated

from handlers.container.attached import Attached, no_terminal
from handlers.container.hazards import checkpoint_danger
from handlers.container.targets import each, named
from handlers.context import Context, Engine, segment
from handlers.faults import Fault, Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Failure, Lines, Output
from handlers.grammar.values import BOOL
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb


class ContainerStart(
    Command,
    path="container start",
    aliases=("start",),
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example="docker start web",
):
    """Start one or more stopped containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    attach: Annotated[
        bool, Opt("-a", "--attach", help="Attach STDOUT/STDERR and forward signals", type=BOOL)
    ] = False
    checkpoint: Annotated[str, Opt("--checkpoint", help="Restore from this checkpoint")] = ""
    checkpoint_dir: Annotated[
        str, Opt("--checkpoint-dir", help="Use a custom checkpoint storage directory")
    ] = ""
    detach_keys: Annotated[
        str, Opt("--detach-keys", help="Override the key sequence for detaching a container")
    ] = ""
    interactive: Annotated[bool, Opt("-i", "--interactive", help="Attach container's STDIN", type=BOOL)] = (
        False
    )

    def check(self) -> None:
        """Raises UsageFault where more than one container is to be attached or restored."""
        if len(self.containers) == 1:
            return
        if self.attach or self.interactive:
            raise UsageFault(
                "you cannot start and attach multiple containers at once",
                reason=Reason.WRONG_ARGUMENTS,
                exit_code=1,
                hint="Leave out -a and -i, or name one container.",
            )
        if self.checkpoint:
            raise UsageFault(
                "you cannot restore multiple containers at once",
                reason=Reason.WRONG_ARGUMENTS,
                exit_code=1,
                hint="Name one container.",
            )

    def value_danger(self) -> Danger:
        """A checkpoint from a directory of the host is a process of somebody's making."""
        return checkpoint_danger(self.checkpoint_dir)

    def run(self, ctx: Context) -> Output:
        """Starts one after another; attached, shows the output of the one until it ends.

        Raises Fault for a checkpoint where the engine knows none.
        """
        self._require_checkpoints(ctx.engine)
        if self.attach or self.interactive:
            return self._attached(ctx, named(self.containers[0]))
        if self.checkpoint:
            self._start(ctx, named(self.containers[0]))
            return Lines()
        done = each(ctx, self.containers, lambda name: self._start(ctx, name))
        if not done.failures:
            return done
        failed = [name for name in self.containers if name not in done.lines]
        last = Failure(
            reason=done.failures[-1].reason, message=f"Error: failed to start containers: {', '.join(failed)}"
        )
        return done.model_copy(update={"failures": (*done.failures, last)})

    def _require_checkpoints(self, engine: Engine) -> None:
        given = sorted(self.given("checkpoint", "checkpoint_dir"))
        if given and not engine.get("/version").get("Experimental"):
            sentence = '"--{}" is only supported on a Docker daemon with experimental features enabled'
            raise Fault(
                "\n".join(sentence.format(name.replace("_", "-")) for name in given),
                reason=Reason.NOT_OFFERED,
                hint="Leave it out on this host.",
            )

    def _start(self, ctx: Context, name: str) -> None:
        query = {"checkpoint": self.checkpoint or None, "checkpoint-dir": self.checkpoint_dir or None}
        ctx.engine.post(f"/containers/{segment(name)}/start", query, on_cancel=ctx.on_cancel)

    def _attached(self, ctx: Context, name: str) -> Output:
        state = ctx.engine.get(f"/containers/{segment(name)}/json")
        tty, stdin = state["Config"]["Tty"], self.interactive and state["Config"]["OpenStdin"]
        if tty and stdin:
            raise no_terminal()
        streams = {
            "stream": True,
            "stdin": stdin or None,
            "stdout": True,
            "stderr": True,
            "detachKeys": self.detach_keys or None,
        }
        removed = state["HostConfig"]["AutoRemove"]
        attached = Attached(ctx, name, streams, tty=tty, removed=removed)
        try:
            self._start(ctx, name)
        except BaseException:
            attached.close()
            raise
        return attached.follow()

    def follows(self) -> bool:
        """Attached, it lasts as long as the container."""
        return self.attach or self.interactive

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container was started."""

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if seen.started_since or seen.running:
                return Verdict.DONE, seen.started
            return Verdict.NOT_DONE, f"does not run and was last {seen.started}"

        gone = Verdict.UNKNOWN, "there is no such container any more"
        return containers(engine, begun, self.containers, judge, gone)
