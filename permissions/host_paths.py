"""The paths of a host that containers may be given without that being as bad as root on it.

Whoever gives a container a path decides by its text: no engine says what a symlink on its host leads to. So
a listed path is given in one of two ways, and in neither can a container put a link where another mount
begins: read only, with all that is below it; or also for writing, but then itself alone and nothing below.
"""

from posixpath import normpath
from typing import Annotated, Literal

from pydantic import AfterValidator

from permissions.model import Record
from permissions.operation import Bind
from permissions.patterns import HostPattern

_NEVER = ("/proc", "/sys", "/dev", "/run", "/var/run", "/var/lib/docker", "/var/lib/containerd")
"""No files but the kernel, sockets and the engine's own: what is in there, or above, is the host itself."""


def canonical_path(text: str) -> str:
    """The shortest spelling of a full path, by its text alone as the engine reads it; "" for another text."""
    if not text.startswith("/") or not text.isprintable():
        return ""
    return "/" + normpath(text).lstrip("/")


def under(path: str, prefix: str) -> bool:
    """Whether a canonical path is that one or below it."""
    return path == prefix or path.startswith(f"{prefix}/")


def _listed(text: str) -> str:
    if not text.startswith("/") or canonical_path(text) != text:
        raise ValueError(
            f"`{text}` is not a path's one spelling: in full, without `..`, `//` or a / at the end"
        )
    if text == "/" or any(under(text, never) or under(never, text) for never in _NEVER):
        raise ValueError(f"`{text}` would give the host itself away; list what is needed of it alone")
    return text


ListedPath = Annotated[str, AfterValidator(_listed)]


class HostPath(Record):
    """One listed path: with all below it for reading (``ro``), or alone, also for writing (``rw``)."""

    path: ListedPath
    mode: Literal["ro", "rw"] = "ro"
    hosts: tuple[HostPattern, ...] = ()

    def covers(self, bind: Bind) -> bool:
        """Whether a mount gives no more than this."""
        if self.mode == "rw":
            return bind.path == self.path
        return bind.read_only and under(bind.path, self.path)


def _apart(paths: tuple[HostPath, ...]) -> tuple[HostPath, ...]:
    for writable in (one for one in paths if one.mode == "rw"):
        for other in (one for one in paths if one is not writable):
            if under(writable.path, other.path) or under(other.path, writable.path):
                raise ValueError(
                    f"`{writable.path}` is for writing and `{other.path}` on its way: "
                    "a link in it could lead anywhere"
                )
    return paths


HostPaths = Annotated[tuple[HostPath, ...], AfterValidator(_apart)]
"""The list of a policy: what is for writing lies apart from everything else."""
