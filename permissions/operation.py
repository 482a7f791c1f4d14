"""The facts a decision needs about one command, and about who asks for it."""

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field

from permissions.model import Record
from permissions.verbs import Danger, Kind, Verb


class Bind(Record):
    """A path of the host that a container sees: its one spelling, in full; ``read_only`` for good."""

    path: str
    read_only: bool


class Facts(Record):
    """What an engine says of one object, read just before the run.

    ``names`` are its canonical names: one for a container, network or volume; an image's references as
    the engine lists them. ``tags`` are those references for an image or a container's image, ``origins``
    the ``REPOSITORY@sha256:…`` under which it came from a registry (none for what was built, loaded or
    imported there) and ``digests`` its content, by whatever name. ``networks`` and ``volumes`` are a
    container's. ``exposures`` say what of its host the object gives to whoever controls it; any of them is
    as bad as root. ``binds`` are the paths of its host in it, as bad unless the policy lists them.
    """

    id: str
    names: tuple[str, ...]
    labels: dict[str, str] = Field(default_factory=dict)
    origins: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()
    binds: tuple[Bind, ...] = ()


class Resource(Record):
    """One Docker object as the command line names it.

    ``new``: the line gives this name to something. ``facts`` are what the name was found to mean; None
    at the bot, for a name that is new, and for one that nothing has.
    """

    kind: Kind
    name: str
    new: bool = False
    facts: Facts | None = None


class Operation(Record):
    """What a parsed command would do, on which host.

    ``flags`` are the long names (without dashes) of the options that were given, sorted; ``values`` the
    values of those that hold no secret, as text. ``danger`` is the maximum of the command's own, of its
    given options and values and, once ``live``, of its targets. ``live``: the facts were read, so doubt
    about a target is no longer the worker's to settle and counts against the asker. ``binds`` are the paths
    of the host that it would reach, which ``danger`` counts; ``otherwise`` is the danger without them, None
    where that cannot be told apart.
    ``host_labels`` are those that the bot's settings give the host, ``incident`` the id of the open incident
    that the line belongs to, by the bot's own records; "" for none. ``image_labels`` are what a new
    container takes over from its image; None where that is not known.
    """

    command: str
    verb: Verb
    danger: Danger
    resources: tuple[Resource, ...] = ()
    flags: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    host: str
    host_labels: dict[str, str] = Field(default_factory=dict)
    image_labels: dict[str, str] | None = None
    live: bool = False
    binds: tuple[Bind, ...] = ()
    otherwise: Danger | None = None
    incident: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the line itself gives to what it makes."""
        return dict(self._labels()) if self.verb is Verb.CREATE else {}

    def _labels(self) -> Iterator[tuple[str, str]]:
        for text in self.values.get("label", ()):
            key, _, value = text.partition("=")
            yield key, value


class Standing(StrEnum):
    """What Slack says of an account. Only a member can pass."""

    MEMBER = "member"
    DELETED = "deleted"
    BOT = "bot"
    GUEST = "guest"
    EXTERNAL = "external"
    UNKNOWN = "unknown"
    """Slack could not be asked: decided as a refusal."""


class Lent(Record):
    """A role that somebody holds for a time, beside those that the policy binds to them.

    ``id`` is that of the grant (``G-4``). It counts until ``until`` (epoch seconds), on the hosts of
    ``hosts`` (patterns as in a binding; none: on any) and for ``verbs`` (none: for any), but never for the
    verb admin: who was lent a role can neither change what decides nor read what was recorded.
    ``break_glass``: taken by its holder, where an elevation was agreed to by others.
    """

    id: str
    role: str
    until: float
    hosts: tuple[str, ...] = ()
    verbs: tuple[Verb, ...] = ()
    break_glass: bool = False


class Principal(Record):
    """Who asks, from Slack's verified payload and users.info; never from text.

    ``groups`` are user group ids (``S…``), ``as_of`` is when Slack was asked, in epoch seconds. ``lent`` are
    roles lent for a time, from the bot's own records.
    """

    team_id: str
    user_id: str
    name: str
    standing: Standing
    groups: tuple[str, ...] = ()
    as_of: float
    lent: tuple[Lent, ...] = ()
