"""The Bolt app: what it hears becomes a Request, what the pipeline says becomes the acknowledgement.

Listeners do nothing else, so that every acknowledgement is well inside Slack's three seconds.
"""

import logging
import re
import secrets
import time
from collections.abc import Collection
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.again import LATE
from bot.failpoints import failpoint
from bot.request import Request
from bot.slack import card_budget, cards, doubt, lending_cards, narrow, replies, running, shown
from bot.slack.approval_forms import FORMS, ApprovalForms, Approvals
from bot.slack.approval_forms import SAID as OF_CARDS
from bot.slack.blocks import Message
from bot.slack.client import Identity, call
from bot.slack.intake import (
    Answer,
    Intake,
    Payload,
    request_from_click,
    request_from_mention,
    request_from_said,
    request_from_slash,
)
from bot.slack.outbox import Outbox
from bot.slack.password import CALLBACK, line_from_form, view
from bot.store.corrections import Correction
from bot.store.outbox import Entry, Kind

log = structlog.get_logger(__name__)

SlackApp = AsyncApp
"""The type, for whoever puts the parts together without knowing Bolt."""

SAID = re.compile(
    rf"^(?:{replies.JOB_STOP}|{replies.FOLLOW}|{doubt.CHECK}|{running.PAUSE}|{running.ALL}|{shown.PAGE}\.[a-z]+"
    rf"|{lending_cards.REVOKE}|{card_budget.REVOKE})$"
)
"""The buttons whose value is a line."""

DOCKER = re.compile(r"/docker")
DOCKTALK = re.compile(r"/docktalk")


def build_app(
    *,
    client: AsyncWebClient,
    identity: Identity,
    intake: Intake,
    outbox: Outbox,
    own_words: Collection[str],
    approvals: Approvals,
    signing_secret: str = "",
    docker: re.Pattern[str] = DOCKER,
    docktalk: re.Pattern[str] = DOCKTALK,
) -> AsyncApp:
    """The app with its listeners. ``identity`` is what auth.test said at start; no request asks again.

    ``signing_secret`` is needed for HTTP: without one no signature is right. Socket Mode has none.
    ``docker`` and ``docktalk`` are the whole names of the slash commands.
    """
    authorized = AuthorizeResult(
        enterprise_id=identity.enterprise_id or None,
        team_id=identity.team_id,
        bot_id=identity.bot_id,
        bot_user_id=identity.bot_user_id,
        bot_token=client.token,
    )

    async def authorize(**_: Any) -> AuthorizeResult:
        return authorized

    # At DEBUG Bolt logs whole requests, and lines can hold secrets.
    logger = logging.getLogger("docktalk.bolt")
    logger.setLevel(max(logging.INFO, logging.getLogger().level))
    app = _App(
        # Without a token of its own: each request gets it from authorize.
        client=AsyncWebClient(
            base_url=client.base_url, session=client.session, logger=client.logger, retry_handlers=[]
        ),
        authorize=authorize,
        signing_secret=signing_secret or secrets.token_hex(32),
        process_before_response=True,
        request_verification_enabled=True,
        logger=logger,
    )
    listeners = Listeners(client, identity, intake, outbox, own_words)
    app.command(_whole(docker))(listeners.docker)
    app.command(_whole(docktalk))(listeners.docktalk)
    app.event("app_mention")(listeners.mention)
    app.event(re.compile(".*"))(listeners.other_event)
    app.action(replies.CORRECTION)(listeners.correction)
    app.action(replies.MEANT)(listeners.correction)
    app.action(doubt.AGAIN)(listeners.correction)
    app.action(replies.LEAVE)(listeners.leave)
    app.action(running.NARROW)(listeners.narrow)
    app.action(SAID)(listeners.said)
    forms = ApprovalForms(client, approvals, intake, listeners.answered, listeners.whisper)
    app.action(cards.DETAILS)(forms.details)
    app.action(cards.DENY)(forms.deny)
    app.action(cards.BREAK_GLASS)(forms.break_glass)
    app.view(re.compile(f"^(?:{'|'.join(FORMS)})$"))(forms.sent)
    app.action(re.compile(f"^(?:{'|'.join(OF_CARDS)})$"))(forms.said)
    app.view(CALLBACK)(listeners.password)
    app.view(narrow.CALLBACK)(listeners.narrowed)
    app.action(re.compile(".*"))(listeners.other_action)
    return app


class _App(AsyncApp):
    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Takes the time of what is acknowledged; what nobody signed is not."""
        begun = time.perf_counter()
        response = await super().async_dispatch(req)
        if response.status == 200:
            metrics.ACKNOWLEDGED.observe(time.perf_counter() - begun)
        return response


class Listeners:
    """One method per surface; each ends in :meth:`Intake.answer`."""

    def __init__(
        self,
        client: AsyncWebClient,
        identity: Identity,
        intake: Intake,
        outbox: Outbox,
        own_words: Collection[str],
    ) -> None:
        self._client = client
        self._identity = identity
        self._intake = intake
        self._outbox = outbox
        self._own_words = own_words

    async def docker(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """``/docker``."""
        await self._slash(ack, body, "docker")

    async def docktalk(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """``/docktalk``."""
        await self._slash(ack, body, "docktalk")

    async def _slash(self, ack: AsyncAck, body: Payload, program: str) -> None:
        try:
            request = request_from_slash(body, program=program, now=self._intake.now())
            answer = await self._intake.answer(request, str(body["command"]).removeprefix("/"))
            message = answer.message
            if answer.password is not None:
                # Its trigger lives for three seconds, so nothing may come between.
                await call(self._client.views_open(trigger_id=body["trigger_id"], view=view(answer.password)))
        except Exception:
            log.exception("slash command failed", user_id=body.get("user_id"))
            message = replies.broken()
        if message is None:
            await ack()
            failpoint("acknowledged")
        else:
            await ack(text=message.text, blocks=list(message.blocks), response_type="ephemeral")

    async def mention(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A mention of the bot; what only the asker may see comes by the outbox."""
        await ack()
        event = body["event"]
        if "user" not in event or event.get("bot_id"):
            return
        try:
            request = request_from_mention(
                body,
                bot_user_id=self._identity.bot_user_id,
                own_words=self._own_words,
                now=self._intake.now(),
            )
            answer = await self._intake.answer(request, request.program)
            message = answer.message
        except Exception:
            log.exception("mention failed", user_id=event.get("user"))
            message = replies.broken()
        if message is not None:
            self.whisper(body, message)

    async def correction(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """The button of a corrected line; what comes of it stands in place of the refusal."""
        await ack()
        action = body["actions"][0]
        user_id = body["user"]["id"]
        message: Message | None
        # A question stands in the channel for all to see: only its asker's yes takes its place.
        instead = bool(body.get("container", {}).get("is_ephemeral"))
        try:
            correction = await self._intake.correction(action, user_id)
            if correction is None:
                message = replies.gone()
            else:
                instead = action["action_id"] == replies.CORRECTION
                request = request_from_click(body, action, correction, now=self._intake.now())
                answer = await self._intake.answer(request, correction.program)
                message = answer.message or _begun(correction, answer, user_id)
                if correction.of and answer.job_id:
                    self._outbox.soon(self._intake.run_again(correction.of, answer.job_id))
        except Exception:
            log.exception("click failed", user_id=user_id)
            message = replies.broken()
        if message is not None:
            self._outbox.soon(_respond(respond, message, instead=instead))

    async def leave(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """The button that leaves an offered line alone: nobody can take it any more."""
        await ack()
        try:
            taken = await self._intake.correction(body["actions"][0], body["user"]["id"])
            message = replies.gone() if taken is None else replies.left()
        except Exception:
            log.exception("click failed", user_id=body["user"]["id"])
            message = replies.broken()
        self._outbox.soon(_respond(respond, message, instead=True))

    async def said(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """A button that says a line: its message shows what came of it, the clicker alone hears why not."""
        await ack()
        await self.answered(
            request_from_said(body, body["actions"][0], now=self._intake.now()), body, respond
        )

    async def answered(self, request: Request, body: dict[str, Any], respond: AsyncRespond) -> None:
        """Hands over what a click says."""
        try:
            answer = await self._intake.answer(request, request.program)
            message = answer.message
            if answer.told and not body.get("container", {}).get("is_ephemeral"):
                message = None
        except Exception:
            log.exception("click failed", user_id=body["user"]["id"])
            message = replies.broken()
        if message is not None:
            self._outbox.soon(_respond(respond, message, instead=False))

    async def narrow(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The button that asks which lines of a running job to show."""
        await ack()
        try:
            request = request_from_said(body, body["actions"][0], now=self._intake.now())
            view = narrow.view(await self._intake.keep(request), request.text)
            await call(self._client.views_open(trigger_id=body["trigger_id"], view=view))
        except Exception:
            log.exception("form not opened", user_id=body["user"]["id"])

    async def narrowed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The form with the pattern; a pattern that is none is told in the form."""
        user_id = body["user"]["id"]
        problem = narrow.problem(body)
        if problem:
            await ack(response_action="errors", errors={narrow.PATTERN: problem})
            return
        await ack()
        try:
            line = await self._intake.line(str(body["view"]["private_metadata"]), user_id)
            if line is None:
                log.warning("form without its line", user_id=user_id)
                return
            request = self._intake.form(body, line, narrow.line_from_form(body, line.text))
            answer = await self._intake.answer(request, line.program)
        except Exception:
            log.exception("form failed", user_id=user_id)
            return
        if answer.message is not None and not answer.told:
            event = {"channel": request.channel_id, "user": user_id, "thread_ts": request.thread_ts}
            self.whisper({"event": event, "event_id": request.delivery_id}, answer.message)

    async def password(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The form of a login; the thread, or the asker alone, hears what comes of it."""
        await ack()
        user_id = body["user"]["id"]
        try:
            line = await self._intake.line(str(body["view"]["private_metadata"]), user_id)
            if line is None:
                log.warning("password form without its line", user_id=user_id)
                return
            request = self._intake.form(body, line, line_from_form(body, line.text))
            answer = await self._intake.answer(request, line.program)
        except Exception:
            log.exception("login failed", user_id=user_id)
            return
        if answer.message is not None:
            event = {"channel": request.channel_id, "user": user_id}
            self.whisper({"event": event, "event_id": request.delivery_id}, answer.message)

    async def other_event(self, ack: AsyncAck) -> None:
        """Events that are nothing to us are acknowledged, or Slack would send them again."""
        await ack()

    async def other_action(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A button that no code of ours made."""
        await ack()
        actions = [str(action.get("action_id")) for action in body.get("actions", [])]
        log.warning("unknown button ignored", actions=actions, user_id=body.get("user", {}).get("id"))

    def whisper(self, body: Payload, message: Message) -> None:
        """Shows one person a message where they are, by the outbox."""
        event = body["event"]
        entry = Entry(
            key=f"whisper:{body['event_id']}",
            kind=Kind.WHISPER,
            channel_id=event["channel"],
            user_id=event["user"],
            # In a thread that does not exist yet an ephemeral message would not be seen.
            thread_ts=str(event.get("thread_ts") or ""),
            message=message,
        )
        self._outbox.soon(self._outbox.put(entry))


def _begun(correction: Correction, answer: Answer, user_id: str) -> Message | None:
    """What a click says once its line is a job; None where the message that was clicked shows it itself."""
    if correction.of:
        return None
    if correction.program == LATE:
        return replies.wanted(answer.job_id, user_id)
    return replies.started(answer.job_id, user_id, confirmed=correction.confirmed, waits=answer.waits)


async def _respond(respond: AsyncRespond, message: Message, *, instead: bool) -> None:
    # The URL that a click brings is good for five answers and is kept nowhere.
    try:
        await respond(
            text=message.text,
            blocks=list(message.blocks),
            replace_original=instead,
            response_type=None if instead else "ephemeral",
        )
    except Exception:
        log.warning("click not answered", exc_info=True)


def _whole(name: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"^(?:{name.pattern})$", name.flags)
