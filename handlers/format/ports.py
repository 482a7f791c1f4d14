"""A container's ports on one line, neighbours merged into ranges."""

from collections.abc import Iterable
from typing import Any


def ports(published: Iterable[dict[str, Any]]) -> str:
    """``443/tcp, 0.0.0.0:8000-8002->8000-8002/tcp`` for the engine's list of ports."""
    groups: dict[tuple[str, str], tuple[int, int]] = {}
    closed: list[str] = []
    mapped: list[str] = []
    for port in sorted(published, key=_order):
        private, public, kind, ip = (
            port["PrivatePort"],
            port.get("PublicPort", 0),
            port["Type"],
            port.get("IP", ""),
        )
        if ip and public != private:
            mapped.append(f"{_host(ip)}:{public}->{private}/{kind}")
            continue
        first, last = groups.get((ip, kind), (private, private - 1))
        if private == last + 1:
            groups[ip, kind] = first, private
        else:
            closed.append(_group(ip, kind, first, last))
            groups[ip, kind] = private, private
    opened = [_group(ip, kind, *span) for (ip, kind), span in groups.items()]
    return ", ".join([*closed, *opened, *mapped])


def _order(port: dict[str, Any]) -> tuple[int, str, int, str]:
    return port["PrivatePort"], port.get("IP", ""), port.get("PublicPort", 0), port["Type"]


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _group(ip: str, kind: str, first: int, last: int) -> str:
    span = str(first) if first == last else f"{first}-{last}"
    return f"{_host(ip)}:{span}->{span}/{kind}" if ip else f"{span}/{kind}"
