"""docker image tag."""

import re
from typing import Annotated

from handlers.context import Context, Engine, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command
from handlers.grammar.gonumbers import quote
from handlers.grammar.output import Lines, Output
from handlers.image.reference import Reference, referred
from handlers.outcome import Begun, Finding, Verdict, present
from permissions.verbs import Danger, Kind, Verb

_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


class ImageTag(
    Command,
    path="image tag",
    aliases=("tag",),
    verb=Verb.CHANGE,
    danger=Danger.SAFE,
    example="docker tag shop:1.4 registry.example.com/shop:stable",
    interspersed=False,
):
    """Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE."""

    source: Annotated[str, Arg("SOURCE_IMAGE[:TAG]", resource=Kind.IMAGE)]
    target: Annotated[str, Arg("TARGET_IMAGE[:TAG]", resource=Kind.IMAGE, new=True)]

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        if not _ID.fullmatch(self.source):
            _parsed(self.source)
        if _parsed(self.target).digest:
            raise UsageFault(
                "refusing to create a tag with a digest reference",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Name the target as NAME[:TAG].",
            )

    def run(self, ctx: Context) -> Output:
        """Gives the image the name, which whatever had it before loses; raises EngineFault."""
        target = _parsed(self.target).tagged()
        query = {"repo": target.name, "tag": target.tag}
        ctx.engine.post(f"/images/{segment(self.source)}/tag", query, on_cancel=ctx.on_cancel)
        return Lines()

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks which image has the name now."""
        target = _parsed(self.target).tagged().familiar
        known = begun.id_of("image", self.source)

        def judge(state: dict[str, str]) -> tuple[Verdict, str]:
            if not known:
                return Verdict.UNKNOWN, f"the name belongs to {state['Id']}"
            same = state["Id"] == known
            return Verdict.DONE if same else Verdict.NOT_DONE, f"the name belongs to {state['Id']}"

        absent = Verdict.NOT_DONE, "no image has that name"
        return (present(engine, target, f"/images/{segment(target)}/json", judge, absent),)


def _parsed(text: str) -> Reference:
    return referred(text, f"Error parsing reference: {quote(text)} is not a valid repository/tag: ")
