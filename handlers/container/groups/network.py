"""How the container is reached, and what it reaches."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container.groups.body import EXIT, Body, refused
from handlers.container.hazards import network_danger
from handlers.faults import Fault, Reason
from handlers.grammar.command import Command, Opt
from handlers.grammar.lists import EXTRA_HOST, IP_LIST, NETWORK
from handlers.grammar.networks import NetworkAttachment, parse_network
from handlers.grammar.ports import PortMapping, parse_expose, parse_publish
from handlers.grammar.values import BOOL, LIST
from permissions.operation import Resource
from permissions.verbs import Danger, Kind

BUILT_IN = frozenset({"default", "bridge", "host", "none"})
"""Networks that every engine has; they are no objects of somebody's making."""

MAC_API = (1, 44)

_MAC = re.compile(
    r"(?i:[0-9a-f]{2}(?P<s>[:-])[0-9a-f]{2}(?:(?P=s)[0-9a-f]{2}){4}(?:(?:(?P=s)[0-9a-f]{2}){2}){0,1}"
    r"|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2,3})"
)
"""A hardware address of 6 or 8 bytes, by bytes or by pairs of bytes."""


class NetworkOptions(Command):
    """Networks, ports, names."""

    add_host: Annotated[
        tuple[str, ...],
        Opt("--add-host", help="Add a custom host-to-IP mapping (host:ip)", type=EXTRA_HOST),
    ] = ()
    dns: Annotated[tuple[str, ...], Opt("--dns", help="Set custom DNS servers", type=IP_LIST)] = ()
    expose: Annotated[
        tuple[str, ...], Opt("--expose", help="Expose a port or a range of ports", type=LIST)
    ] = ()
    hostname: Annotated[str, Opt("-h", "--hostname", help="Container host name")] = ""
    network: Annotated[
        tuple[str, ...],
        Opt("--network", hidden_names=("--net",), help="Connect a container to a network", type=NETWORK),
    ] = ()
    publish: Annotated[
        tuple[str, ...], Opt("-p", "--publish", help="Publish a container's port(s) to the host", type=LIST)
    ] = ()
    publish_all: Annotated[
        bool, Opt("-P", "--publish-all", help="Publish all exposed ports to random ports", type=BOOL)
    ] = False

    def check_network(self) -> None:
        """Raises UsageFault for ports and networks that cannot be."""
        try:
            parse_publish(self.publish)
            parse_expose(self.expose)
            _check_networks(self._networks())
        except ValueError as error:
            raise refused(str(error)) from None

    def require_api(self, version: tuple[int, int]) -> None:
        """Raises Fault with the CLI's sentence where the engine is too old for what was given."""
        if version < MAC_API and any(network.mac_address for network in self._networks()):
            raise Fault(
                '"specify mac-address per network" requires API version 1.44, but the Docker daemon API '
                f"version is {version[0]}.{version[1]}",
                reason=Reason.API_TOO_OLD,
                exit_code=EXIT,
            )

    def network_danger(self) -> Danger:
        """The danger of these options."""
        return network_danger(self.network)

    def network_resources(self) -> Iterator[Resource]:
        """The networks, and the containers whose network is shared."""
        for network in self._networks():
            shared, colon, container = network.target.partition(":")
            if colon and shared == "container":
                yield Resource(kind=Kind.CONTAINER, name=container)
            elif network.target not in BUILT_IN:
                yield Resource(kind=Kind.NETWORK, name=network.target)

    def add_network(self, body: Body) -> None:
        """Adds this group's part of the body."""
        published = parse_publish(self.publish)
        exposed = dict.fromkeys([*(mapping.port for mapping in published), *parse_expose(self.expose)])
        networks = self._networks() or (NetworkAttachment(target="default"),)
        body.config |= {"Hostname": self.hostname, "ExposedPorts": {port: {} for port in exposed}}
        body.host |= {
            "NetworkMode": networks[0].target,
            "PortBindings": _bindings(published),
            "PublishAllPorts": self.publish_all,
            "Dns": list(self.dns),
            "ExtraHosts": list(self.add_host),
        }
        endpoints = {network.target: _endpoint(network) for network in networks}
        # One network without settings of its own goes without an entry: older engines refuse it.
        if not self.network or len(networks) > 1 or any(endpoints.values()):
            body.endpoints |= endpoints

    def _networks(self) -> tuple[NetworkAttachment, ...]:
        return tuple(parse_network(text) for text in self.network)


def _check_networks(networks: tuple[NetworkAttachment, ...]) -> None:
    seen: set[str] = set()
    for network in networks:
        if network.target in seen:
            raise ValueError(f'network "{network.target}" is specified multiple times')
        seen.add(network.target)
        if network.mac_address and not _MAC.fullmatch(network.mac_address):
            raise ValueError(f"{network.mac_address} is not a valid mac address")
    own = {target in BUILT_IN or target.startswith("container:") for target in seen}
    if len(own) > 1:
        raise ValueError(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )


def _bindings(mappings: tuple[PortMapping, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for mapping in mappings:
        bindings.setdefault(mapping.port, []).append(
            {"HostIp": mapping.host_ip, "HostPort": mapping.host_port}
        )
    return bindings


def _endpoint(network: NetworkAttachment) -> dict[str, Any]:
    """The settings that were given; none is an empty mapping."""
    addresses = {
        "IPv4Address": network.ipv4,
        "IPv6Address": network.ipv6,
        "LinkLocalIPs": list(network.link_local_ips),
    }
    settings: dict[str, Any] = {
        "IPAMConfig": {key: value for key, value in addresses.items() if value},
        "Aliases": list(network.aliases),
        "MacAddress": network.mac_address,
        "DriverOpts": dict(network.driver_opts),
        "GwPriority": network.gateway_priority,
    }
    return {key: value for key, value in settings.items() if value}
