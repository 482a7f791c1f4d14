"""docker network create."""

from typing import Annotated, Any

from handlers.container.groups.body import pairs
from handlers.context import Context, Engine, Json, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import LABEL, STRINGS
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL, MAP
from handlers.network.hazards import network_danger
from handlers.network.ipam import Subnet, subnets
from handlers.outcome import Begun, Finding, Verdict, made, present
from permissions.verbs import Danger, Kind, Verb

NAMES_ARE_UNIQUE = (1, 44)
"""From this API on the engine refuses a second network of a name by itself."""


class NetworkCreate(
    Command,
    path="network create",
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker network create --subnet 10.88.0.0/16 web-network",
):
    """Create a network."""

    network: Annotated[str, Arg("NETWORK", resource=Kind.NETWORK, new=True)]
    attachable: Annotated[
        bool, Opt("--attachable", help="Enable manual container attachment", type=BOOL, min_api=(1, 25))
    ] = False
    aux_address: Annotated[
        tuple[str, ...],
        Opt(
            "--aux-address",
            help="Auxiliary IPv4 or IPv6 addresses used by Network driver",
            type=MAP,
            default="map[]",
        ),
    ] = ()
    config_from: Annotated[
        str | None,
        Opt(
            "--config-from",
            help="The network from which to copy the configuration",
            resource=Kind.NETWORK,
            min_api=(1, 30),
        ),
    ] = None
    config_only: Annotated[
        bool, Opt("--config-only", help="Create a configuration only network", type=BOOL, min_api=(1, 30))
    ] = False
    driver: Annotated[str, Opt("-d", "--driver", help="Driver to manage the Network", default='"bridge"')] = (
        "bridge"
    )
    gateway: Annotated[
        tuple[str, ...], Opt("--gateway", help="IPv4 or IPv6 Gateway for the master subnet", type=STRINGS)
    ] = ()
    ingress: Annotated[
        bool, Opt("--ingress", help="Create swarm routing-mesh network", type=BOOL, min_api=(1, 29))
    ] = False
    internal: Annotated[
        bool, Opt("--internal", help="Restrict external access to the network", type=BOOL)
    ] = False
    ip_range: Annotated[
        tuple[str, ...], Opt("--ip-range", help="Allocate container ip from a sub-range", type=STRINGS)
    ] = ()
    ipam_driver: Annotated[
        str, Opt("--ipam-driver", help="IP Address Management Driver", default='"default"')
    ] = "default"
    ipam_opt: Annotated[
        tuple[str, ...],
        Opt("--ipam-opt", help="Set IPAM driver specific options", type=MAP, default="map[]"),
    ] = ()
    ipv4: Annotated[
        bool | None,
        Opt("--ipv4", help="Enable or disable IPv4 address assignment", type=BOOL, default="true"),
    ] = None
    ipv6: Annotated[
        bool | None, Opt("--ipv6", help="Enable or disable IPv6 address assignment", type=BOOL)
    ] = None
    label: Annotated[tuple[str, ...], Opt("--label", help="Set metadata on a network", type=LABEL)] = ()
    opt: Annotated[
        tuple[str, ...],
        Opt("-o", "--opt", help="Set driver specific options", type=MAP, default="map[]"),
    ] = ()
    scope: Annotated[str, Opt("--scope", help="Control the network's scope", min_api=(1, 30))] = ""
    subnet: Annotated[
        tuple[str, ...],
        Opt("--subnet", help="Subnet in CIDR format that represents a network segment", type=STRINGS),
    ] = ()

    def check(self) -> None:
        """Raises UsageFault for addresses that do not belong together."""
        try:
            self._subnets()
        except ValueError as error:
            raise UsageFault(
                str(error),
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Each --gateway, --ip-range and --aux-address lies in a --subnet such as 10.88.0.0/16.",
            ) from None

    def value_danger(self) -> Danger:
        """Whether it is more than a plain bridge."""
        return network_danger(
            self.driver, self.opt, ipam_driver=self.ipam_driver, copied_from=self.config_from
        )

    def run(self, ctx: Context) -> Output:
        """Creates it and shows its id; what the engine warns of goes to stderr. Raises EngineFault."""
        body = self._body()
        if ctx.engine.api_version < NAMES_ARE_UNIQUE:
            body["CheckDuplicate"] = True
        made = ctx.engine.post("/networks/create", body=body, on_cancel=ctx.on_cancel)
        warning = made.get("Warning")
        return Lines(lines=(str(made["Id"]),), warnings=(warning,) if warning else ())

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "Name": self.network,
            "Driver": self.driver,
            "Scope": self.scope,
            "IPAM": {
                "Driver": self.ipam_driver,
                "Options": pairs(self.ipam_opt),
                "Config": [subnet.json() for subnet in self._subnets()],
            },
            "Internal": self.internal,
            "Attachable": self.attachable,
            "Ingress": self.ingress,
            "ConfigOnly": self.config_only,
            "ConfigFrom": {"Network": self.config_from} if self.config_from else None,
            "Options": pairs(self.opt),
            "Labels": pairs(self.label),
        }
        # An engine has defaults of its own for what was not given.
        families = {"EnableIPv4": self.ipv4, "EnableIPv6": self.ipv6}
        return body | {name: given for name, given in families.items() if given is not None}

    def _subnets(self) -> tuple[Subnet, ...]:
        return subnets(self.subnet, self.ip_range, self.gateway, pairs(self.aux_address))

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks for the network, and whether it is new."""
        path = f"/networks/{segment(self.network)}"
        absent = Verdict.NOT_DONE, "there is no network of that name"

        def judge(network: Json) -> tuple[Verdict, str]:
            return made(begun, network["Created"], "the network")

        return (present(engine, self.network, path, judge, absent),)
