"""``--platform`` of the image commands: the value as newer engines are asked for it."""

import json

from handlers.container.groups.platform import parse_platform
from handlers.faults import Reason, UsageFault

PLACE = "error parsing specified platform: "
"""What ``docker create`` says before the sentence; the image commands say something else or nothing."""


def encoded(text: str) -> str | None:
    """The platform as JSON with the engine's keys, None for ""; raises ValueError with the CLI's sentence."""
    try:
        parts = parse_platform(text).split("/")
    except ValueError as error:
        raise ValueError(str(error).removeprefix(PLACE)) from None
    if parts == [""]:
        return None
    fields = dict(zip(("os", "architecture", "variant"), parts, strict=False))
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def check(text: str, before: str = "") -> None:
    """Raises UsageFault with the CLI's sentence, ``before`` in front, when the text is no platform."""
    try:
        encoded(text)
    except ValueError as error:
        raise UsageFault(
            f"{before}{error}",
            reason=Reason.BAD_VALUE,
            exit_code=1,
            hint="A platform is os[/arch[/variant]], for example linux/arm64.",
        ) from None
