"""The one connection to Slack's Web API, and what an answer means for who called."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import metrics

CALL_SECONDS = 10.0
"""The longest a call may take; shorter than a channel's lease."""

_BUSY = frozenset({"ratelimited", "rate_limited"})
_SHAKEN = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_UNSHOWABLE = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "only_one_table_allowed",
    }
)
_UNWRITABLE = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "user_not_in_channel",
    }
)
_UNEDITABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_LOCKED_OUT = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)


SlackClient = AsyncWebClient
"""The type, for whoever puts the parts together without knowing Slack's library."""


class Clock(Protocol):
    """Epoch seconds, and waiting in the same time."""

    def now(self) -> float:
        """Epoch seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns ``seconds`` later."""
        ...


class MachineClock:
    """The machine's own time."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Returns ``seconds`` later."""
        await asyncio.sleep(seconds)


class Trouble(Enum):
    """What a failed call means for the caller."""

    BUSY = "too many calls: wait as long as told"
    SHAKEN = "Slack broke or did not answer: it may have been done"
    UNREACHED = "Slack was not reached: it was not done"
    UNSHOWABLE = "Slack refuses the content"
    UNWRITABLE = "Slack refuses the place"
    UNEDITABLE = "the message cannot be edited any more"
    LOCKED_OUT = "Slack refuses our token"
    REFUSED = "Slack refuses for another reason"


class SlackTrouble(Exception):  # noqa: N818 - reads as a sentence
    """A call that failed. ``error`` is Slack's own word, ``retry_after`` is in seconds."""

    def __init__(self, trouble: Trouble, error: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{trouble.value} ({error})")
        self.trouble = trouble
        self.error = error
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the token says we are."""

    team_id: str
    enterprise_id: str
    bot_id: str
    bot_user_id: str


def new_client(token: str, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """A client over the caller's session, which makes the calls of one process share connections.

    It never retries: the outbox does, and it knows what may be done twice.
    """
    # At DEBUG the SDK logs whole messages and the addresses of uploads.
    logger = logging.getLogger("docktalk.slack")
    logger.setLevel(max(logging.INFO, logging.getLogger().level))
    return AsyncWebClient(
        token=token,
        base_url=api_url,
        session=session,
        retry_handlers=[],
        logger=logger,
        timeout=int(CALL_SECONDS),
    )


async def identify(client: AsyncWebClient) -> Identity:
    """Asks Slack whose token it is; raises SlackTrouble."""
    answer = await call(client.auth_test())
    return Identity(
        team_id=str(answer["team_id"]),
        enterprise_id=str(answer.get("enterprise_id") or ""),
        bot_id=str(answer.get("bot_id") or ""),
        bot_user_id=str(answer["user_id"]),
    )


async def call(request: Awaitable[AsyncSlackResponse], seconds: float = CALL_SECONDS) -> Mapping[str, Any]:
    """Slack's answer; raises SlackTrouble and nothing else."""
    metrics.SLACK_CALLS.inc()
    try:
        return await _called(request, seconds)
    except SlackTrouble as trouble:
        metrics.SLACK_TROUBLE.labels(trouble.trouble.name.lower()).inc()
        raise


async def _called(request: Awaitable[AsyncSlackResponse], seconds: float) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            response = await request
    except SlackApiError as error:
        raise _trouble(error.response) from error
    except TimeoutError as error:
        raise SlackTrouble(Trouble.SHAKEN, "timeout") from error
    except aiohttp.ClientConnectorError as error:
        raise SlackTrouble(Trouble.UNREACHED, "no connection") from error
    except (aiohttp.ClientError, SlackRequestError, OSError) as error:
        raise SlackTrouble(Trouble.SHAKEN, type(error).__name__) from error
    if isinstance(response.data, bytes):
        raise SlackTrouble(Trouble.SHAKEN, "unreadable answer")
    return response.data


def _trouble(response: Any) -> SlackTrouble:
    # The SDK hands over its own response, or aiohttp's when the body was no JSON.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    error = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or error in _BUSY:
        return SlackTrouble(Trouble.BUSY, error or "ratelimited", _retry_after(response))
    for words, trouble in (
        (_SHAKEN, Trouble.SHAKEN),
        (_UNSHOWABLE, Trouble.UNSHOWABLE),
        (_UNWRITABLE, Trouble.UNWRITABLE),
        (_UNEDITABLE, Trouble.UNEDITABLE),
        (_LOCKED_OUT, Trouble.LOCKED_OUT),
    ):
        if error in words:
            return SlackTrouble(trouble, error)
    if status >= 500 or not error:
        return SlackTrouble(Trouble.SHAKEN, error or f"status {status}")
    return SlackTrouble(Trouble.REFUSED, error)


def _retry_after(response: Any) -> float:
    headers = getattr(response, "headers", {})
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "1")
    try:
        return max(1.0, float(value))
    except ValueError:
        return 1.0
