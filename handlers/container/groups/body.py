"""The body of ``POST /containers/create`` while the option groups fill it, and their usage faults."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from handlers.faults import Reason, UsageFault

EXIT = 125


@dataclass(slots=True)
class Body:
    """The three parts of the body; every key that the CLI sends is there, empty where nothing was given."""

    config: dict[str, Any] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)
    endpoints: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The whole, as it is sent."""
        return {
            **self.config,
            "HostConfig": self.host,
            "NetworkingConfig": {"EndpointsConfig": self.endpoints},
        }


def refused(message: str, *, hint: str = "") -> UsageFault:
    """What the CLI says of a value it read but cannot use."""
    return UsageFault(f"docker: {message}", reason=Reason.BAD_VALUE, exit_code=EXIT, hint=hint)


def caller_file(option: str, *, hint: str) -> UsageFault:
    """An option that reads or writes on the caller's machine, which a chat line does not have."""
    return UsageFault(
        f"{option} needs a file or a variable of your own machine, and a chat line has none",
        reason=Reason.CALLER_FILE,
        exit_code=EXIT,
        hint=hint,
    )


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` or ``KEY`` as a mapping; the last of several counts."""
    return {key: value for key, _, value in (text.partition("=") for text in texts)}
