"""docker container rm."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, Engine, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb


class ContainerRm(
    Command,
    path="container rm",
    aliases=("container remove", "rm"),
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker rm -f web",
):
    """Remove one or more containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    force: Annotated[
        bool,
        Opt("-f", "--force", help="Force the removal of a running container (uses SIGKILL)", type=BOOL),
    ] = False
    link: Annotated[bool, Opt("-l", "--link", help="Remove the specified link", type=BOOL)] = False
    volumes: Annotated[
        bool,
        Opt("-v", "--volumes", help="Remove anonymous volumes associated with the container", type=BOOL),
    ] = False

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        if any(not name.strip("/") for name in self.containers):
            raise UsageFault(
                "container name cannot be empty",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Name the container.",
            )

    def run(self, ctx: Context) -> Output:
        """Removes them; with ``--force`` a container that is not there is told and is no failure."""
        query = {"v": self.volumes or None, "link": self.link or None, "force": self.force or None}

        def remove(name: str) -> None:
            ctx.engine.delete(f"/containers/{segment(name.strip('/'))}", query, on_cancel=ctx.on_cancel)

        done = each_together(ctx, self.containers, remove)
        if self.force and all(failure.reason == Reason.NOT_FOUND for failure in done.failures):
            return done.model_copy(
                update={"warnings": tuple(f.message for f in done.failures), "failures": (), "exit_code": 0}
            )
        return done

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container is gone."""

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if seen.state["State"]["Status"] == "removing":
                return Verdict.UNKNOWN, "is being removed"
            return Verdict.NOT_DONE, "is still there"

        return containers(engine, begun, self.containers, judge, (Verdict.DONE, "it is not there any more"))
