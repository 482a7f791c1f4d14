"""The folder of public keys that both sides read: what is signed is checked against it."""

import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey
from pydantic import ValidationError

from bot.jobs.wire import CancelOrder, SignedCancel
from bot.key_files import OTHERS_WRITE, KeysRefused, decode, host_file, id_of, read_public
from bot.keys import CANCEL, TICKET
from permissions.ticket import Claims, Ticket, TicketRefusal

SETTLED_SECONDS = 1.0

_PUBLIC_BOT = re.compile(r"bot-([0-9a-f]{16})\.pub")


class TicketRefused(Exception):  # noqa: N818 - carries a TicketRefusal
    """A ticket that must not run, and which of the closed reasons holds."""

    def __init__(self, refusal: TicketRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Trust:
    """The public keys in a folder: ``bot-KEYID.pub`` to verify with, ``host-NAME.pub`` to seal to.

    A changed folder is read again by itself, so that a rotation needs no restart and a removed key
    is refused from the next ticket on.
    """

    def __init__(self, trust_dir: Path) -> None:
        self._folder = trust_dir
        self._seen = 0.0
        self._keys: dict[str, VerifyKey] = {}
        self._hosts: dict[str, tuple[tuple[int, int, int], bytes]] = {}
        self._lock = threading.Lock()

    def verify(self, ticket: Ticket) -> Claims:
        """The signed claims; raises TicketRefused and nothing else."""
        self._check(TICKET, ticket.claims, ticket.signature, ticket.key_id)
        try:
            return Claims.model_validate_json(ticket.claims, strict=True)
        except (ValidationError, RecursionError) as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error

    def verify_cancel(self, signed: SignedCancel) -> CancelOrder:
        """The signed order; raises TicketRefused and nothing else."""
        self._check(CANCEL, signed.order, signed.signature, signed.key_id)
        try:
            return CancelOrder.model_validate_json(signed.order, strict=True)
        except ValidationError as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error

    def signed(self, purpose: bytes, text: str, signature: str, key_id: str) -> bool:
        """Whether a bot whose key is in the folder signed this text for this purpose."""
        try:
            self._check(purpose, text, signature, key_id)
        except TicketRefused:
            return False
        return True

    def host_key(self, name: str) -> bytes:
        """The public key (32 bytes) of a host; raises KeysRefused when there is none."""
        path = self._folder / host_file(name)
        try:
            found = path.stat()
        except OSError:
            raise KeysRefused(f"{path} is missing: copy it from that host's worker") from None
        state = (found.st_mtime_ns, found.st_ino, found.st_mode)
        known = self._hosts.get(name)
        if known is None or known[0] != state:
            known = self._hosts[name] = (state, read_public(path))
        return known[1]

    def _check(self, purpose: bytes, text: str, signature: str, key_id: str) -> None:
        if not signature:
            raise TicketRefused(TicketRefusal.UNSIGNED)
        key = self._bot_keys().get(key_id)
        if key is None:
            raise TicketRefused(TicketRefusal.UNKNOWN_KEY)
        # JSON can carry lone surrogates, which no UTF-8 text that we signed contains.
        data = purpose + text.encode("utf-8", "surrogatepass")
        if not _verified(key, data, signature):
            raise TicketRefused(TicketRefusal.ALTERED)

    def _bot_keys(self) -> dict[str, VerifyKey]:
        try:
            found = self._folder.stat()
        except OSError:
            return {}
        if found.st_mode & OTHERS_WRITE:
            return {}  # anybody could have put a key there
        with self._lock:
            # A folder that has just changed may change again without a later time.
            if found.st_mtime != self._seen or time.time() - found.st_mtime < SETTLED_SECONDS:
                self._keys = dict(self._read())
                self._seen = found.st_mtime
            return self._keys

    def _read(self) -> Iterable[tuple[str, VerifyKey]]:
        for path in self._folder.iterdir():
            named = _PUBLIC_BOT.fullmatch(path.name)
            if not named:
                continue
            try:
                key = VerifyKey(read_public(path))
            except (KeysRefused, OSError):
                continue  # what cannot be read is not trusted
            if id_of(key) == named[1]:
                yield named[1], key


def _verified(key: VerifyKey | None, data: bytes, signature: str) -> bool:
    if key is None:
        return False
    try:
        key.verify(data, decode(signature))
    except (CryptoError, ValueError):
        return False
    return True
