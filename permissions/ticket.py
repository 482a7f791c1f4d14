"""The ticket: what the bot signs and a worker checks before it runs anything.

Signing and verifying need a library and live in ``bot/keys.py``; here are the claims, their one
canonical form in bytes, and the checks that need no key.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from permissions.approval import Bound, Terms
from permissions.model import Record
from permissions.operation import Operation, Principal


class Effect(StrEnum):
    """What a second run would do: a read may be run again, a change never."""

    READ = "read"
    CHANGE = "change"


class Mode(StrEnum):
    """What the worker does with the command; all but RUN leave the engine as it is."""

    RUN = "run"
    PREVIEW = "preview"
    """Lists what would go, before a question is answered."""
    DRY_RUN = "dry_run"
    """Lists the calls that would be made."""
    PROBE = "probe"
    """Tells those who are to agree to it what it would do."""


class SealedValue(Record):
    """A secret option's value on its way: ``blob`` only the host can open, ``digest`` compares it.

    ``blob`` is base64 of a libsodium sealed box to the host's public key over the JSON of the value;
    ``digest`` is base64 of a keyed BLAKE2b of the same JSON, whose key only the bot has.
    """

    blob: str
    digest: str


class CommandWire(Record):
    """A command on the wire: its path, the fields that were set, and the secret ones sealed."""

    path: str
    fields: dict[str, Any]
    sealed: dict[str, SealedValue] = Field(default_factory=dict)


class Approved(Record):
    """What people agreed to: the ``terms`` they met, and the targets as they were then.

    ``by`` are the ids of those who agreed, ``policy`` the SHA-256 of the policy that asked for the terms.
    Whoever runs it looks whether the targets are still these. ``excepted`` are the freezes, by name, that it
    passes as long as this policy is in force.
    """

    policy: str
    terms: Terms
    bound: tuple[Bound, ...]
    by: tuple[str, ...]
    excepted: tuple[str, ...] = ()


class Claims(Record):
    """What the bot decided. ``issued_at`` and ``not_after`` (bounds the *start*) are epoch seconds.

    ``deadline`` is the longest run in seconds. ``policy`` is the SHA-256 of the policy that decided (its
    bundle's), for ``channel_id``, and ``rule`` the rule that allowed it; ``provisional``: if what only
    the worker sees does not forbid it. The worker decides every ticket again before it runs anything.
    ``unmasked`` turns redaction off and is itself a permission. ``logins`` maps a registry server to the
    asker's sealed login. ``approved`` is what people agreed to, ``probes`` the job that a PROBE is for
    and ``probe_key`` what its answer is signed with.
    """

    job_id: str
    nonce: str
    host: str
    effect: Effect
    command: CommandWire
    operation: Operation
    principal: Principal
    policy: str
    rule: str
    issued_at: float
    not_after: float
    deadline: float
    channel_id: str = ""
    provisional: bool = False
    mode: Mode = Mode.RUN
    unmasked: bool = False
    logins: dict[str, SealedValue] = Field(default_factory=dict)
    approved: Approved | None = None
    probes: str = ""
    probe_key: SealedValue | None = None


class Ticket(Record):
    """Signed claims. ``claims`` is the canonical JSON text that was signed, ``signature`` base64."""

    claims: str
    signature: str
    key_id: str


class TicketRefusal(StrEnum):
    """Why a worker does not run a ticket."""

    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    ALTERED = "altered"
    OTHER_HOST = "other_host"
    TOO_LATE = "too_late"
    NOT_YET = "not_yet"
    NONCE_USED = "nonce_used"
    MALFORMED = "malformed"
    POLICY_UNKNOWN = "policy_unknown"
    """The policy that decided cannot be fetched, or which one is in force."""
    POLICY_ALTERED = "policy_altered"
    POLICY_STALE = "policy_stale"
    """Another policy is in force by now, or none was confirmed for too long."""
    ASKER_STALE = "asker_stale"
    """Slack was asked too long ago who the asker is."""


CLOCK_SKEW = 30.0
"""Seconds a ticket may seem to come from the future."""


def canonical(claims: Claims) -> bytes:
    """The byte form that is signed: JSON in the order of the declaration, UTF-8.

    A ticket carries exactly this text, and a worker verifies it before it reads it.
    """
    return claims.model_dump_json().encode()


def refusal(claims: Claims, *, host: str, now: float) -> TicketRefusal | None:
    """Whether these (already verified) claims are for this host and this moment."""
    if claims.host != host:
        return TicketRefusal.OTHER_HOST
    if now > claims.not_after:
        return TicketRefusal.TOO_LATE
    if now < claims.issued_at - CLOCK_SKEW:
        return TicketRefusal.NOT_YET
    return None
