"""The value of ``--mount``: ``type=bind,source=/a,target=/b,readonly``, as the CLI reads it."""

from collections.abc import Callable
from typing import Any

from handlers.grammar import gocsv
from handlers.grammar.gonumbers import parse_bool, parse_uint
from handlers.grammar.values import ValueType, parse_bytes
from permissions.model import Record

RECURSION = ("enabled", "disabled", "writable", "readonly")


class MountSpec(Record):
    """One ``--mount``.

    ``kind`` is what ``type`` said, in lower case (``volume`` without one); ``options`` are the sections
    ``BindOptions``, ``VolumeOptions``, ``ImageOptions`` and ``TmpfsOptions`` in the engine's own words,
    present where an option of theirs was given.
    """

    kind: str = "volume"
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    options: dict[str, dict[str, Any]]
    """Whether ``bind-nonrecursive`` was used, which the CLI warns of."""

    @property
    def relative(self) -> bool:
        """Whether the source is a path in the caller's directory, which a chat line has not."""
        return self.source.startswith(".")

    @property
    def driver(self) -> tuple[str, tuple[str, ...]]:
        """The volume driver and the names of its options."""
        config = self.options.get("VolumeOptions", {}).get("DriverConfig", {})
        return config.get("Name", ""), tuple(config.get("Options", ()))

    @property
    def recursion(self) -> str:
        """What needs a newer engine: ``readonly``, ``disabled`` or ""."""
        bind = self.options.get("BindOptions", {})
        if bind.get("ReadOnlyForceRecursive"):
            return "readonly"
        return "disabled" if bind.get("NonRecursive") else ""

    def api(self) -> dict[str, Any]:
        """As the engine is asked for it; what was not given is left out."""
        plain = {
            "Type": self.kind,
            "Source": self.source,
            "Target": self.target,
            "ReadOnly": self.read_only,
            "Consistency": self.consistency,
        }
        return {name: value for name, value in plain.items() if value} | self.options


def parse_mount(text: str) -> MountSpec:
    """Reads one mount; raises ValueError with the CLI's message."""
    reading = _Reading()
    for field in gocsv.record(text):
        reading.take(field)
    return reading.done()


class _Reading:
    """A mount while its fields are read, one after another."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.options: dict[str, dict[str, Any]] = {}

    def take(self, field: str) -> None:
        key, equals, value = field.partition("=")
        key = key.lower()
        if not equals:
            if key not in _FLAGS:
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        known = _KEYS.get(key)
        if known is None:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
        try:
            known(self, value)
        except _Invalid as invalid:
            raise ValueError(f"invalid value for {key}: {value}{invalid}") from None

    def section(self, name: str) -> dict[str, Any]:
        empty: dict[str, Any] = {"DriverConfig": {}} if name == "VolumeOptions" else {}
        return self.options.setdefault(name, empty)

    def done(self) -> MountSpec:
        mount = MountSpec(**self.given, options=_without_empty(self.options))
        if not mount.kind:
            raise ValueError("type is required")
        if not mount.target:
            raise ValueError("target is required")
        for name, kind in _SECTIONS.items():
            if name in self.options and mount.kind != kind:
                raise ValueError(f"cannot mix '{kind}-*' options with mount type '{mount.kind}'")
        self._check_recursion(mount)
        return mount

    def _check_recursion(self, mount: MountSpec) -> None:
        """Read-only mounts under a mount: what the CLI wants to see together."""
        bind = self.options.get("BindOptions", {})
        wanted = [("ReadOnlyNonRecursive", "writable"), ("ReadOnlyForceRecursive", "readonly")]
        for name, word in wanted:
            if bind.get(name) and not mount.read_only:
                raise ValueError(
                    f"option 'bind-recursive={word}' requires 'readonly' to be specified in conjunction"
                )
        if bind.get("ReadOnlyForceRecursive") and bind.get("Propagation") != "rprivate":
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified "
                "in conjunction"
            )


class _Invalid(Exception):  # noqa: N818 - becomes the ValueError with the field's name
    """The value is none; its text follows the value in the message."""


_Take = Callable[[_Reading, str], None]


def _own(name: str, read: Callable[[str], Any] = str) -> _Take:
    def take(mount: _Reading, value: str) -> None:
        mount.given[name] = read(value)

    return take


def _in(section: str, name: str, read: Callable[[str], Any] = str) -> _Take:
    def take(mount: _Reading, value: str) -> None:
        mount.section(section)[name] = read(value)

    return take


def _pair(name: str, *, driver: bool = False) -> _Take:
    def take(mount: _Reading, value: str) -> None:
        section = mount.section("VolumeOptions")
        pairs = (section["DriverConfig"] if driver else section).setdefault(name, {})
        key, _, setting = value.partition("=")
        if key:
            pairs[key] = setting

    return take


def _driver(mount: _Reading, value: str) -> None:
    mount.section("VolumeOptions")["DriverConfig"]["Name"] = value


def _recursive(mount: _Reading, value: str) -> None:
    if value not in RECURSION:
        raise _Invalid(' (must be "enabled", "disabled", "writable", or "readonly")')
    names = {
        "disabled": "NonRecursive",
        "writable": "ReadOnlyNonRecursive",
        "readonly": "ReadOnlyForceRecursive",
    }
    if value in names:
        mount.section("BindOptions")[names[value]] = True


def _not_recursive(mount: _Reading, value: str) -> None:
    mount.section("BindOptions")["NonRecursive"] = _boolean(value)


def _checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(text: str) -> Any:
        try:
            return read(text)
        except ValueError:
            raise _Invalid from None

    return checked


_boolean = _checked(parse_bool)
_size = _checked(parse_bytes)
_mode = _checked(lambda text: parse_uint(text, 32, 8))

_SECTIONS = {
    "VolumeOptions": "volume",
    "ImageOptions": "image",
    "BindOptions": "bind",
    "TmpfsOptions": "tmpfs",
}
"""In the order in which the CLI looks for what does not fit."""

_FLAGS = frozenset({"readonly", "ro", "volume-nocopy", "bind-nonrecursive"})
_KEYS: dict[str, _Take] = {
    "type": _own("kind", str.lower),
    **dict.fromkeys(("source", "src"), _own("source")),
    **dict.fromkeys(("target", "dst", "destination"), _own("target")),
    **dict.fromkeys(("readonly", "ro"), _own("read_only", _boolean)),
    "consistency": _own("consistency", str.lower),
    "bind-propagation": _in("BindOptions", "Propagation", str.lower),
    "bind-nonrecursive": _not_recursive,
    "bind-recursive": _recursive,
    "volume-subpath": _in("VolumeOptions", "Subpath"),
    "volume-nocopy": _in("VolumeOptions", "NoCopy", _boolean),
    "volume-label": _pair("Labels"),
    "volume-driver": _driver,
    "volume-opt": _pair("Options", driver=True),
    "image-subpath": _in("ImageOptions", "Subpath"),
    "tmpfs-size": _in("TmpfsOptions", "SizeBytes", _size),
    "tmpfs-mode": _in("TmpfsOptions", "Mode", _mode),
}


def _without_empty(options: dict[str, Any]) -> dict[str, Any]:
    """The sections without what says nothing; a section itself stays, for it says what was meant."""
    return {
        name: {key: value for key, value in section.items() if value or key == "DriverConfig"}
        for name, section in options.items()
    }


def _checked_mount(text: str) -> str:
    parse_mount(text)
    return text


MOUNT = ValueType("mount", _checked_mount, repeatable=True)
