"""Changes whose outcome nobody can be sure of: what is kept so that people can look again, or run them again.

It is kept beside the job's display, locked with the bot's own key: the line may hold what nobody should read.
"""

import shlex
from dataclasses import dataclass
from typing import NoReturn

import structlog
from pydantic import ValidationError

from bot.jobs.command_wire import Catalogue, from_wire
from bot.jobs.wire import Checked, Ended
from bot.store.corrections import Corrections
from bot.store.displays import KEPT_SECONDS, Displays, Doubt
from bot.store.records import RequestRecord
from bot.trust import TicketRefused, Trust
from handlers.grammar.render import argv
from permissions.ticket import Claims, Effect, Mode, SealedValue, Ticket

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Uncertain:
    """Every method raises StoreDown."""

    trust: Trust
    corrections: Corrections
    displays: Displays
    catalogue: Catalogue

    async def ended(self, record: RequestRecord, event: Ended) -> Doubt | None:
        """Keeps what a later look needs, once; None for an outcome that is sure, or a ticket not ours."""
        claims = self._claims(record, event.ticket) if event.ticket else None
        if claims is None:
            return None
        display, _ = await self.displays.read(record.job_id)
        if display.doubt is not None:
            return display.doubt
        doubt = Doubt(
            nonce=claims.nonce,
            since=claims.issued_at,
            command=claims.command.model_copy(update={"sealed": {}}),
            agreed=tuple(one for one in claims.approved.bound if one.of_set) if claims.approved else (),
            line_id=await self._line(record, claims),
            reason=event.result.reason,
            text=event.result.stderr.text,
            seen_at=event.result.ended_at,
        )
        await self.displays.change(record.job_id, doubt=doubt)
        return doubt

    async def checked(self, event: Checked) -> bool:
        """Keeps what a later look has seen; whether such a look was asked for at all."""
        return await self._change(
            event.job_id, reason=event.reason, text=event.text, seen_at=event.at, looking=False
        )

    async def run_again(self, job_id: str, new_job_id: str) -> None:
        """Its asker has it run again, as that job."""
        await self._change(job_id, again=new_job_id, line_id="")

    async def _change(self, job_id: str, **changes: object) -> bool:
        display, _ = await self.displays.read(job_id)
        if display.doubt is None:
            return False
        await self.displays.change(job_id, doubt=display.doubt.model_copy(update=changes))
        return True

    async def _line(self, record: RequestRecord, claims: Claims) -> str:
        """The id behind the button that runs the same line again; "" where it had values that are gone."""
        try:
            command = from_wire(claims.command, self.catalogue, _gone)
        except ValueError:
            return ""
        _, *words = argv(command)
        return await self.corrections.put(
            user_id=record.user_id,
            channel_id=record.channel_id,
            thread_ts=record.thread_ts,
            program="docker",
            text=shlex.join(["--host", record.host, *words]),
            of=record.job_id,
            seconds=KEPT_SECONDS,
        )

    def _claims(self, record: RequestRecord, text: str) -> Claims | None:
        try:
            claims = self.trust.verify(Ticket.model_validate_json(text))
        except (ValidationError, TicketRefused):
            claims = None
        if (
            claims is None
            or (claims.job_id, claims.host) != (record.job_id, record.host)
            or (claims.effect, claims.mode) != (Effect.CHANGE, Mode.RUN)
        ):
            log.warning("ticket of an end refused", job_id=record.job_id)
            return None
        return claims


def _gone(_: SealedValue) -> NoReturn:
    raise ValueError("only the host could open it, and the ticket is used up")
