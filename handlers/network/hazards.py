"""Which options of a network hand over the host, or its place in the host's own network.

What cannot be read is as dangerous as it could be: an unknown driver is a plugin, an unknown option
may name a link of the host.
"""

from collections.abc import Iterable

from permissions.verbs import Danger

HARMLESS_BRIDGE_OPTIONS = frozenset(
    {
        "com.docker.network.bridge.enable_icc",
        "com.docker.network.bridge.enable_ip_masquerade",
        "com.docker.network.bridge.host_binding_ipv4",
        "com.docker.network.container_iface_prefix",
        "com.docker.network.driver.mtu",
    }
)
"""Not the bridge's name (it may be a bridge of the host), nor modes that switch off its protection."""

HARMLESS_ENDPOINT_OPTIONS = frozenset({"com.docker.network.endpoint.ifname"})
"""Not the sysctls of the interface."""


def network_danger(
    driver: str, options: Iterable[str], *, ipam_driver: str, copied_from: str | None
) -> Danger:
    """A new network: anything but a plain bridge reaches links of the host or runs a plugin's code.

    A configuration that is copied from another network cannot be seen from here.
    """
    plain = driver == "bridge" and ipam_driver == "default" and not copied_from
    return Danger.SAFE if plain and _all_in(options, HARMLESS_BRIDGE_OPTIONS) else Danger.ROOT_EQUIVALENT


def endpoint_danger(options: Iterable[str]) -> Danger:
    """A container's connection: its driver options can set kernel parameters."""
    return Danger.SAFE if _all_in(options, HARMLESS_ENDPOINT_OPTIONS) else Danger.ROOT_EQUIVALENT


def _all_in(options: Iterable[str], harmless: frozenset[str]) -> bool:
    return all(option.partition("=")[0].strip() in harmless for option in options)
