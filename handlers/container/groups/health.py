"""How the engine finds out whether the container is well."""

from typing import Annotated

from handlers.container.groups.body import Body, refused
from handlers.grammar.command import Command, Opt
from handlers.grammar.values import BOOL, DURATION, INT


class HealthOptions(Command):
    """The probe and its times, in nanoseconds; zero leaves them to the image."""

    health_cmd: Annotated[str, Opt("--health-cmd", help="Command to run to check health")] = ""
    health_interval: Annotated[
        int,
        Opt(
            "--health-interval",
            help="Time between running the check (ms|s|m|h) (default 0s)",
            type=DURATION,
        ),
    ] = 0
    health_retries: Annotated[
        int, Opt("--health-retries", help="Consecutive failures needed to report unhealthy", type=INT)
    ] = 0
    health_start_interval: Annotated[
        int,
        Opt(
            "--health-start-interval",
            help="Time between running the check during the start period (ms|s|m|h) (default 0s)",
            type=DURATION,
            min_api=(1, 44),
        ),
    ] = 0
    health_start_period: Annotated[
        int,
        Opt(
            "--health-start-period",
            help=(
                "Start period for the container to initialize before starting health-retries countdown "
                "(ms|s|m|h) (default 0s)"
            ),
            type=DURATION,
            min_api=(1, 29),
        ),
    ] = 0
    health_timeout: Annotated[
        int,
        Opt(
            "--health-timeout",
            help="Maximum time to allow one check to run (ms|s|m|h) (default 0s)",
            type=DURATION,
        ),
    ] = 0
    no_healthcheck: Annotated[
        bool, Opt("--no-healthcheck", help="Disable any container-specified HEALTHCHECK", type=BOOL)
    ] = False

    def check_health(self) -> None:
        """Raises UsageFault for a probe that is both set and disabled, and for times before zero."""
        probe = self._probe()
        if self.no_healthcheck:
            if probe:
                raise refused("--no-healthcheck conflicts with --health-* options")
            return
        for option in ("interval", "timeout", "retries", "start_period", "start_interval"):
            if getattr(self, f"health_{option}") < 0:
                raise refused(f"--health-{option.replace('_', '-')} cannot be negative")

    def add_health(self, body: Body) -> None:
        """Adds this group's part of the body; without any option the image's own probe stays."""
        if self.no_healthcheck:
            body.config["Healthcheck"] = {"Test": ["NONE"]}
        elif probe := self._probe():
            body.config["Healthcheck"] = probe

    def _probe(self) -> dict[str, int | list[str]]:
        settings: dict[str, int | list[str]] = {
            "Test": ["CMD-SHELL", self.health_cmd] if self.health_cmd else [],
            "Interval": self.health_interval,
            "Timeout": self.health_timeout,
            "StartPeriod": self.health_start_period,
            "StartInterval": self.health_start_interval,
            "Retries": self.health_retries,
        }
        return {name: value for name, value in settings.items() if value}
