"""docker container update."""

from typing import Annotated, Any

from handlers.container.groups.lifecycle import restart_policy
from handlers.container.groups.resources import ResourceLimits
from handlers.container.targets import each
from handlers.context import Context, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BYTES, DECIMAL, INT, SWAP_BYTES
from permissions.verbs import Danger, Kind, Verb


class ContainerUpdate(
    ResourceLimits,
    path="container update",
    aliases=("update",),
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,
    example="docker update --memory 512m --memory-swap 1g web",
):
    """Update configuration of one or more containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    # Where the CLI words a limit differently here, or since when it can be changed is not since when it is.
    cpu_rt_period: Annotated[
        int,
        Opt(
            "--cpu-rt-period",
            help="Limit the CPU real-time period in microseconds",
            type=INT,
            min_api=(1, 25),
        ),
    ] = 0
    cpu_rt_runtime: Annotated[
        int,
        Opt(
            "--cpu-rt-runtime",
            help="Limit the CPU real-time runtime in microseconds",
            type=INT,
            min_api=(1, 25),
        ),
    ] = 0
    cpus: Annotated[int, Opt("--cpus", help="Number of CPUs", type=DECIMAL, min_api=(1, 29))] = 0
    kernel_memory: Annotated[
        int, Opt("--kernel-memory", help="Kernel memory limit (deprecated)", type=BYTES, hidden=True)
    ] = 0
    memory_swap: Annotated[
        int,
        Opt(
            "--memory-swap",
            help="Swap limit equal to memory plus swap: -1 to enable unlimited swap",
            type=SWAP_BYTES,
        ),
    ] = 0
    pids_limit: Annotated[
        int,
        Opt(
            "--pids-limit",
            help="Tune container pids limit (set -1 for unlimited)",
            type=INT,
            min_api=(1, 40),
        ),
    ] = 0
    restart: Annotated[str, Opt("--restart", help="Restart policy to apply when a container exits")] = ""

    def check(self) -> None:
        """Raises UsageFault where nothing is to be updated, and for a policy that is none."""
        if self.model_fields_set <= {"containers"}:
            raise UsageFault(
                "you must provide one or more flags when using this command",
                reason=Reason.WRONG_ARGUMENTS,
                exit_code=1,
                hint=f"For example: `{self.example}`.",
            )
        try:
            restart_policy(self.restart)
        except ValueError as error:
            raise UsageFault(
                str(error),
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Write no, always, unless-stopped or on-failure:3 after --restart.",
            ) from None

    def run(self, ctx: Context) -> Output:
        """Updates one after another, then shows what the engine warns of."""
        warnings: list[str] = []
        body = self._body()

        def update(name: str) -> None:
            path = f"/containers/{segment(name)}/update"
            answer = ctx.engine.post(path, body=body, on_cancel=ctx.on_cancel) or {}
            warnings.extend(answer.get("Warnings") or ())

        done = each(ctx, self.containers, update)
        return done.model_copy(update={"lines": (*done.lines, *warnings)})

    def _body(self) -> dict[str, Any]:
        name, retries = restart_policy(self.restart)
        limits = self.limits() | {"KernelMemory": self.kernel_memory}
        # Zero means "as it is" to the engine, just as what is left out.
        given = {key: value for key, value in limits.items() if value}
        return given | {"RestartPolicy": {"Name": name, "MaximumRetryCount": retries}}
