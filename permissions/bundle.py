"""The policy on its way to a worker: one text of it, and the word which one is in force.

The bot signs both. A worker fetches the text by the hash that its ticket names, and runs nothing by a
policy that is not the one in force.
"""

import hashlib

from permissions.model import Record
from permissions.policy import Policy
from permissions.ticket import CLOCK_SKEW, TicketRefusal

BUNDLE = b"docktalk policy\n"
IN_FORCE = b"docktalk policy in force\n"
"""What signatures begin with: none can stand under another kind of message."""

MARK_SECONDS = 120.0
"""How old the word of what is in force may be; the bot says it again much more often."""

ASKER_SECONDS = 900.0
"""How long before a job starts Slack may have been asked who its asker is."""


class Mark(Record):
    """Which policy is in force.

    ``serial`` grows with every policy that is put in force, ``at`` is when this was said, in epoch seconds.
    """

    sha256: str
    serial: int
    at: float


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
    older = seen is not None and mark.serial < seen.serial and mark.sha256 != seen.sha256
    timely = now - MARK_SECONDS <= mark.at <= now + CLOCK_SKEW
    return None if mark.sha256 == policy and timely and not older else TicketRefusal.POLICY_STALE
