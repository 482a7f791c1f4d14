"""docker volume create."""

from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container.groups.body import pairs
from handlers.context import Context, Engine, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import LABEL
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BYTES, LIST, MAP
from handlers.outcome import Begun, Finding, Verdict, present
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb

CLUSTER_API = (1, 42)
LOCAL = "local"


class ClusterOptions(Command):
    """The options that make a volume of a swarm; they are read so that the answer can be clear."""

    availability: Annotated[
        str | None,
        Opt(
            "--availability",
            help='Cluster Volume availability ("active", "pause", "drain")',
            default='"active"',
            min_api=CLUSTER_API,
        ),
    ] = None
    group: Annotated[
        str | None, Opt("--group", help="Cluster Volume group (cluster volumes)", min_api=CLUSTER_API)
    ] = None
    limit_bytes: Annotated[
        int | None,
        Opt(
            "--limit-bytes",
            help="Minimum size of the Cluster Volume in bytes",
            type=BYTES,
            min_api=CLUSTER_API,
        ),
    ] = None
    required_bytes: Annotated[
        int | None,
        Opt(
            "--required-bytes",
            help="Maximum size of the Cluster Volume in bytes",
            type=BYTES,
            min_api=CLUSTER_API,
        ),
    ] = None
    scope: Annotated[
        str | None,
        Opt(
            "--scope",
            help='Cluster Volume access scope ("single", "multi")',
            default='"single"',
            min_api=CLUSTER_API,
        ),
    ] = None
    secret: Annotated[
        tuple[str, ...],
        Opt(
            "--secret",
            help="Cluster Volume secrets",
            type=MAP,
            default="map[]",
            secret=True,
            min_api=CLUSTER_API,
        ),
    ] = ()
    sharing: Annotated[
        str | None,
        Opt(
            "--sharing",
            help='Cluster Volume access sharing ("none", "readonly", "onewriter", "all")',
            default='"none"',
            min_api=CLUSTER_API,
        ),
    ] = None
    topology_preferred: Annotated[
        tuple[str, ...],
        Opt(
            "--topology-preferred",
            help="A topology that the Cluster Volume would be preferred in",
            type=LIST,
            min_api=CLUSTER_API,
        ),
    ] = ()
    topology_required: Annotated[
        tuple[str, ...],
        Opt(
            "--topology-required",
            help="A topology that the Cluster Volume must be accessible from",
            type=LIST,
            min_api=CLUSTER_API,
        ),
    ] = ()
    type: Annotated[
        str | None,
        Opt(
            "--type",
            help='Cluster Volume access type ("mount", "block")',
            default='"block"',
            min_api=CLUSTER_API,
        ),
    ] = None

    def check_cluster(self) -> None:
        """Raises UsageFault when one of them is given."""
        given = sorted(
            f"--{ClusterOptions.options[name].long}" for name in self.given(*ClusterOptions.options)
        )
        if given:
            raise no_cluster(f"volume create {given[0]}", hint=f"Leave out {', '.join(given)}.")


def no_cluster(what: str, *, hint: str) -> UsageFault:
    """The refusal of what concerns cluster volumes, and why."""
    return UsageFault(
        f"docker {what} is not offered here: "
        "cluster volumes belong to a swarm, and this works on single hosts",
        reason=Reason.NOT_OFFERED,
        exit_code=1,
        hint=hint,
    )


class VolumeCreate(
    ClusterOptions,
    path="volume create",
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker volume create --label tier=web data",
):
    """Create a volume."""

    volume: Annotated[str | None, Arg("VOLUME", least=0)] = None
    driver: Annotated[str, Opt("-d", "--driver", help="Specify volume driver name", default='"local"')] = (
        LOCAL
    )
    label: Annotated[tuple[str, ...], Opt("--label", help="Set metadata for a volume", type=LABEL)] = ()
    name: Annotated[str, Opt("--name", help="Specify volume name", hidden=True)] = ""
    opt: Annotated[
        tuple[str, ...],
        Opt(
            "-o",
            "--opt",
            help="Set driver specific options",
            type=MAP,
            default="map[]",
            danger=Danger.ROOT_EQUIVALENT,  # type=none, o=bind, device=/ is the host's whole disk
        ),
    ] = ()

    def check(self) -> None:
        """Raises UsageFault for two names, and for options of cluster volumes."""
        if self.name and self.volume is not None:
            raise UsageFault(
                "conflicting options: "
                "cannot specify a volume-name through both --name and as a positional arg",
                exit_code=1,
                hint="Leave out --name.",
            )
        self.check_cluster()

    def value_danger(self) -> Danger:
        """Any driver but the engine's own is a plugin, which sees the host."""
        return Danger.SAFE if self.driver == LOCAL else Danger.ROOT_EQUIVALENT

    def resources(self) -> Iterator[Resource]:
        """The volume's name, where it gets one."""
        if self._name:
            yield Resource(kind=Kind.VOLUME, name=self._name, new=True)

    def run(self, ctx: Context) -> Output:
        """Creates it, or finds it as it is; shows its name. Raises EngineFault."""
        body: dict[str, Any] = {
            "Driver": self.driver,
            "DriverOpts": pairs(self.opt),
            "Labels": pairs(self.label),
            "Name": self._name,
        }
        given = {key: value for key, value in body.items() if value}
        made = ctx.engine.post("/volumes/create", body=given, on_cancel=ctx.on_cancel)
        return Lines(lines=(str(made["Name"]),))

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:  # noqa: ARG002 - a name is enough
        """Looks for a volume of that name: one that was there before is as good. Without a name ()."""
        if not self._name:
            return ()
        absent = Verdict.NOT_DONE, "there is no volume of that name"
        there = Verdict.DONE, "there is a volume of that name"
        return (present(engine, self._name, f"/volumes/{segment(self._name)}", lambda _: there, absent),)

    @property
    def _name(self) -> str:
        return self.volume or self.name
