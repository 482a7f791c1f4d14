"""The buttons of an approval's card, and the forms behind them: each says a line of ``docktalk``."""

import shlex
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.request import Request
from bot.slack import cards, replies
from bot.slack.blocks import Message
from bot.slack.client import call
from bot.slack.intake import Intake, Payload, request_from_form, request_from_said
from bot.store.approvals import Asked

log = structlog.get_logger(__name__)

SAID = {
    cards.APPROVE: "approve",
    cards.WITHDRAW: "withdraw",
    cards.AGAIN: "ask-again",
    cards.WHO_CAN: "who-can",
    cards.ASK_THEM: "ask-them",
}
"""The buttons that say a line, each with its word."""

FORMS = {cards.DENY: "deny", cards.BREAK_GLASS: "break-glass"}
"""The forms that ask for a reason, each with its word."""

Answered = Callable[[Request, dict[str, Any], AsyncRespond], Awaitable[None]]
Whisper = Callable[[Payload, Message], None]


class Approvals(Protocol):
    """What stands behind the buttons."""

    async def asked(self, token: str) -> Asked | None:
        """It; None when it is too long ago."""
        ...

    async def shown(self, token: str, team_id: str, user_id: str, channel_id: str) -> Asked | None:
        """The same as far as whoever clicked in that channel may see it; None for whom it is not."""
        ...


class ApprovalForms:
    """One method per button or form. ``answered`` hands over a click, ``whisper`` tells one person."""

    def __init__(
        self,
        client: AsyncWebClient,
        approvals: Approvals,
        intake: Intake,
        answered: Answered,
        whisper: Whisper,
    ) -> None:
        self._client = client
        self._approvals = approvals
        self._intake = intake
        self._answered = answered
        self._whisper = whisper

    async def said(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """The buttons that say a line."""
        await ack()
        action = body["actions"][0]
        line = f"{SAID[action['action_id']]} -- {shlex.quote(str(action.get('value') or ''))}"
        request = request_from_said(body, {**action, "value": line}, now=self._intake.now())
        await self._answered(request, body, respond)

    async def deny(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """Asks why not."""
        await self._open(ack, body, respond, cards.deny_form)

    async def break_glass(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """Asks its asker, and nobody else, why it cannot wait."""
        await self._open(ack, body, respond, cards.break_glass_form, own=True)

    async def details(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """Shows all that is known."""
        await self._open(ack, body, respond, cards.details)

    async def sent(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A form with a reason; the card shows what came of it, or its sender alone hears why not."""
        await ack()
        user, token = body["user"], str(body["view"]["private_metadata"])
        try:
            asked = await self._approvals.asked(token)
            if asked is None:
                return
            record = asked.draft.record
            values = body["view"]["state"]["values"]
            word = FORMS[body["view"]["callback_id"]]
            reason = str(values[cards.REASON][cards.REASON].get("value") or "").strip()
            request = request_from_form(
                body,
                channel_id=record.channel_id,
                thread_ts=record.thread_ts,
                program="docktalk",
                text=f"{word} --reason={shlex.quote(reason)} -- {shlex.quote(token)}",
                now=self._intake.now(),
            )
            answer = await self._intake.answer(request, request.program)
        except Exception:
            log.exception("form failed", user_id=user["id"])
            return
        if answer.message is not None and not answer.told:
            event = {"channel": record.channel_id, "user": user["id"], "thread_ts": record.thread_ts}
            self._whisper({"event": event, "event_id": request.delivery_id}, answer.message)

    async def _open(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        respond: AsyncRespond,
        view: Callable[[Asked], dict[str, Any]],
        *,
        own: bool = False,
    ) -> None:
        await ack()
        try:
            said = request_from_said(body, body["actions"][0], now=self._intake.now())
            asked = await self._approvals.shown(said.text, said.team_id, said.user_id, said.channel_id)
            others = asked is not None and own and asked.approval.asker_id != body["user"]["id"]
            if asked is None or others:
                no = replies.not_yours() if others else replies.gone()
                await respond(text=no.text, blocks=list(no.blocks), replace_original=False)
                return
            await call(self._client.views_open(trigger_id=body["trigger_id"], view=view(asked)))
        except Exception:
            log.exception("form not opened", user_id=body["user"]["id"])
