"""Port specifications: ``-p [ip:][host[-end]:]container[-end][/proto]`` and ``--expose``."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from handlers.grammar.gonumbers import parse_uint

PROTOCOLS = ("tcp", "udp", "sctp")

MAX_PORTS = 65_536
"""The most ports that the options of one command may expand to."""


class PortMapping(NamedTuple):
    """One published port, quickly made: a line may name very many.

    ``port`` is the container's, with its protocol (``80/tcp``), as the engine's API keys it. ``host_ip``
    is "" for every address; ``host_port`` is "" for any port, else a number or a range of numbers.
    """

    port: str
    host_ip: str = ""
    host_port: str = ""


def parse_publish(specs: Iterable[str]) -> tuple[PortMapping, ...]:
    """All mappings of the ``--publish`` options in order; raises ValueError with docker's message."""
    mappings: list[PortMapping] = []
    for spec in specs:
        mappings += parse_port_spec(_short_form(spec) if "=" in spec else spec, beside=len(mappings))
    return tuple(mappings)


def parse_expose(specs: Iterable[str]) -> tuple[str, ...]:
    """The ports of the ``--expose`` options, each once (``8000/tcp``); raises ValueError."""
    ranges: dict[tuple[str, int, int], None] = {}
    for spec in specs:
        if ":" in spec:
            raise ValueError(f"invalid port format for --expose: {spec}")
        protocol, port = split_protocol(spec)
        try:
            first, last = parse_port_range(port)
        except ValueError as error:
            raise ValueError(f"invalid range format for --expose: {spec}, error: {error}") from None
        ranges[protocol, first, last] = None
    # Before they are written out, also those that lie in each other: that would take minutes.
    _refuse_too_many(sum(last - first + 1 for _, first, last in ranges))
    every = (f"{port}/{protocol}" for protocol, first, last in ranges for port in range(first, last + 1))
    return tuple(dict.fromkeys(every))


def _refuse_too_many(count: int) -> None:
    if count > MAX_PORTS:
        raise ValueError(f"more than {MAX_PORTS} ports")


def _short_form(spec: str) -> str:
    """``published=8080,target=80,protocol=udp`` in the short form; other keys mean nothing to a container."""
    given = {"protocol": "tcp"}
    for pair in spec.split(","):
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ValueError(f"invalid publish opts format (should be name=value but got '{pair}')")
        given[key] = value
    return f"{given.get('published', '')}:{given.get('target', '')}/{given['protocol']}"


def parse_port_spec(spec: str, *, beside: int = 0) -> list[PortMapping]:
    """The mappings of one specification in the short form, ``beside`` so many others.

    Raises ValueError with docker's message.
    """
    *before, container = spec.split(":")
    host = before[-1] if before else ""
    ip = _host_ip(":".join(before[:-1]))
    protocol, container = split_protocol(container)
    if not container:
        raise ValueError(f"no port specified: {spec}<empty>")
    first, last = _range_or(container, f"invalid containerPort: {container}")
    host_first, host_last = _range_or(host, f"invalid hostPort: {host}") if host else (0, 0)
    if host and last - first != host_last - host_first and first != last:
        raise ValueError(f"invalid ranges specified for container and host Ports: {container} and {host}")
    if protocol.lower() not in PROTOCOLS:
        raise ValueError(f"invalid proto: {protocol}")
    _refuse_too_many(beside + last - first + 1)
    mappings = []
    for offset in range(last - first + 1):
        host_port = str(host_first + offset) if host else ""
        if first == last and host_first != host_last:  # one port, any of a range on the host
            host_port = f"{host_first}-{host_last}"
        port = f"{first + offset}/{protocol.lower()}"
        mappings.append(PortMapping(port=port, host_ip=ip, host_port=host_port))
    return mappings


def _host_ip(text: str) -> str:
    ip = text
    if ip.startswith("["):
        inner, bracket, after = ip[1:].partition("]")
        if not bracket:
            raise ValueError(f"invalid IP address {ip}: address {ip}:: missing ']' in address")
        if after:
            raise ValueError(f"invalid IP address {ip}: address {ip}:: missing port in address")
        ip = inner
    if ip:
        try:
            ip_address(ip.replace("%", "?"))  # Go takes no zone here
        except ValueError:
            raise ValueError(f"invalid IP address: {ip}") from None
    return ip


def split_protocol(spec: str) -> tuple[str, str]:
    """``(protocol, port or range)``; tcp without one, two empty strings without a port."""
    port, _, rest = spec.partition("/")
    return (rest.partition("/")[0] or "tcp", port) if port else ("", "")


def parse_port_range(text: str) -> tuple[int, int]:
    """First and last port of ``80`` or ``80-90``; raises ValueError with docker's message."""
    if not text:
        raise ValueError("empty string specified for ports")
    parts = text.split("-")
    first = parse_uint(parts[0], 16, 10)
    last = parse_uint(parts[1], 16, 10) if len(parts) > 1 else first
    if last < first:
        raise ValueError(f"invalid range specified for port: {text}")
    return first, last


def _range_or(text: str, message: str) -> tuple[int, int]:
    try:
        return parse_port_range(text)
    except ValueError:
        raise ValueError(message) from None
