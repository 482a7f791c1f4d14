"""How much of the host the container may take."""

from typing import Annotated

from handlers.container.groups.body import Body
from handlers.grammar.command import Command, Opt
from handlers.grammar.values import BYTES, INT


class ResourceOptions(Command):
    """Shares and limits."""

    cpu_shares: Annotated[int, Opt("-c", "--cpu-shares", help="CPU shares (relative weight)", type=INT)] = 0
    memory: Annotated[int, Opt("-m", "--memory", help="Memory limit", type=BYTES)] = 0

    def add_resources(self, body: Body) -> None:
        """Adds this group's part of the body; -1 is how the CLI leaves swappiness to the engine."""
        body.host |= {"CpuShares": self.cpu_shares, "Memory": self.memory, "MemorySwappiness": -1}
