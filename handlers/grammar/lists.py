"""Repeatable options whose items docker's parser checks while it reads them."""

import re
from ipaddress import IPv6Address, ip_address

from handlers.grammar import gocsv
from handlers.grammar.gonumbers import quote
from handlers.grammar.networks import parse_network
from handlers.grammar.values import ValueType

STREAMS = ("stdin", "stdout", "stderr")


def parse_stream(text: str) -> str:
    """A stream for ``--attach``, in lower case."""
    if text.lower() not in STREAMS:
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return text.lower()


def parse_env(text: str) -> str:
    """``NAME=VALUE`` or ``NAME``, kept as it is: what NAME alone means is the command's to say."""
    if not text.partition("=")[0]:
        raise ValueError(f"invalid environment variable: {text}")
    return text


def parse_label(text: str) -> str:
    """``KEY=VALUE`` or ``KEY``, kept as it is."""
    key = text.partition("=")[0].lstrip(" \t")
    if not key:
        raise ValueError(f"invalid label '{text}': empty name")
    if " " in key or "\t" in key:
        raise ValueError(f"label '{key}' contains whitespaces")
    return text


def parse_ip(text: str) -> str:
    """An IP address in its usual form."""
    address = _ip(text.strip())
    if not address:
        raise ValueError(f"IP address is not correctly formatted: {text}")
    return address


def _ip(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return ""
        return str(address.ipv4_mapped or address)
    return str(address)


def parse_extra_host(text: str) -> str:
    """``host:ip`` from ``host:ip`` or ``host=ip``; the ip may be ``host-gateway`` or stand in brackets."""
    host, separator, address = text.partition("=")
    if not separator:
        host, separator, address = text.partition(":")
    if not separator or not host or ":" in host:
        raise ValueError(f"bad format for add-host: {quote(text)}")
    if address != "host-gateway":
        if len(address) > 2 and address.startswith("[") and address.endswith("]"):
            address = address[1:-1]
        if not _ip(address.strip()):
            raise ValueError(f"invalid IP address in add-host: {quote(address)}")
    return f"{host}:{address}"


_DOMAIN = re.compile(
    r"(:?(?::?[a-zA-Z0-9]|:?[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?::?\.(?::?[a-zA-Z0-9]|:?[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*)\.?[\t\n\f\r ]*"
)
"""Docker's own idea of a domain, stray colons included."""


def parse_domain(text: str) -> str:
    """A domain for ``--dns-search``, without its final dot; ``.`` alone for none."""
    text = text.strip(" ")
    if text == ".":
        return text
    found = _DOMAIN.fullmatch(text) if re.search("[a-zA-Z]", text) else None
    if not found or len(found[1]) >= 255:
        raise ValueError(f"{text} is not a valid domain")
    return found[1]


def parse_link(text: str) -> str:
    """``CONTAINER`` or ``CONTAINER:ALIAS``, kept as it is."""
    if not text:
        raise ValueError("empty string specified for links")
    if text.count(":") > 1:
        raise ValueError(f"bad format for links: {text}")
    return text


_SYSCTLS = frozenset(
    {
        *("kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall"),
        *("kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"),
    }
)


def parse_sysctl(text: str) -> str:
    """``KEY=VALUE`` for a kernel parameter that has a value of its own in a container, kept as it is."""
    key, equals, _ = text.partition("=")
    if not equals or not (key in _SYSCTLS or key.startswith(("net.", "fs.mqueue."))):
        raise ValueError(f"sysctl '{text}' is not allowed")
    return text


def _checked_network(text: str) -> str:
    parse_network(text)
    return text


def _csv(text: str) -> list[str]:
    return gocsv.record(text) if text else []


ATTACH = ValueType("list", parse_stream, repeatable=True)
ENV = ValueType("list", parse_env, repeatable=True)
LABEL = ValueType("list", parse_label, repeatable=True)
DNS_SEARCH = ValueType("list", parse_domain, repeatable=True)
LINK = ValueType("list", parse_link, repeatable=True)
SYSCTL = ValueType("map", parse_sysctl, repeatable=True)
IP_LIST = ValueType("list", parse_ip, repeatable=True)
EXTRA_HOST = ValueType("list", parse_extra_host, repeatable=True)
NETWORK = ValueType("network", _checked_network, repeatable=True)
STRINGS = ValueType("strings", str, repeatable=True, split=_csv, show=gocsv.field)
