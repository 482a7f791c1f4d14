"""docker inspect."""

from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

from handlers.container.targets import named
from handlers.context import Context, Json, segment
from handlers.faults import EngineFault, Fault, NotFound, Reason, UsageFault
from handlers.format.container import CONTAINER
from handlers.format.image import IMAGE
from handlers.format.inspection import Found, inspect_any
from handlers.format.network import NETWORK
from handlers.format.options import FORMAT_HELP
from handlers.format.values import StructType
from handlers.format.volume import VOLUME
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.gonumbers import quote
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from handlers.image.inspect import fetched
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb

SWARM = ("config", "node", "secret", "service", "task")
PLUGIN = "plugin"
_PASSED_OVER = ("not supported", "invalid reference format")
"""What the CLI, besides a plain "not found", takes for "it is of another kind"."""


class _Place(NamedTuple):
    """Where objects of a kind are found, and the CLI's own type for them."""

    fetch: Callable[[Context, str, bool], Json]
    view: StructType


def _container(ctx: Context, name: str, size: bool) -> Json:
    return ctx.engine.get(f"/containers/{segment(named(name))}/json", {"size": size or None})


def _image(ctx: Context, name: str, _size: bool) -> Json:
    return fetched(ctx, name)


def _network(ctx: Context, name: str, _size: bool) -> Json:
    return ctx.engine.get(f"/networks/{segment(named(name, 'network'))}")


def _volume(ctx: Context, name: str, _size: bool) -> Json:
    return ctx.engine.get(f"/volumes/{segment(named(name, 'volume'))}")


PLACES = {
    Kind.CONTAINER: _Place(_container, CONTAINER),
    Kind.IMAGE: _Place(_image, IMAGE),
    Kind.NETWORK: _Place(_network, NETWORK),
    Kind.VOLUME: _Place(_volume, VOLUME),
}
"""The kinds in the order in which the CLI tries them."""
TYPES = tuple(sorted((*PLACES, *SWARM, PLUGIN)))


class Inspect(
    Command,
    path="inspect",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker inspect --type container -f '{{.State.Status}}' web",
):
    """Return low-level information on Docker objects."""

    names: Annotated[tuple[str, ...], Arg("NAME|ID")]
    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""
    size: Annotated[
        bool,
        Opt("-s", "--size", help="Display total file sizes if the type is container", type=BOOL),
    ] = False
    type: Annotated[str, Opt("--type", help="Only inspect objects of the given type")] = ""

    def resources(self) -> Iterator[Resource]:
        """The names, of the kind that was said; of no kind of their own where any may be meant."""
        kind = Kind(self.type) if self.type in PLACES else Kind.SYSTEM
        yield from (Resource(kind=kind, name=name) for name in self.names)

    def check(self) -> None:
        """Raises UsageFault for a type that is none, or one that is not offered."""
        if "type" not in self.model_fields_set or self.type in PLACES:
            return
        if self.type in TYPES:
            why = "plugins are the operators' business" if self.type == PLUGIN else "there is no swarm here"
            raise UsageFault(
                f"docker inspect --type {self.type} is not offered here: {why}",
                reason=Reason.NOT_OFFERED,
                exit_code=1,
                hint=f"Types are {', '.join(PLACES)}.",
            )
        what = f"unknown type: {quote(self.type)}" if self.type else "type is empty"
        known = '", "'.join(TYPES)
        raise UsageFault(
            f'{what}: must be one of "{known}"',
            reason=Reason.BAD_VALUE,
            exit_code=1,
            hint=f"Types are {', '.join(PLACES)}.",
        )

    def run(self, ctx: Context) -> Output:
        """Shows what there is; a name that is none fails alone. Raises Fault for a bad template."""
        kinds = [Kind(self.type)] if self.type else list(PLACES)
        warnings: list[str] = []

        def find(name: str) -> Found:
            for kind in kinds:
                ctx.check()
                place = PLACES[kind]
                try:
                    data = place.fetch(ctx, name, self.size)
                except EngineFault as fault:
                    if self.type or not _of_another_kind(fault):
                        raise
                    continue
                if self.size and kind is not Kind.CONTAINER:
                    warnings.append(f"WARNING: --size ignored for {kind}")
                return Found(data, place.view)
            raise Fault(f"Error: No such object: {name}", reason=Reason.NOT_FOUND)

        shown = inspect_any(self.names, find, self.format)
        return shown.model_copy(update={"warnings": tuple(warnings)})


def _of_another_kind(fault: EngineFault) -> bool:
    return isinstance(fault, NotFound) or any(words in fault.message for words in _PASSED_OVER)
