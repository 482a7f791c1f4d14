"""Approvals in the store: locked with the bot's own key, changed only from the revision that was read."""

import hashlib
import json
import math
import secrets
from pathlib import Path
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from bot.jobs.lanes import digest_of
from bot.jobs.names import DELIVERY_SECONDS, Names
from bot.jobs.queue import NO_AUDIT, StoreDown
from bot.jobs.wire import Probed
from bot.store.grants import GrantDraft
from bot.store.intake import INTAKE_ENTRIES, IntakeEntry, NotRecorded
from bot.store.locked import Locked, Locks
from bot.store.records import Draft
from bot.written import as_kept
from handlers.faults import Fault, Reason
from permissions.approval import MAX_REASON, Approval, State, next_due
from permissions.decision import NeedsApproval
from permissions.model import Record
from permissions.operation import Operation, Principal

log = structlog.get_logger(__name__)

KEPT_SECONDS = 7 * 86_400
"""How long an approval can be looked at after its last change."""

LOOK_WITHIN = 30.0
"""Seconds after which a worker that has not looked at the targets is waited for no more."""


_SAME = 4
"""What approval.lua answers when the same is asked for already."""


class Asked(Record):
    """What waits for people: what it is about, who asked, what was found, and how the asking stands.

    ``draft`` is a job that would run, or a role that would be lent. ``token`` is the opaque value of its
    buttons, another one once its targets were looked at, for they are about what their card shows.
    ``probe_key`` is what the worker's look has to be signed with. ``rule`` asks for the approval;
    ``policy`` is the SHA-256 of its policy. ``told`` are the users who have a copy of the card of their own.
    ``glass``: its asker could run it at once, by an entry of the policy. ``same`` is equal where one person
    asks in one channel for the same once more.
    """

    token: str
    probe_key: str
    approval: Approval
    draft: Draft | GrantDraft
    principal: Principal
    policy: str
    rule: str
    probed: Probed | None = None
    told: tuple[str, ...] = ()
    glass: bool = False
    same: str = ""

    @property
    def operation(self) -> Operation:
        """What was decided on; asking for a role is one as well."""
        if self.draft.record.operation is None:
            raise ValueError("a draft has an operation")
        return self.draft.record.operation

    @property
    def places(self) -> tuple[Operation, ...]:
        """The same on every host that it is about; who agrees by a role has to hold it on all of them."""
        return self.draft.places if isinstance(self.draft, GrantDraft) else (self.operation,)

    @property
    def job_id(self) -> str:
        """The id of the approval, and of the job that comes of it where it is about one."""
        return self.approval.job_id

    def after(self, approval: Approval, probed: Probed | None = None) -> "Asked":
        """The same in its next state; a look gives it other buttons, for these are about what they show."""
        looked = {"probed": probed, "token": new_token()} if probed else {}
        return self.model_copy(update={"approval": approval, **looked})

    def lent_until(self, ended_at: float, ended_by: str) -> "Asked":
        """What its card shows once the role that it lent is over, at ``ended_at`` (epoch seconds)."""
        over = {"ended_at": ended_at, "ended_by": ended_by}
        later = self.approval.model_copy(update={"revision": self.approval.revision + 1})
        return self.model_copy(update={"draft": self.draft.model_copy(update=over), "approval": later})


def newly_asked(
    draft: Draft | GrantDraft,
    principal: Principal,
    needs: NeedsApproval,
    reason: str,
    policy: str,
    now: float,
) -> Asked:
    """A new one, on the terms of the decision; what has no targets can be decided at once."""
    incident = draft.record.operation.incident if draft.record.operation else ""
    kept = (as_kept(reason) or incident)[:MAX_REASON]
    return Asked(
        token=new_token(),
        probe_key=new_key(),
        approval=Approval(
            job_id=draft.record.job_id,
            asker_id=principal.user_id,
            reason=kept,
            incident=incident,
            terms=needs.terms,
            asked_at=now,
            bound=() if isinstance(draft, GrantDraft) else None,
        ),
        draft=draft,
        principal=principal,
        policy=policy,
        rule=needs.rule,
        same=_sameness(draft, principal, needs, kept),
    )


def _sameness(draft: Draft | GrantDraft, principal: Principal, needs: NeedsApproval, reason: str) -> str:
    """Not by its thread: who mentions the bot twice in a channel begins two of them."""
    record = draft.record
    if isinstance(draft, Draft):
        what = [digest_of(draft.command), draft.times, draft.within]
    else:
        what = [draft.role, draft.seconds, *draft.hosts]
    incident = record.operation.incident if record.operation else ""
    where = [principal.team_id, principal.user_id, record.channel_id, record.host, incident]
    text = json.dumps([*where, reason, needs.model_dump(mode="json"), *what], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def card_key(job_id: str) -> str:
    """The key of the message that is the approval's card."""
    return f"{job_id}/0.card"


def new_key() -> str:
    """A key for a worker's look, hexadecimal."""
    return secrets.token_hex(32)


def new_token() -> str:
    """What nobody guesses."""
    return secrets.token_urlsafe(16)


class AsksAlready(Fault):
    """What the same person asks for with ``job_id``, and nobody has decided yet; nothing was kept."""

    reason = Reason.ALREADY_ASKED

    def __init__(self, job_id: str) -> None:
        super().__init__(f"You ask for the same already, as {job_id}, and nobody has decided yet.")
        self.job_id = job_id


class CameBefore(Exception):  # noqa: N818 - reads as a sentence
    """This very click or line was counted once."""


class Approvals:
    """The store of them; every method raises StoreDown.

    Keys: ``approval:<job id>`` a hash of ``revision`` and ``blob``; ``approval-token:<hash>`` the job id;
    ``approval-same:<hash>`` the job id of what is asked for now;
    ``approvals-due`` a sorted set of job ids by when their clock has something to do.
    """

    def __init__(self, client: redis.asyncio.Redis, namespace: str, locks: Locks) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._locked = Locked(locks, Asked, "approval")
        self._keep, self._settle = [
            client.register_script(Path(__file__).with_name(f"{name}.lua").read_text("utf-8"))
            for name in ("approval", "approval_settled")
        ]

    async def open(self, asked: Asked, audit: IntakeEntry, finish: float) -> tuple[str, bool]:
        """Keeps a new one, once for a delivery; its job's id, and whether the delivery was a job already.

        It is due at ``finish`` (epoch seconds), whatever its clock says, until it is :meth:`settled`.
        Raises NotRecorded when the audit takes no more, AsksAlready; then nothing is kept.
        """
        delivery = asked.draft.record.delivery_id
        job_id, code = await self._kept(asked, "", audit, finish, delivery)
        if code == _SAME:
            other = await self.of_job(job_id)
            if other is not None and other.same == asked.same and other.approval.state is State.OPEN:
                raise AsksAlready(job_id)
            # Whoever writes to the store can say that something is asked for; nobody waits for that.
            job_id, _ = await self._kept(asked, "", audit, finish, delivery, second=True)
        return job_id, job_id != asked.job_id

    async def change(self, asked: Asked, audit: IntakeEntry, finish: float, delivery_id: str = "") -> bool:
        """Keeps the next revision; False when somebody else was first, and the newest is to be read again.

        ``finish`` as for :meth:`open`. What comes of a delivery is kept once for it, else CameBefore is
        raised. Raises NotRecorded when the audit takes no more. Then nothing has changed.
        """
        revision = str(asked.approval.revision - 1)
        job_id, code = await self._kept(asked, revision, audit, finish, delivery_id)
        if job_id and code:
            raise CameBefore
        return code == 0

    async def _kept(
        self,
        asked: Asked,
        revision: str,
        audit: IntakeEntry,
        finish: float,
        delivery_id: str,
        *,
        second: bool = False,
    ) -> tuple[str, int]:
        approval = asked.approval
        # What is approved is nobody's until its job is in the queue.
        due = approval.ended_at if approval.state is State.APPROVED else finish
        keys = [self._key(asked.job_id), self._clock, self._names.audit, self._token_key(asked.token)]
        keys += [f"{self._names.prefix}approval-same:{asked.same}"]
        keys += [self._names.delivery(delivery_id)] if delivery_id else []
        args: list[str | int] = [
            asked.job_id,
            revision,
            self._locked.lock(asked),
            KEPT_SECONDS,
            f"{due:.3f}",
            audit.text,
            audit.mac,
            INTAKE_ENTRIES,
            DELIVERY_SECONDS,
            int(approval.state is State.OPEN),
            int(second),
        ]
        try:
            reply: Any = await self._keep(keys, args)
        except RedisError as error:
            raise StoreDown(unsure=True) from error
        if reply[1] == NO_AUDIT:
            raise NotRecorded
        return reply[0].decode(), int(reply[1])

    async def of_job(self, job_id: str) -> Asked | None:
        """The one of this job; None where there is none or it was altered."""
        try:
            blob: Any = await self._redis.hget(self._key(job_id), "blob")
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return self._asked(job_id, blob)

    async def of_token(self, token: str) -> Asked | None:
        """The one behind a button."""
        try:
            job_id: Any = await self._redis.get(self._token_key(token))
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        asked = await self.of_job(job_id.decode("utf-8", "replace")) if job_id else None
        return asked if asked and secrets.compare_digest(asked.token.encode(), token.encode()) else None

    async def open_now(self) -> list[Asked]:
        """Those that nobody has decided yet, the first hundred by when their clock has something to do."""
        found = [await self.of_job(job_id) for job_id in await self.due(math.inf)]
        return [asked for asked in found if asked and asked.approval.state is State.OPEN]

    async def due(self, now: float) -> list[str]:
        """The jobs whose clock has something to do by now (epoch seconds)."""
        try:
            found: Any = await self._redis.zrangebyscore(self._clock, "-inf", now, start=0, num=100)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return [job_id.decode("utf-8", "replace") for job_id in found]

    async def settled(self, asked: Asked) -> None:
        """All is done that this revision asks for: from now on it is due when its clock says so, or never.

        Nothing happens when somebody has changed it meanwhile.
        """
        due = _due(asked.approval)
        args: list[str | int] = [
            asked.job_id,
            asked.approval.revision,
            "" if due is None else f"{due:.3f}",
        ]
        try:
            await self._settle([self._key(asked.job_id), self._clock], args)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def forget(self, job_id: str) -> None:
        """Nothing can be done for this job: there is no such approval, or it was altered."""
        try:
            await self._redis.zrem(self._clock, job_id)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    @property
    def _clock(self) -> str:
        return f"{self._names.prefix}approvals-due"

    def _key(self, job_id: str) -> str:
        return f"{self._names.prefix}approval:{job_id}"

    def _token_key(self, token: str) -> str:
        # Who reads the store must not find there what a click has to bring.
        return f"{self._names.prefix}approval-token:{hashlib.sha256(token.encode()).hexdigest()}"

    def _asked(self, job_id: str, blob: bytes | None) -> Asked | None:
        if blob is None:
            return None
        asked = self._locked.unlock(blob)
        if asked is None or asked.job_id != job_id:
            log.warning("approval refused", job_id=job_id)
            return None
        return asked


def _due(approval: Approval) -> float | None:
    """When its clock has something to do (epoch seconds)."""
    if approval.state is State.OPEN and approval.bound is None:
        return approval.asked_at + LOOK_WITHIN
    return next_due(approval)
