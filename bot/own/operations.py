"""Lines of ours that the policy decides on like any command, by their names under ``docktalk``."""

from bot.hosts import Host
from permissions.operation import Operation, Resource
from permissions.verbs import Danger, Verb

LOCK = "docktalk lock"
UNLOCK = "docktalk unlock"
"""For locks of others; whoever set a lock takes it back by its id."""
INCIDENT = "docktalk incident"

OWN_VERBS = {LOCK: Verb.OPERATE, UNLOCK: Verb.ADMIN, INCIDENT: Verb.OPERATE}
"""A rule gives them by name, or by these verbs."""


def own_operation(command: str, host: Host, *resources: Resource) -> Operation:
    """What is decided on: as if it were a docker command about these objects on that host."""
    return Operation(
        command=command,
        verb=OWN_VERBS[command],
        danger=Danger.SAFE,
        resources=resources,
        host=host.name,
        host_labels=host.labels,
    )
