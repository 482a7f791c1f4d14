"""The facts a decision needs about one command, and about who asks for it."""

from enum import StrEnum

from pydantic import Field

from permissions.model import Record
from permissions.verbs import Danger, Kind, Verb


class Resource(Record):
    """One Docker object as the command line names it; ``new``: the line gives this name to something."""

    kind: Kind
    name: str
    new: bool = False


class Operation(Record):
    """What a parsed command would do, on which host.

    ``flags`` are the long names (without dashes) of the options that were given, sorted; ``values`` those
    of them that are not secret. ``danger`` is the maximum of the command's own and that
    of its given options and values.
    """

    command: str
    verb: Verb
    danger: Danger
    resources: tuple[Resource, ...] = ()
    flags: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    host: str


class Standing(StrEnum):
    """What Slack says of an account. Only a member can pass."""

    MEMBER = "member"
    DELETED = "deleted"
    BOT = "bot"
    GUEST = "guest"
    EXTERNAL = "external"
    UNKNOWN = "unknown"
    """Slack could not be asked: decided as a refusal."""


class Principal(Record):
    """Who asks, from Slack's verified payload and users.info; never from text.

    ``groups`` are user group ids (``S…``), ``as_of`` is when Slack was asked, in epoch seconds.
    """

    team_id: str
    user_id: str
    name: str
    standing: Standing
    groups: tuple[str, ...] = ()
    as_of: float
