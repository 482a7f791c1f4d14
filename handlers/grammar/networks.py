"""The value of ``--network``: a name, or ``name=…,alias=…,ip=…``."""

import re

from handlers.grammar import gocsv
from handlers.grammar.gonumbers import parse_int
from permissions.model import Record

_LONG_FORM = re.compile(r"\w+=\w+", re.ASCII)


class NetworkAttachment(Record):
    """One network a container joins; what was not given is empty. ``driver_opts`` are (key, value)."""

    target: str
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    mac_address: str = ""
    link_local_ips: tuple[str, ...] = ()
    driver_opts: tuple[tuple[str, str], ...] = ()
    gateway_priority: int = 0


_SINGLE = {"name": "target", "ip": "ipv4", "ip6": "ipv6", "mac-address": "mac_address"}
_SEVERAL = {"alias": "aliases", "link-local-ip": "link_local_ips"}


def parse_network(text: str) -> NetworkAttachment:
    """Docker's own reading of the option, in which the long form is lower-cased as a whole.

    Raises ValueError with the CLI's message.
    """
    if not _LONG_FORM.search(text):
        return NetworkAttachment(target=text)
    single: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    options: dict[str, str] = {}
    priority = 0
    for field in gocsv.record(text):
        key, equals, value = (part.strip() for part in field.lower().partition("="))
        if not equals or not key:
            raise ValueError(f"invalid field {field}")
        if key in _SINGLE:
            single[_SINGLE[key]] = value
        elif key in _SEVERAL:
            several.setdefault(_SEVERAL[key], []).append(value)
        elif key == "driver-opt":
            name, equals, setting = (part.strip() for part in value.partition("="))
            if not equals or not name:
                raise ValueError("invalid key value pair format in driver options")
            options[name] = setting
        elif key == "gw-priority":
            priority = _priority(value)
        else:
            raise ValueError(f"invalid field key {key}")
    if not single.get("target"):
        raise ValueError("network name/id is not specified")
    return NetworkAttachment.model_validate(
        {**single, **several, "driver_opts": tuple(options.items()), "gateway_priority": priority}
    )


def _priority(value: str) -> int:
    try:
        return parse_int(value, base=10)
    except ValueError as error:
        raise ValueError(f"invalid gw-priority ({value}): {str(error).rpartition(': ')[2]}") from None
