"""What names a device of the host: ``--device``, ``--gpus``, rules and limits by device."""

import posixpath
import re
from typing import Any, Literal

from handlers.grammar import gocsv
from handlers.grammar.gonumbers import parse_int, parse_uint
from handlers.grammar.values import ValueType, parse_bytes
from permissions.model import Record

_RULE = re.compile(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}")
_CDI = re.compile(
    r"[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
    r"=[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?"
)


class DeviceSpec(Record):
    """One ``--device``: a path of the host, or a device by its name in the container device interface.

    ``path`` is as the engine is asked for it; ``inside`` and ``mode`` are "" for a ``named`` one.
    """

    kind: Literal["path", "named"]
    path: str
    inside: str = ""
    mode: str = ""

    def api(self) -> dict[str, str]:
        """The mapping of a path."""
        return {"PathOnHost": self.path, "PathInContainer": self.inside, "CgroupPermissions": self.mode}


def parse_device(text: str) -> DeviceSpec:
    """``HOST[:CONTAINER][:rwm]`` or ``vendor/class=name``; raises ValueError with the CLI's message."""
    if _CDI.fullmatch(text):
        return DeviceSpec(kind="named", path=text)
    path, *rest = text.split(":")
    if len(rest) > 2 or not path:
        raise ValueError(f"bad format for path: {text}")
    inside, mode = "", "rwm"
    if len(rest) == 2:
        inside, mode = rest
        if not _is_mode(mode):
            raise ValueError(f"bad mode specified: {mode}")
    elif rest and not _is_mode(rest[0]):
        inside = clean_path(rest[0])
        if not rest[0].startswith("/"):
            raise ValueError(f"{rest[0]} is not an absolute path")
    else:
        mode = rest[0] if rest else mode
        if not path.startswith("/"):
            raise ValueError(f"{path} is not an absolute path")
        path = inside = clean_path(path)
    if not inside.startswith("/"):
        raise ValueError(f"{inside} is not an absolute path")
    return DeviceSpec(kind="path", path=path, inside=inside, mode=mode)


def _is_mode(text: str) -> bool:
    """Each of r, w and m at most once."""
    return 1 <= len(text) <= 3 and len(set(text)) == len(text) and set(text) <= set("rwm")


def clean_path(path: str) -> str:
    """The shortest spelling of a path, by its text alone."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def parse_rule(text: str) -> str:
    """``c 1:3 rwm``, kept as it is."""
    if not _RULE.fullmatch(text):
        raise ValueError(f"invalid device cgroup format '{text}'")
    return text


def parse_gpus(text: str) -> dict[str, Any]:
    """A request for GPUs as the engine's API has it: ``all``, a number, or ``device=0,driver=nvidia``.

    Raises ValueError with the CLI's message.
    """
    count: int | None = None
    request: dict[str, Any] = {"Driver": "", "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    seen: set[str] = set()
    for field in gocsv.record(text):
        key, equals, value = field.partition("=")
        if key in seen:
            raise ValueError(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if not equals:
            seen.add("count")
            count = _count(key)
        elif key == "count":
            count = _count(value)
        elif key == "driver":
            request["Driver"] = value
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            request["Capabilities"] = [[*value.split(","), "gpu"]]
        elif key == "options":
            request["Options"] = _gpu_options(value)
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
    if count is None:
        count = 1 if request["DeviceIDs"] is None else 0
    return {**request, "Count": count}


def _count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return parse_int(text, base=10)
    except ValueError as error:
        why = str(error).rpartition(": ")[2]
        raise ValueError(f'invalid count ({text}): value must be either "all" or an integer: {why}') from None


def _gpu_options(text: str) -> dict[str, str]:
    try:
        fields = gocsv.record(text)
    except ValueError as error:
        raise ValueError(f"failed to read gpu options: {error}") from None
    return {key: value for key, _, value in (field.partition("=") for field in fields)}


def parse_weight(text: str) -> dict[str, Any]:
    """``/dev/sda:200``: a weight from 10 to 1000, or 0; as the engine's API has it."""
    path, value = _device_and_value(text)
    try:
        weight = parse_uint(value, 16, 10)
    except ValueError:
        weight = -1
    if weight != 0 and not 10 <= weight <= 1000:
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": weight}


def parse_rate_in_bytes(text: str) -> dict[str, Any]:
    """``/dev/sda:1mb``, in bytes a second; as the engine's API has it."""
    path, value = _device_and_value(text)
    try:
        rate = parse_bytes(value)
    except ValueError:
        rate = -1
    if rate < 0:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. "
            "Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        )
    return {"Path": path, "Rate": rate}


def parse_rate_in_operations(text: str) -> dict[str, Any]:
    """``/dev/sda:1000``, in operations a second; as the engine's API has it."""
    path, value = _device_and_value(text)
    try:
        rate = parse_uint(value, base=10)
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        ) from None
    return {"Path": path, "Rate": rate}


def _device_and_value(text: str) -> tuple[str, str]:
    path, colon, value = text.partition(":")
    if not colon or not path:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, value


def _kept(word: str, parse: Any) -> ValueType:
    """A list of texts that are checked when they are read and kept as they are."""

    def checked(text: str) -> str:
        parse(text)
        return text

    return ValueType(word, checked, repeatable=True)


DEVICE_RULE = _kept("list", parse_rule)
GPUS = _kept("gpu-request", parse_gpus)
WEIGHT_DEVICE = _kept("list", parse_weight)
BYTES_DEVICE = _kept("list", parse_rate_in_bytes)
OPERATIONS_DEVICE = _kept("list", parse_rate_in_operations)
