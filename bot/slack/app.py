"""The Bolt app: what it hears becomes a Request, what the pipeline says becomes the acknowledgement.

Listeners do nothing else, so that every acknowledgement is well inside Slack's three seconds.
"""

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.failpoints import failpoint
from bot.slack import narrow, replies, running, shown
from bot.slack.blocks import Message
from bot.slack.client import Identity, call
from bot.slack.intake import (
    Intake,
    Payload,
    request_from_click,
    request_from_mention,
    request_from_said,
    request_from_slash,
)
from bot.slack.outbox import Outbox
from bot.slack.password import CALLBACK, request_from_form, view
from bot.store.outbox import Entry, Kind

log = structlog.get_logger(__name__)

SAID = re.compile(rf"^(?:{replies.JOB_STOP}|{running.PAUSE}|{running.ALL}|{shown.PAGE}\.[a-z]+)$")
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
    app = AsyncApp(
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
    app.middleware(_timed)
    listeners = Listeners(client, identity, intake, outbox, own_words)
    app.command(_whole(docker))(listeners.docker)
    app.command(_whole(docktalk))(listeners.docktalk)
    app.event("app_mention")(listeners.mention)
    app.event(re.compile(".*"))(listeners.other_event)
    app.action(replies.CORRECTION)(listeners.correction)
    app.action(replies.MEANT)(listeners.correction)
    app.action(running.NARROW)(listeners.narrow)
    app.action(SAID)(listeners.said)
    app.view(CALLBACK)(listeners.password)
    app.view(narrow.CALLBACK)(listeners.narrowed)
    app.action(re.compile(".*"))(listeners.other_action)
    return app


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
            self._whisper(body, message)

    async def correction(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """The button of a corrected line; what comes of it stands in place of the refusal."""
        await ack()
        action = body["actions"][0]
        user_id = body["user"]["id"]
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
                message = answer.message or replies.started(
                    answer.job_id, user_id, confirmed=correction.confirmed
                )
        except Exception:
            log.exception("click failed", user_id=user_id)
            message = replies.broken()
        self._outbox.soon(_respond(respond, message, instead=instead))

    async def said(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """A button that says a line: its message shows what came of it, the clicker alone hears why not."""
        await ack()
        try:
            request = request_from_said(body, body["actions"][0], now=self._intake.now())
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
            request = narrow.request_from_form(body, line, now=self._intake.now())
            answer = await self._intake.answer(request, line.program)
        except Exception:
            log.exception("form failed", user_id=user_id)
            return
        if answer.message is not None and not answer.told:
            event = {"channel": request.channel_id, "user": user_id, "thread_ts": request.thread_ts}
            self._whisper({"event": event, "event_id": request.delivery_id}, answer.message)

    async def password(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The form of a login; the thread, or the asker alone, hears what comes of it."""
        await ack()
        user_id = body["user"]["id"]
        try:
            correction = await self._intake.line(str(body["view"]["private_metadata"]), user_id)
            if correction is None:
                log.warning("password form without its line", user_id=user_id)
                return
            request = request_from_form(body, correction, now=self._intake.now())
            answer = await self._intake.answer(request, correction.program)
        except Exception:
            log.exception("login failed", user_id=user_id)
            return
        if answer.message is not None:
            event = {"channel": request.channel_id, "user": user_id}
            self._whisper({"event": event, "event_id": request.delivery_id}, answer.message)

    async def other_event(self, ack: AsyncAck) -> None:
        """Events that are nothing to us are acknowledged, or Slack would send them again."""
        await ack()

    async def other_action(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A button that no code of ours made."""
        await ack()
        actions = [str(action.get("action_id")) for action in body.get("actions", [])]
        log.warning("unknown button ignored", actions=actions, user_id=body.get("user", {}).get("id"))

    def _whisper(self, body: Payload, message: Message) -> None:
        event = body["event"]
        now = self._intake.now()
        entry = Entry(
            key=f"whisper:{body['event_id']}",
            kind=Kind.WHISPER,
            channel_id=event["channel"],
            user_id=event["user"],
            # In a thread that does not exist yet an ephemeral message would not be seen.
            thread_ts=str(event.get("thread_ts") or ""),
            message=message,
            made_at=now,
        )
        self._outbox.soon(self._outbox.put(entry))


async def _timed(next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 - Bolt goes by the name
    """Whatever is heard is acknowledged when its listener returns."""
    begun = time.perf_counter()
    try:
        await next()
    finally:
        metrics.ACKNOWLEDGED.observe(time.perf_counter() - begun)


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
