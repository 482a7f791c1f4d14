"""docker container rename."""

from typing import Annotated

from handlers.container.targets import sentence
from handlers.context import Context, Engine, segment
from handlers.faults import Fault, JobFault, Reason, UsageFault
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Failure, Lines, Output
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb


class ContainerRename(
    Command,
    path="container rename",
    aliases=("rename",),
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,  # others find a container by its name
    example="docker rename web web-old",
):
    """Rename a container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    # Rules go by names: taking one is as good as acting on it.
    new_name: Annotated[str, Arg("NEW_NAME", resource=Kind.CONTAINER, new=True)]

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        if not (self.container.strip() and self.new_name.strip()):
            raise UsageFault(
                "Error: Neither old nor new names may be empty",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Name the container, then its new name.",
            )

    def run(self, ctx: Context) -> Output:
        """Renames it."""
        old = self.container.strip()
        query = {"name": self.new_name.strip()}
        try:
            ctx.engine.post(f"/containers/{segment(old)}/rename", query, on_cancel=ctx.on_cancel)
        except JobFault:
            raise
        except Fault as fault:
            said = (sentence(fault), f"Error: failed to rename container named {old}")
            failures = tuple(Failure(reason=fault.reason, message=text) for text in said)
            return Lines(failures=failures, exit_code=1)
        return Lines()

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks what the container is called now."""
        new = self.new_name.strip().removeprefix("/")

        def judge(seen: Seen) -> tuple[Verdict, str]:
            name = str(seen.state["Name"]).removeprefix("/")
            return Verdict.DONE if name == new else Verdict.NOT_DONE, f"is called {name}"

        gone = Verdict.UNKNOWN, "there is no such container any more"
        return containers(engine, begun, (self.container.strip(),), judge, gone)
