"""Policies in the store, signed by the bot: kept by their hash, with the word which one is in force.

That word also carries the locks that people have set: a worker believes no other place.
"""

import contextlib
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError, WatchError

from bot.jobs.queue import StoreDown
from bot.keys import BotKeys
from bot.trust import TicketRefused, Trust
from permissions.bundle import BUNDLE, IN_FORCE, Mark, Signed, bundle, digest, newest, unbundled, unfit
from permissions.holds import Lock
from permissions.policy import Policy
from permissions.ticket import TicketRefusal

log = structlog.get_logger(__name__)

KEPT_SECONDS = 86400
"""How long a policy stays that is not in force any more."""

AGAIN_SECONDS = 0.25
"""A ticket may be faster than the word that its policy is in force."""

_PARSED = 4
_TRIES = 5
"""How often it is said again because another bot said something at that moment."""


ReadLocks = Callable[[], Awaitable[tuple[Lock, ...]]]


async def no_locks() -> tuple[Lock, ...]:
    """For where nobody locks anything."""
    return ()


def _bundle_key(namespace: str, sha256: str) -> str:
    return f"{{{namespace}}}:policy:{sha256}"


def _mark_key(namespace: str) -> str:
    return f"{{{namespace}}}:policy:in-force"


class BotBundles:
    """The bot's side; it alone writes."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, keys: BotKeys, trust: Trust) -> None:
        self._redis = client
        self._namespace = namespace
        self._keys = keys
        self._trust = trust
        self._turn = 0
        """The last one that this bot has said."""

    async def publish(self, policy: Policy, serial: int, locks: ReadLocks = no_locks) -> bool:
        """Puts a policy there and says that it is in force; to be said again well within MARK_SECONDS.

        With it goes which locks are: ``locks`` reads them anew for every try, so that of several bots the
        last word is by the newest. False when another bot has put a newer policy in force: that one stays.
        Raises StoreDown.
        """
        text = bundle(policy)
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(WatchError):
                    return await self._publish(text, serial, locks)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        raise StoreDown(unsure=False)

    async def _publish(self, text: str, serial: int, locks: ReadLocks) -> bool:
        async with self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(_mark_key(self._namespace))
            said: Any = await pipe.get(_mark_key(self._namespace))
            known = _verified_mark(self._trust, said)
            mark = Mark(sha256=digest(text), serial=serial, at=time.time(), locks=await locks())
            if known is not None and known.serial > serial and known.sha256 != mark.sha256:
                return False
            mark = mark.model_copy(update={"turn": self._next_turn(known, mark.locks)})
            pipe.multi()  # type: ignore[no-untyped-call]
            signed = self._signed(BUNDLE, text)
            pipe.set(_bundle_key(self._namespace, mark.sha256), signed, ex=KEPT_SECONDS)
            pipe.set(_mark_key(self._namespace), self._signed(IN_FORCE, mark.model_dump_json()))
            await pipe.execute()
        self._turn = mark.turn
        return True

    def _next_turn(self, known: Mark | None, locks: tuple[Lock, ...]) -> int:
        """The same where nothing has changed since this bot said it; else greater than every one before.

        It begins with the time in milliseconds: neither an older mark that somebody put back nor a store that
        lost everything leaves workers with one that they refuse.
        """
        last = known.turn if known is not None else 0
        if known is not None and known.locks == locks and last >= self._turn > 0:
            return last
        return max(last, self._turn, time.time_ns() // 1_000_000 - 1) + 1

    def _signed(self, purpose: bytes, text: str) -> str:
        made = self._keys.sign_text(purpose, text)
        return Signed(text=made.text, signature=made.signature, key_id=made.key_id).model_dump_json()


class WorkerBundles:
    """A worker's side: :meth:`policy` is the policy in force, or nothing is.

    ``seen`` is a file of the worker's own that remembers the newest policy and locks, so that neither a
    restart nor somebody who writes to the store brings older ones back.
    """

    def __init__(self, client: redis.Redis, namespace: str, trust: Trust, seen: Path) -> None:
        self._redis = client
        self._namespace = namespace
        self._trust = trust
        self._file = seen
        self._seen = _remembered(seen)
        self._lock = threading.Lock()
        self._parsed: OrderedDict[str, Policy] = OrderedDict()

    def policy(self, sha256: str, said: bytes = b"") -> Policy:
        """The policy of that hash, if it is in force; raises TicketRefused and nothing else.

        ``said`` is what the store has just said of it, b"" where it has to be asked.
        """
        try:
            mark = self._verified(said) if said else self._mark()
            if mark is None or mark.sha256 != sha256:
                time.sleep(AGAIN_SECONDS)
                mark = self._mark()
            if mark is None:
                raise TicketRefused(TicketRefusal.POLICY_UNKNOWN)
            with self._lock:
                refused = unfit(mark, policy=sha256, seen=self._seen, now=time.time())
                if refused:
                    raise TicketRefused(refused)
                self._remember(mark)
                found = self._parsed.get(sha256)
            return found or self._fetched(sha256)
        except (RedisError, OSError) as error:
            log.warning("policy not to be had", error=type(error).__name__)
            raise TicketRefused(TicketRefusal.POLICY_UNKNOWN) from error

    def _mark(self) -> Mark | None:
        said: Any = self._redis.get(_mark_key(self._namespace))
        return self._verified(said)

    def _verified(self, said: bytes | None) -> Mark | None:
        mark = _verified_mark(self._trust, said)
        if said is not None and mark is None:
            raise TicketRefused(TicketRefusal.POLICY_ALTERED)
        return mark

    @property
    def locks(self) -> tuple[Lock, ...]:
        """Those of the newest mark that :meth:`policy` has seen."""
        with self._lock:
            return self._seen.locks if self._seen is not None else ()

    def _remember(self, mark: Mark) -> None:
        """Keeps the newest mark on disk before anything is run by it."""
        seen, mark = self._seen, newest(mark, self._seen)
        if seen is None or (mark.sha256, mark.turn) != (seen.sha256, seen.turn):
            draft = self._file.with_suffix(".new")
            with draft.open("w", encoding="utf-8") as file:
                file.write(mark.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
        self._seen = mark

    def _fetched(self, sha256: str) -> Policy:
        raw: Any = self._redis.get(_bundle_key(self._namespace, sha256))
        if raw is None:
            raise TicketRefused(TicketRefusal.POLICY_UNKNOWN)
        text = _verified(self._trust, BUNDLE, raw)
        if text is None or digest(text) != sha256:
            raise TicketRefused(TicketRefusal.POLICY_ALTERED)
        try:
            policy = unbundled(text)
        except ValidationError as error:
            # Ours, but of another version of the bot than this worker knows.
            raise TicketRefused(TicketRefusal.POLICY_UNKNOWN) from error
        with self._lock:
            self._parsed[sha256] = policy
            while len(self._parsed) > _PARSED:
                self._parsed.popitem(last=False)
        return policy


def _remembered(path: Path) -> Mark | None:
    """The newest mark this worker has seen; None at its first start. Raises ValidationError for no mark."""
    try:
        return Mark.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def _verified_mark(trust: Trust, raw: bytes | None) -> Mark | None:
    text = None if raw is None else _verified(trust, IN_FORCE, raw)
    try:
        return None if text is None else Mark.model_validate_json(text)
    except ValidationError:  # ours, but of another version of the bot: no word that this one understands
        return None


def _verified(trust: Trust, purpose: bytes, raw: bytes) -> str | None:
    """The text, if a bot whose key is in the folder signed it for this purpose."""
    try:
        signed = Signed.model_validate(json.loads(raw))
    except (ValidationError, ValueError, RecursionError):
        return None
    return signed.text if trust.signed(purpose, signed.text, signed.signature, signed.key_id) else None
