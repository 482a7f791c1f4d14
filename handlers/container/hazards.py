"""Which options of a container hand over the host: whoever controls them is root there.

One function per question, each taking what the person wrote and answering with a Danger. What cannot
be read is as dangerous as it could be. Where a policy allows prefixes of host paths, it looks at the
mounts itself; here the answer is the worst case.
"""

from collections.abc import Iterable

from handlers.grammar.networks import parse_network
from handlers.grammar.volumes import parse_volume
from permissions.verbs import Danger


def volume_danger(specs: Iterable[str]) -> Danger:
    """``-v``: a path of the host, in whatever spelling. Names and anonymous volumes are the engine's own."""
    return _worst(_volume(spec) for spec in specs)


def _volume(spec: str) -> Danger:
    try:
        volume = parse_volume(spec)
    except ValueError:
        return Danger.ROOT_EQUIVALENT
    source = volume.source or volume.text
    # A single volume name has no slash, no dot in front and no drive letter; an anonymous one is
    # nothing but its target. Everything else could be read as a path by one engine or another.
    plain = "/" not in source and "\\" not in source and not source.startswith((".", "~"))
    own = ":" not in source if volume.kind == "anonymous" else volume.kind == "volume" and plain
    return Danger.SAFE if own else Danger.ROOT_EQUIVALENT


def network_danger(networks: Iterable[str]) -> Danger:
    """``--network``: the host's own network, or that of another container."""
    return _worst(_network(network) for network in networks)


def _network(text: str) -> Danger:
    try:
        target = parse_network(text).target.strip().lower()
    except ValueError:
        return Danger.ROOT_EQUIVALENT
    foreign = target == "host" or target.partition(":")[0] == "container"
    return Danger.ROOT_EQUIVALENT if foreign else Danger.SAFE


def privileged_danger(privileged: bool) -> Danger:
    """``--privileged``: every device and capability of the host."""
    return Danger.ROOT_EQUIVALENT if privileged else Danger.SAFE


def checkpoint_danger(directory: str) -> Danger:
    """``--checkpoint-dir``: a path of the host whose content becomes a process."""
    return Danger.ROOT_EQUIVALENT if directory else Danger.SAFE


def _worst(dangers: Iterable[Danger]) -> Danger:
    return max(dangers, default=Danger.SAFE)
