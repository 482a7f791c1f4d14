"""docker image rm."""

from typing import Annotated

from handlers.container.targets import sentence
from handlers.context import Context, Engine, segment
from handlers.faults import Fault, JobFault, OutcomeUnknown, Reason
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import STRINGS
from handlers.grammar.output import Failure, Output, Stream
from handlers.grammar.values import BOOL
from handlers.image import platform
from handlers.outcome import Begun, Finding, removed
from permissions.verbs import Danger, Kind, Verb


class ImageRm(
    Command,
    path="image rm",
    aliases=("image remove", "rmi"),
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker rmi shop:1.3",
):
    """Remove one or more images."""

    images: Annotated[tuple[str, ...], Arg("IMAGE", resource=Kind.IMAGE)]
    force: Annotated[bool, Opt("-f", "--force", help="Force removal of the image", type=BOOL)] = False
    no_prune: Annotated[bool, Opt("--no-prune", help="Do not delete untagged parents", type=BOOL)] = False
    platform: Annotated[
        tuple[str, ...],
        Opt(
            "--platform",
            help="Remove only the given platform variant. "
            'Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            type=STRINGS,
            min_api=(1, 50),
        ),
    ] = ()

    def check(self) -> None:
        """Raises UsageFault for a platform that is none."""
        for text in self.platform:
            platform.check(text)

    def run(self, ctx: Context) -> Output:
        """Removes one after another and tells at once what went; the others go on when one fails.

        With ``--force`` images that are not there are told and are no failure. Raises Cancelled or TimedOut.
        """
        platforms = tuple(filter(None, map(platform.encoded, self.platform)))
        query = {
            "force": self.force or None,
            "noprune": self.no_prune or None,
            "platforms": platforms or None,
        }
        failures: list[Failure] = []
        for image in self.images:
            ctx.check()
            try:
                gone = ctx.engine.delete(f"/images/{segment(image)}", query, on_cancel=ctx.on_cancel) or ()
            except Fault as fault:
                if isinstance(fault, JobFault) and not isinstance(fault, OutcomeUnknown):
                    raise
                failures.append(Failure(reason=fault.reason, message=sentence(fault)))
                continue
            for item in gone:
                ctx.stdout(f"{told(item, 'Untagged', 'Deleted')}\n".encode())
        if self.force and all(failure.reason == Reason.NOT_FOUND for failure in failures):
            return Stream(warnings=tuple(failure.message for failure in failures))
        return Stream(failures=tuple(failures), exit_code=int(bool(failures)))

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each image is gone."""
        return removed(begun, "image", self.images, engine, "/images/{}/json")


def told(item: dict[str, str], untagged: str, deleted: str) -> str:
    """One name or layer that went, behind the command's word for it."""
    if item.get("Deleted"):
        return f"{deleted}: {item['Deleted']}"
    return f"{untagged}: {item.get('Untagged', '')}"
