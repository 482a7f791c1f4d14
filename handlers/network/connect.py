"""docker network connect."""

from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import LINK, STRINGS
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import INT
from handlers.network.hazards import endpoint_danger
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb


class NetworkConnect(
    Command,
    path="network connect",
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,
    example="docker network connect --alias db web-network web",
):
    """Connect a container to a network."""

    network: Annotated[str, Arg("NETWORK", resource=Kind.NETWORK)]
    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    alias: Annotated[
        tuple[str, ...], Opt("--alias", help="Add network-scoped alias for the container", type=STRINGS)
    ] = ()
    driver_opt: Annotated[
        tuple[str, ...], Opt("--driver-opt", help="driver options for the network", type=STRINGS)
    ] = ()
    gw_priority: Annotated[
        int,
        Opt(
            "--gw-priority",
            help="Highest gw-priority provides the default gateway. Accepts positive and negative values.",
            type=INT,
        ),
    ] = 0
    ip: Annotated[str, Opt("--ip", help='IPv4 address (e.g., "172.30.100.104")')] = ""
    ip6: Annotated[str, Opt("--ip6", help='IPv6 address (e.g., "2001:db8::33")')] = ""
    link: Annotated[tuple[str, ...], Opt("--link", help="Add link to another container", type=LINK)] = ()
    link_local_ip: Annotated[
        tuple[str, ...],
        Opt("--link-local-ip", help="Add a link-local address for the container", type=STRINGS),
    ] = ()

    def check(self) -> None:
        """Raises UsageFault for a driver option that is no pair."""
        if any(not key for key, _ in self._driver_options()):
            raise UsageFault(
                "invalid key/value pair format in driver options",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Write --driver-opt KEY=VALUE.",
            )

    def value_danger(self) -> Danger:
        """Whether a driver option reaches the kernel."""
        return endpoint_danger(self.driver_opt)

    def resources(self) -> Iterator[Resource]:
        """The network, the container, the containers it is linked to."""
        yield from super().resources()
        linked = (link.partition(":")[0] for link in self.link)
        yield from (Resource(kind=Kind.CONTAINER, name=name) for name in linked if name)

    def run(self, ctx: Context) -> Output:
        """Connects it; prints nothing. Raises EngineFault."""
        path = f"/networks/{segment(named(self.network, 'network'))}/connect"
        body = {"Container": named(self.container), "EndpointConfig": self._endpoint()}
        ctx.engine.post(path, body=body, on_cancel=ctx.on_cancel)
        return Lines()

    def _endpoint(self) -> dict[str, Any]:
        """The settings that were given."""
        addresses = {
            "IPv4Address": self.ip,
            "IPv6Address": self.ip6,
            "LinkLocalIPs": list(self.link_local_ip),
        }
        settings = {
            "IPAMConfig": {name: value for name, value in addresses.items() if value},
            "Links": list(self.link),
            "Aliases": list(self.alias),
            "DriverOpts": dict(self._driver_options()),
            "GwPriority": self.gw_priority,
        }
        return {name: value for name, value in settings.items() if value}

    def _driver_options(self) -> Iterator[tuple[str, str]]:
        for text in self.driver_opt:
            key, equals, value = text.partition("=")
            yield key.strip() if equals else "", value.strip()
