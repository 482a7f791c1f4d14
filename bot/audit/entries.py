"""What happened, as the audit keeps it: without secrets, without outputs, whoever wrote the event."""

import hashlib
import math
from dataclasses import dataclass

from bot.jobs import wire
from bot.reply import Help, PasswordNeeded, Refusal
from bot.request import Request
from bot.store.approvals import Asked
from bot.store.records import Draft, RequestRecord
from handlers.grammar.secrecy import replace, secret_regions
from permissions import audit
from permissions.operation import Operation, Principal, Standing
from permissions.ticket import Claims, Ticket

_WORDS = 200
"""The most characters of a worker's word; a worker is not believed to be brief."""


def place(request: Request | RequestRecord) -> audit.Place:
    """Where it was asked."""
    return audit.Place(
        origin=request.origin,
        delivery_id=request.delivery_id,
        channel_id=request.channel_id,
        thread_ts=request.thread_ts,
    )


def nobody(request: Request) -> Principal:
    """The asker, while nobody has said who that is."""
    return Principal(
        team_id=request.team_id,
        user_id=request.user_id,
        name=request.user_name,
        standing=Standing.UNKNOWN,
        as_of=request.received_at,
    )


def accepted(record: RequestRecord, claims: Claims, ticket: Ticket) -> audit.Accepted:
    """A line that is about to become a job."""
    return audit.Accepted.model_construct(
        job_id=record.job_id,
        who=claims.principal,
        place=place(record),
        line=record.shown[: audit.MAX_LINE],
        operation=shown_operation(claims.operation),
        effect=claims.effect,
        mode=claims.mode,
        rule=claims.rule,
        policy=claims.policy,
        ticket=ticket_note(claims, ticket),
        sealed={field: value.digest for field, value in claims.command.sealed.items()},
        unmasked=claims.unmasked,
        notes=record.notes,
        approved_by=claims.approved.by if claims.approved else (),
    )


def approval_asked(asked: Asked) -> audit.ApprovalAsked:
    """A line that waits for people."""
    record, draft = asked.draft.record, asked.draft
    sealed = draft.command.sealed if isinstance(draft, Draft) else {}
    return audit.ApprovalAsked(
        job_id=asked.job_id,
        who=asked.principal,
        place=place(record),
        line=record.shown[: audit.MAX_LINE],
        operation=shown_operation(asked.operation),
        rule=asked.rule,
        policy=asked.policy,
        terms=asked.approval.terms,
        reason=asked.approval.reason,
        sealed={field: value.digest for field, value in sealed.items()},
        times=draft.times if isinstance(draft, Draft) else 1,
        within=draft.within if isinstance(draft, Draft) and draft.times > 1 else 0.0,
    )


def approval_changed(asked: Asked, by: Principal | None, told: tuple[str, ...] = ()) -> audit.ApprovalChanged:
    """A vote, or how the asking ended; ``by`` is None for the clock and for a worker's look.

    ``told`` are the users who have a copy of the card by this: where somebody had it sent there is no vote.
    """
    approval = asked.approval
    votes = () if told else approval.votes
    vote = next((one for one in votes if by and one.user_id == by.user_id), None)
    return audit.ApprovalChanged(
        job_id=asked.job_id,
        revision=approval.revision,
        state=approval.state,
        who=by,
        approves=vote.approves if vote else None,
        reason=vote.reason if vote else approval.why[: audit.MAX_LINE],
        bound=approval.bound or (),
        told=told,
    )


def decided_again(claims: Claims, ticket: Ticket) -> audit.DecidedAgain:
    """A job that waited too long, and is queued once more."""
    return audit.DecidedAgain(
        job_id=claims.job_id,
        operation=shown_operation(claims.operation),
        rule=claims.rule,
        policy=claims.policy,
        ticket=ticket_note(claims, ticket),
    )


def ordered(claims: Claims, ticket: Ticket) -> audit.Ordered:
    """What the bot orders by itself for an earlier job."""
    return audit.Ordered(
        job_id=claims.job_id,
        command=claims.command.path,
        for_job=claims.probes or str(claims.command.fields.get("job_id", "")),
        host=claims.host,
        ticket=ticket_note(claims, ticket),
    )


def ticket_note(claims: Claims, ticket: Ticket) -> audit.TicketNote:
    """The ticket without what it orders."""
    return audit.TicketNote.model_construct(
        nonce=claims.nonce,
        claims=hashlib.sha256(ticket.claims.encode()).hexdigest(),
        key_id=ticket.key_id,
        not_after=claims.not_after,
        deadline=claims.deadline,
    )


def shown_operation(operation: Operation) -> Operation:
    """The operation without values that look secret, whatever option they were given to."""
    if not operation.values:
        return operation
    values = {
        flag: tuple(replace(text, secret_regions(text)) for text in texts)
        for flag, texts in operation.values.items()
    }
    return operation.model_copy(update={"values": values})


def event(said: wire.Event) -> audit.Event | None:
    """What a worker says, or whoever else can write to the store: in bounds, and nothing of outputs.

    None for what no record is made of.
    """
    match said:
        case wire.Began():
            return audit.Started(job_id=said.job_id, worker=said.worker[:_WORDS], began_at=_time(said.at))
        case wire.Progressed() | wire.Waits() | wire.Checked() | wire.Probed():
            return None
        case wire.Late() | wire.Held() | wire.Expired():
            return audit.NotRun(job_id=said.job_id, worker=said.worker[:_WORDS], refusal=said.kind)
        case wire.Refused():
            return audit.NotRun(
                job_id=said.job_id, worker=said.worker[:_WORDS], refusal=said.refusal[:_WORDS]
            )
        case wire.Uploaded():
            return audit.Uploaded(
                job_id=said.job_id,
                worker=said.worker[:_WORDS],
                upload_id=said.upload_id[:_WORDS],
                ok=said.ok,
            )
        case wire.Ended(result=result):
            return audit.Ended(
                job_id=said.job_id,
                worker=said.worker[:_WORDS],
                exit_code=_count(result.exit_code),
                reason=result.reason[:_WORDS],
                began_at=_time(result.began_at),
                ended_at=_time(result.ended_at),
                stdout_bytes=_count(result.stdout.total_bytes),
                stderr_bytes=_count(result.stderr.total_bytes),
            )


def _time(seconds: float) -> float:
    return seconds if math.isfinite(seconds) else 0.0


def _count(number: int) -> int:
    return max(-(2**53), min(number, 2**53))


@dataclass
class Known:
    """What is known of a request so far; the audit keeps it, whatever comes of the request.

    ``line`` is masked, and "" until the line is understood. ``rule`` allowed the operation.
    """

    who: Principal
    policy: str
    line: str = ""
    operation: Operation | None = None
    rule: str = ""

    def outcome(self, request: Request, reply: Help | PasswordNeeded | Refusal, line: str) -> audit.What:
        """The record of a reply that is no job; ``line`` is the masked one, for want of a better."""
        operation = shown_operation(self.operation) if self.operation else None
        text = (self.line or line)[: audit.MAX_LINE]
        if isinstance(reply, Refusal):
            return audit.Refused(
                who=self.who,
                place=place(request),
                program=request.program,
                line=text,
                operation=operation,
                reason=reply.reason,
                rule=reply.rule,
                policy=self.policy,
                exit_code=reply.exit_code,
            )
        return audit.Answered(
            who=self.who,
            place=place(request),
            program=request.program,
            line=text,
            operation=operation,
            rule=self.rule,
            policy=self.policy,
        )
