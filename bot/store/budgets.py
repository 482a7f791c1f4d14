"""Budgets: one approval that is good for several runs of the very same line, for the same incident."""

import hashlib
import hmac

from bot.store.approvals import Asked
from bot.store.in_force import Standing
from permissions.approval import Bound, Terms
from permissions.ticket import Approved


class Budget(Standing):
    """What people agreed to may run ``most`` times until ``until``, the first included; ``used`` so often.

    ``id`` follows from ``job_id``, the approval's (``B-42`` from ``J-42``), so that no approval gives two.
    ``digest`` is that of the command with its sealed values, ``asked`` the terms that were asked for it then,
    ``terms`` those that were met, for ``bound``, by the users ``by``. ``incident_id`` tells the incident from
    a later one of the same name. ``secret`` makes the numbers of the tickets; ``deliveries`` are those of the
    second use and the later ones, in order. ``over`` says why it ended, "" while it is good: it stays until
    its time, so that nothing begins it a second time. Times are epoch seconds.
    """

    job_id: str
    team_id: str
    user_id: str
    user_name: str
    host: str
    shown: str
    digest: str
    asked: Terms
    terms: Terms
    bound: tuple[Bound, ...]
    by: tuple[str, ...]
    most: int
    used: int = 1
    until: float
    incident: str
    incident_id: str
    channel_id: str
    thread_ts: str = ""
    secret: str
    deliveries: tuple[str, ...] = ()
    over: str = ""

    def good(self, now: float) -> bool:
        """Whether it can be used at that moment (epoch seconds), if its incident is open."""
        return not self.over and now < self.until

    def nonce(self, number: int) -> str:
        """The one-time number of the ticket of a use: one use has one, however it is counted."""
        key = bytes.fromhex(self.secret)
        return hmac.new(key, f"docktalk budget use {number}\n".encode(), hashlib.sha256).hexdigest()[:32]

    def approved(self, policy: str) -> Approved:
        """What the ticket of a use carries: it has to be enough by ``policy``, the one in force."""
        return Approved(policy=policy, terms=self.terms, bound=self.bound, by=self.by)

    @property
    def spoken(self) -> str:
        """How far it is used."""
        return f"{self.used} of {self.most} used"


def budget_id(job_id: str) -> str:
    """The id of the budget that an approval gives."""
    return f"B-{job_id.removeprefix('J-')}"


def budget_secret(asked: Asked) -> str:
    """A key that only a bot can make: the same whenever the same approval is looked at, hexadecimal."""
    return hmac.new(bytes.fromhex(asked.probe_key), b"docktalk budget\n", hashlib.sha256).hexdigest()
