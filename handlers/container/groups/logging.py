"""Where the container's output goes."""

from collections.abc import Iterator
from typing import Annotated

from handlers.container import hazards
from handlers.container.groups.body import Body, pairs, refused
from handlers.container.hazards import Exposure
from handlers.grammar.command import Command, Opt
from handlers.grammar.values import LIST


class LoggingOptions(Command):
    """The driver and its options; without a driver they are for the engine's default one."""

    log_driver: Annotated[str, Opt("--log-driver", help="Logging driver for the container")] = ""
    log_opt: Annotated[tuple[str, ...], Opt("--log-opt", help="Log driver options", type=LIST)] = ()

    def check_logging(self) -> None:
        """Raises UsageFault for options of a driver that has none."""
        if self.log_driver == "none" and self.log_opt:
            raise refused(
                "invalid logging opts for driver none", hint="Leave out --log-opt, or name another driver."
            )

    def logging_exposures(self) -> Iterator[Exposure]:
        """What these options hand over."""
        yield from hazards.logging(self.log_driver, self.log_opt)

    def add_logging(self, body: Body) -> None:
        """Adds this group's part of the body."""
        body.host["LogConfig"] = {"Type": self.log_driver, "Config": pairs(self.log_opt)}
