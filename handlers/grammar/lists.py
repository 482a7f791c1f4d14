"""Repeatable options whose items docker's parser checks while it reads them."""

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
    if not text.partition("=")[0].strip():
        raise ValueError(f"invalid label '{text}': empty name")
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


def _checked_network(text: str) -> str:
    parse_network(text)
    return text


def _csv(text: str) -> list[str]:
    return gocsv.record(text) if text else []


ATTACH = ValueType("list", parse_stream, repeatable=True)
ENV = ValueType("list", parse_env, repeatable=True)
LABEL = ValueType("list", parse_label, repeatable=True)
IP_LIST = ValueType("list", parse_ip, repeatable=True)
EXTRA_HOST = ValueType("list", parse_extra_host, repeatable=True)
NETWORK = ValueType("network", _checked_network, repeatable=True)
STRINGS = ValueType("strings", str, repeatable=True, split=_csv, show=gocsv.field)
