"""How the container is reached, and what it reaches."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container import hazards
from handlers.container.groups.body import EXIT, Body, refused
from handlers.container.hazards import Exposure
from handlers.faults import Fault, Reason
from handlers.grammar.command import Api, Command, Opt
from handlers.grammar.lists import DNS_SEARCH, EXTRA_HOST, IP_LIST, LINK, NETWORK
from handlers.grammar.networks import NetworkAttachment, parse_network
from handlers.grammar.ports import PortMapping, parse_expose, parse_publish
from handlers.grammar.values import BOOL, LIST
from permissions.operation import Resource
from permissions.verbs import Kind

BUILT_IN = frozenset({"default", "bridge", "host", "none"})
"""Networks that every engine has; they are no objects of somebody's making."""

MAC_API = (1, 44)

_MAC = re.compile(
    r"(?i:[0-9a-f]{2}(?P<s>[:-])[0-9a-f]{2}(?:(?P=s)[0-9a-f]{2}){4}(?:(?:(?P=s)[0-9a-f]{2}){2}){0,1}"
    r"|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2,3})"
)
"""A hardware address of 6 or 8 bytes, by bytes or by pairs of bytes."""

_LOCAL = re.compile(r"127\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}|::1$")


class NetworkOptions(Command):
    """Networks, addresses, ports, names."""

    add_host: Annotated[
        tuple[str, ...],
        Opt("--add-host", help="Add a custom host-to-IP mapping (host:ip)", type=EXTRA_HOST),
    ] = ()
    dns: Annotated[tuple[str, ...], Opt("--dns", help="Set custom DNS servers", type=IP_LIST)] = ()
    dns_option: Annotated[
        tuple[str, ...],
        Opt("--dns-option", hidden_names=("--dns-opt",), help="Set DNS options", type=LIST),
    ] = ()
    dns_search: Annotated[
        tuple[str, ...], Opt("--dns-search", help="Set custom DNS search domains", type=DNS_SEARCH)
    ] = ()
    domainname: Annotated[str, Opt("--domainname", help="Container NIS domain name")] = ""
    expose: Annotated[
        tuple[str, ...], Opt("--expose", help="Expose a port or a range of ports", type=LIST)
    ] = ()
    hostname: Annotated[str, Opt("-h", "--hostname", help="Container host name")] = ""
    ip: Annotated[str, Opt("--ip", help="IPv4 address (e.g., 172.30.100.104)")] = ""
    ip6: Annotated[str, Opt("--ip6", help="IPv6 address (e.g., 2001:db8::33)")] = ""
    link: Annotated[tuple[str, ...], Opt("--link", help="Add link to another container", type=LINK)] = ()
    link_local_ip: Annotated[
        tuple[str, ...],
        Opt("--link-local-ip", help="Container IPv4/IPv6 link-local addresses", type=LIST),
    ] = ()
    mac_address: Annotated[
        str, Opt("--mac-address", help="Container MAC address (e.g., 92:d0:c6:0a:29:33)")
    ] = ""
    network: Annotated[
        tuple[str, ...],
        Opt("--network", hidden_names=("--net",), help="Connect a container to a network", type=NETWORK),
    ] = ()
    network_alias: Annotated[
        tuple[str, ...],
        Opt(
            "--network-alias",
            hidden_names=("--net-alias",),
            help="Add network-scoped alias for the container",
            type=LIST,
        ),
    ] = ()
    publish: Annotated[
        tuple[str, ...], Opt("-p", "--publish", help="Publish a container's port(s) to the host", type=LIST)
    ] = ()
    publish_all: Annotated[
        bool, Opt("-P", "--publish-all", help="Publish all exposed ports to random ports", type=BOOL)
    ] = False

    def check_mac(self) -> None:
        """Raises UsageFault for a hardware address that is none."""
        if self.mac_address:
            _check_mac(self.mac_address)

    def check_ports(self) -> None:
        """Raises UsageFault for ports that cannot be."""
        try:
            parse_publish(self.publish)
            parse_expose(self.expose)
        except ValueError as error:
            raise refused(str(error), hint="Write [HOST:]CONTAINER, for example 8080:80.") from None

    def check_networks(self) -> None:
        """Raises UsageFault for networks that cannot be, alone or together."""
        networks = self._networks()
        seen: set[str] = set()
        for network in networks:
            _check_network(network)
            if network.target in seen:
                raise refused(f'network "{network.target}" is specified multiple times')
            seen.add(network.target)
        if len({_is_own(network.target) for network in networks}) > 1:
            raise refused(
                "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
            )

    def check_mac_api(self, api: Api) -> None:
        """Raises Fault with the CLI's sentence where the engine is too old for a hardware address."""
        if api < MAC_API and any(network.mac_address for network in self._networks()):
            raise Fault(
                '"specify mac-address per network" requires API version 1.44, but the Docker daemon API '
                f"version is {api[0]}.{api[1]}",
                reason=Reason.API_TOO_OLD,
                exit_code=EXIT,
                hint="Leave it out on this host.",
            )

    def network_warnings(self) -> Iterator[str]:
        """What the CLI warns of before it asks the engine."""
        local = next((address for address in self.dns if _LOCAL.match(address)), "")
        if local:
            yield f"Localhost DNS ({local}) may fail in containers."

    def network_exposures(self) -> Iterator[Exposure]:
        """What these options hand over."""
        yield from hazards.networks(self.network)

    def network_resources(self) -> Iterator[Resource]:
        """The networks, the containers whose network is shared, those that are linked to."""
        for text in self.network:
            target = parse_network(text).target
            shared, colon, container = target.partition(":")
            if colon and shared == "container":
                if container:
                    yield Resource(kind=Kind.CONTAINER, name=container)
            elif target not in BUILT_IN:
                yield Resource(kind=Kind.NETWORK, name=target)
        for text in self.link:
            if name := text.partition(":")[0]:  # the engine refuses what has none
                yield Resource(kind=Kind.CONTAINER, name=name)

    def add_network(self, body: Body) -> None:
        """Adds this group's part of the body."""
        published = parse_publish(self.publish)
        exposed = dict.fromkeys([*(mapping.port for mapping in published), *parse_expose(self.expose)])
        networks = self._networks()
        body.config |= {
            "Hostname": self.hostname,
            "Domainname": self.domainname,
            "ExposedPorts": {port: {} for port in exposed},
        }
        body.host |= {
            "NetworkMode": networks[0].target,
            "PortBindings": _bindings(published),
            "PublishAllPorts": self.publish_all,
            "Dns": list(self.dns),
            "DnsOptions": list(self.dns_option),
            "DnsSearch": list(self.dns_search),
            "ExtraHosts": list(self.add_host),
            "Links": list(self.link),
        }
        endpoints = {
            network.target: self._endpoint(network, first=not at) for at, network in enumerate(networks)
        }
        # One network without settings of its own goes without an entry: older engines refuse it.
        if not self.network or len(networks) > 1 or any(endpoints.values()):
            body.endpoints |= endpoints

    def _networks(self) -> tuple[NetworkAttachment, ...]:
        """The networks; the first, or the default one, also has what the options beside --network say.

        Raises UsageFault where they say it twice.
        """
        first, *others = [parse_network(text) for text in self.network] or [
            NetworkAttachment(target="default")
        ]
        beside = {
            "aliases": (self.network_alias, "--network-alias", "per-network alias"),
            "ipv4": (self.ip, "--ip", "per-network IPv4 address"),
            "ipv6": (self.ip6, "--ip6", "per-network IPv6 address"),
            "mac_address": (self.mac_address, "--mac-address", "per-network MAC address"),
            "link_local_ips": (self.link_local_ip, "--link-local-ip", "per-network link-local IP addresses"),
        }
        for field, (value, option, inside) in beside.items():
            if value and getattr(first, field):
                raise refused(f"conflicting options: cannot specify both {option} and {inside}")
        said = {field: value for field, (value, _, _) in beside.items() if value}
        return (first.model_copy(update=said), *others)

    def _endpoint(self, network: NetworkAttachment, *, first: bool) -> dict[str, Any]:
        """The settings that were given; none is an empty mapping."""
        addresses = {
            "IPv4Address": network.ipv4,
            "IPv6Address": network.ipv6,
            "LinkLocalIPs": list(network.link_local_ips),
        }
        linked = first and not _is_own(network.target)
        settings: dict[str, Any] = {
            "IPAMConfig": {key: value for key, value in addresses.items() if value},
            "Links": list(self.link) if linked else [],
            "Aliases": list(network.aliases),
            "MacAddress": network.mac_address,
            "DriverOpts": dict(network.driver_opts),
            "GwPriority": network.gateway_priority,
        }
        return {key: value for key, value in settings.items() if value}


def _is_own(target: str) -> bool:
    """Whether it is one of the engine's own modes rather than a network somebody made."""
    return target in BUILT_IN or target.startswith("container:")


def _check_network(network: NetworkAttachment) -> None:
    if not network.target.strip():
        raise refused("no name set for network")
    if network.aliases and _is_own(network.target):
        raise refused("network-scoped aliases are only supported for user-defined networks")
    if network.mac_address:
        _check_mac(network.mac_address)


def _check_mac(address: str) -> None:
    if not _MAC.fullmatch(address.strip()):
        raise refused(f"{address} is not a valid mac address", hint="Write 02:42:ac:11:00:99, for example.")


def _bindings(mappings: tuple[PortMapping, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for mapping in mappings:
        bindings.setdefault(mapping.port, []).append(
            {"HostIp": mapping.host_ip, "HostPort": mapping.host_port}
        )
    return bindings
