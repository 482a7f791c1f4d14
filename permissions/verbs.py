"""The closed lists a policy speaks in: verbs, dangers, kinds of resource."""

from enum import IntEnum, StrEnum


class Verb(StrEnum):
    """What a command does to Docker, as coarse as a role needs it."""

    LIST = "list"
    REVEAL = "reveal"
    """Shows configuration, logs or changes: it can leak what a listing does not."""
    OPERATE = "operate"
    CREATE = "create"
    CHANGE = "change"
    DESTROY = "destroy"
    EXEC = "exec"
    TRANSFER = "transfer"
    REGISTRY = "registry"
    ADMIN = "admin"

    __hash__ = str.__hash__  # an Enum's own is many times slower, and every decision asks for it

    @property
    def reads(self) -> bool:
        """Whether the verb leaves the engine as it was, so that it may run a second time."""
        return self in {Verb.LIST, Verb.REVEAL}


class Danger(IntEnum):
    """How bad the worst outcome is, ordered."""

    SAFE = 0
    INTERRUPTS = 1
    LOSES_DATA = 2
    ROOT_EQUIVALENT = 3


class Kind(StrEnum):
    """The kinds of Docker object a rule can name."""

    CONTAINER = "container"
    IMAGE = "image"
    NETWORK = "network"
    VOLUME = "volume"
    REGISTRY = "registry"
    SYSTEM = "system"

    __hash__ = str.__hash__  # as above
