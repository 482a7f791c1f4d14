"""The policy on its way to a worker: one text of it, and the word which one is in force, with the locks.

The bot signs both. A worker fetches the text by the hash that its ticket names, and runs nothing by a
policy that is not the one in force, nor by locks that are not the newest.
"""

import hashlib

from permissions.holds import Lock
from permissions.model import Record
from permissions.policy import Policy
from permissions.ticket import CLOCK_SKEW, TicketRefusal

BUNDLE = b"docktalk policy\n"
IN_FORCE = b"docktalk policy in force\n"
"""What signatures begin with: none can stand under another kind of message."""

MOST_LOCKS = 100
"""A mark is read for every job: it stays short."""

MARK_SECONDS = 120.0
"""How old the word of what is in force may be; the bot says it again much more often."""

ASKER_SECONDS = 900.0
"""How long before a job starts Slack may have been asked who its asker is."""


class Mark(Record):
    """Which policy is in force, and which locks.

    ``serial`` grows with every policy that is put in force, ``turn`` with every change of a lock: it
    is the time of that in milliseconds, or more. ``at`` is when this was said, in epoch seconds.
    """

    sha256: str
    serial: int
    at: float
    locks: tuple[Lock, ...] = ()
    turn: int = 0


class Signed(Record):
    """A text and the bot's signature over it, base64, with the id of the key."""

    text: str
    signature: str
    key_id: str


def bundle(policy: Policy) -> str:
    """All that decides, in its one text: JSON in the order of the declaration."""
    return policy.model_dump_json(by_alias=True)


def unbundled(text: str) -> Policy:
    """The policy of a bundle; raises pydantic's ValidationError."""
    return Policy.model_validate_json(text)


def digest(text: str) -> str:
    """The SHA-256 of a bundle, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def unfit(mark: Mark, *, policy: str, seen: Mark | None, now: float) -> TicketRefusal | None:
    """Why nothing may run by the policy of this hash, given the newest mark that was ever ``seen``."""
    older = seen is not None and _older(mark, seen)
    timely = now - MARK_SECONDS <= mark.at <= now + CLOCK_SKEW
    return None if mark.sha256 == policy and timely and not older else TicketRefusal.POLICY_STALE


def newest(mark: Mark, seen: Mark | None) -> Mark:
    """What is to be remembered once a mark that is not :func:`unfit` was seen."""
    return mark if seen is None else mark.model_copy(update={"serial": max(mark.serial, seen.serial)})


def _older(mark: Mark, seen: Mark) -> bool:
    """Two bots may have read the same policy at different moments: that makes neither of them older."""
    return mark.turn < seen.turn or (mark.serial < seen.serial and mark.sha256 != seen.sha256)
