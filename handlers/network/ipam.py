"""The address ranges of a new network, put together from the options that speak of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Subnet:
    """One subnet, as it was written, and what belongs to it."""

    text: str
    ip_range: str = ""
    gateway: str = ""
    auxiliary: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """What the engine is told; what was not given is left out."""
        parts = {
            "Subnet": self.text,
            "IPRange": self.ip_range,
            "Gateway": self.gateway,
            "AuxiliaryAddresses": self.auxiliary,
        }
        return {name: part for name, part in parts.items() if part}


def subnets(
    texts: tuple[str, ...],
    ip_ranges: tuple[str, ...],
    gateways: tuple[str, ...],
    auxiliary: Mapping[str, str],
) -> tuple[Subnet, ...]:
    """The subnets in the line's order; raises ValueError with the CLI's sentence.

    Only what has to be matched is read: a single subnet goes to the engine as it was written.
    """
    if len(texts) < max(len(ip_ranges), len(gateways)):
        raise ValueError("every ip-range or gateway must have a corresponding subnet")
    found: list[Subnet] = []
    for text in texts:
        if any(_holds(text, other.text) or _holds(other.text, text) for other in found):
            raise ValueError("multiple overlapping subnet configuration is not supported")
        found.append(Subnet(text))
    for ip_range in ip_ranges:
        _add_range(found, ip_range)
    for gateway in gateways:
        _add_gateway(found, gateway)
    for name, address in auxiliary.items():
        for subnet in _matching(found, address, "aux-address"):
            subnet.auxiliary[name] = address
    return tuple(found)


def _add_range(found: Iterable[Subnet], text: str) -> None:
    _cidr(text)
    for subnet in _matching(found, text, "range"):
        if subnet.ip_range:
            raise ValueError(
                f"cannot configure multiple ranges ({text}, {subnet.ip_range}) "
                f"on the same subnet ({subnet.text})"
            )
        subnet.ip_range = text


def _add_gateway(found: Iterable[Subnet], text: str) -> None:
    for subnet in _matching(found, text, "gateway"):
        if subnet.gateway:
            raise ValueError(
                f"cannot configure multiple gateways ({text}, {subnet.gateway}) "
                f"for the same subnet ({subnet.text})"
            )
        subnet.gateway = text


def _matching(found: Iterable[Subnet], text: str, what: str) -> list[Subnet]:
    matching = [subnet for subnet in found if _holds(subnet.text, text)]
    if not matching:
        raise ValueError(f"no matching subnet for {what} {text}")
    return matching


def _holds(subnet: str, text: str) -> bool:
    """Whether a subnet contains an address, or the one that a CIDR begins with."""
    try:
        network = _cidr(subnet)[1]
    except ValueError as error:
        raise ValueError(f"invalid subnet: {error}") from None
    address = _cidr(text)[0] if "/" in text else _address(text)
    return address in network if address is not None else False


def _cidr(text: str) -> tuple[Address, Network]:
    """An address and its network from ``10.1.2.3/16``; a mask in dots is none, as in Go."""
    address, _, length = text.partition("/")
    ip = _address(address, mapped=False)
    if ip is None or not (length.isascii() and length.isdecimal()) or int(length) > ip.max_prefixlen:
        raise ValueError(f"invalid CIDR address: {text}")
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    if mapped is not None and int(length) >= 96:
        return mapped, ip_network(f"{mapped}/{int(length) - 96}", strict=False)
    return ip, ip_network(f"{ip}/{int(length)}", strict=False)


def _address(text: str, *, mapped: bool = True) -> Address | None:
    """An address as Go reads it: without a zone, an IPv4 address in IPv6 clothes as IPv4."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            return None
        return (ip.ipv4_mapped or ip) if mapped else ip
    return ip
