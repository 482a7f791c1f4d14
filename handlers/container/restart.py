"""docker container restart."""

from handlers.container.stop import StopOptions
from handlers.container.targets import each
from handlers.context import Context, Engine, segment
from handlers.grammar.output import Output
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Verb


class ContainerRestart(
    StopOptions,
    path="container restart",
    aliases=("restart",),
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    example="docker restart -t 2 web",
):
    """Restart one or more containers."""

    def run(self, ctx: Context) -> Output:
        """Restarts one after another, in the order of the line."""
        query = self.query(ctx.engine)

        def restart(name: str) -> None:
            ctx.engine.post(f"/containers/{segment(name)}/restart", query, on_cancel=ctx.on_cancel)

        return each(ctx, self.containers, restart)

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container was started since."""

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if seen.started_since:
                return Verdict.DONE, f"was {seen.started}"
            if not seen.running and seen.ended_since:
                return Verdict.UNKNOWN, f"{seen.ended}, and was not started again"
            if "kill" in seen.events:
                return Verdict.UNKNOWN, "was told to stop and still runs"
            return Verdict.NOT_DONE, f"was {seen.started}; nothing told it to stop since"

        gone = Verdict.UNKNOWN, "there is no such container any more"
        return containers(engine, begun, self.containers, judge, gone)
