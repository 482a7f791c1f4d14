"""docker container create."""

from typing import Annotated

from handlers.container.groups.create import CreateOptions
from handlers.context import Context, Engine
from handlers.faults import Fault, JobFault
from handlers.grammar.command import Opt
from handlers.grammar.output import Lines, Output
from handlers.outcome import Begun, Finding
from permissions.verbs import Danger, Verb

NOT_CREATED = 1


class ContainerCreate(
    CreateOptions,
    path="container create",
    logins=True,
    aliases=("create",),
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker create --name web -p 8080:80 nginx:1.27",
    usage="docker container create [OPTIONS] IMAGE [COMMAND] [ARG...]",
    interspersed=False,
):
    """Create a new container."""

    pull: Annotated[
        str,
        Opt("--pull", help='Pull image before creating ("always", "|missing", "never")', default='"missing"'),
    ] = "missing"

    def check(self) -> None:
        """Raises UsageFault where the CLI refuses, and for what a chat line cannot have."""
        self.check_options()
        self.check_image()

    def run(self, ctx: Context) -> Output:
        """Makes the container and shows its id; raises EngineFault."""
        try:
            container = self.make(ctx, attached=self.attached)
        except Fault as fault:
            if not isinstance(fault, JobFault):
                fault.exit_code = NOT_CREATED
            raise
        return Lines(lines=(container,))

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks for the new container."""
        return self.new_container(engine, begun, to_be_started=False)
