"""docker container port."""

from typing import Annotated, Any

from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.faults import Fault, NotFound, Reason
from handlers.format.order import natural
from handlers.grammar.command import Arg, Command
from handlers.grammar.gonumbers import parse_uint
from handlers.grammar.output import Lines, Output
from permissions.verbs import Danger, Kind, Verb


class ContainerPort(
    Command,
    path="container port",
    aliases=("port",),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker port web 80/tcp",
):
    """List port mappings or a specific mapping for the container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    private_port: Annotated[str | None, Arg("PRIVATE_PORT[/PROTO]")] = None

    def run(self, ctx: Context) -> Output:
        """Lists them in natural order; raises Fault for a port that is none or not published."""
        state = ctx.engine.get(f"/containers/{segment(named(self.container))}/json")
        ports = (state.get("NetworkSettings") or {}).get("Ports") or {}
        if self.private_port:
            lines = [_address(binding) for binding in self._bindings(ports, self.private_port)]
        else:
            lines = [
                f"{port} -> {_address(binding)}"
                for port, bindings in ports.items()
                for binding in bindings or ()
            ]
        return Lines(lines=tuple(sorted(lines, key=natural)))

    def _bindings(self, ports: dict[str, Any], wanted: str) -> list[dict[str, str]]:
        number, _, protocol = wanted.partition("/")
        try:
            parse_uint(number, 16, base=10)
        except ValueError as error:
            raise Fault(
                f"Error: invalid port ({number}): {error}",
                reason=Reason.BAD_VALUE,
                hint="Write 80, 80/tcp or 53/udp.",
            ) from None
        bindings: list[dict[str, str]] | None = ports.get(f"{number}/{protocol or 'tcp'}")
        if not bindings:
            raise Fault(
                f"Error: No public port '{wanted}' published for {self.container}",
                reason=NotFound.reason,
                hint=f"`docker port {self.container}` lists what is published.",
            )
        return bindings


def _address(binding: dict[str, str]) -> str:
    host = binding.get("HostIp", "")
    return f"{f'[{host}]' if ':' in host else host}:{binding.get('HostPort', '')}"
