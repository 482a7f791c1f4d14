"""Signing and sealing: the bot's keys, a host's key, and the folder of public keys both sides read.

The bot signs (Ed25519) and seals (X25519 sealed boxes); a worker verifies and opens. A worker holds
no key that could sign, so a worker cannot order anything at another host. Everything signed is
prefixed by what it is, so that no signature can stand under another kind of message.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, Self

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox
from nacl.signing import SigningKey, VerifyKey
from nacl.utils import random
from pydantic import ValidationError

from bot.jobs.wire import CancelOrder, SignedCancel
from handlers.grammar.command import Command
from permissions.audit_chain import SignedText
from permissions.ticket import Claims, CommandWire, SealedValue, Ticket, TicketRefusal, canonical

Json = Any

TICKET = b"docktalk ticket\n"
RECORD = b"docktalk record"
"""Sixteen bytes at most: BLAKE2b takes it as its personalisation."""

CANCEL = b"docktalk cancel\n"

KEY_BYTES = 32
OTHERS = 0o077
OTHERS_WRITE = 0o022
SETTLED_SECONDS = 1.0

_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_SIGNING_FILE = re.compile(r"signing-(\d{4})\.key")
_PUBLIC_BOT = re.compile(r"bot-([0-9a-f]{16})\.pub")


class KeysRefused(Exception):  # noqa: N818 - a refusal, as TicketRefusal
    """A key file or folder cannot be used as it is; the sentence says what to do about it."""


class TicketRefused(Exception):  # noqa: N818 - carries a TicketRefusal
    """A ticket that must not run, and which of the closed reasons holds."""

    def __init__(self, refusal: TicketRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Catalogue(Protocol):
    """Where a wire command's class is found."""

    def by_path(self, path: str) -> type[Command] | None:
        """The command of that path; None, or a LookupError, when there is none."""
        ...


def encode(data: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """The bytes of strict base64; raises ValueError."""
    return base64.b64decode(text, validate=True)


def _plain(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if stat.S_IMODE(found.st_mode) & OTHERS or found.st_uid != os.geteuid():
        raise KeysRefused(f"{folder} must belong to this user with mode 0700: others could take its keys")


def _write_once(path: Path, data: bytes, mode: int) -> None:
    """Puts the whole file there at once, unless somebody else was first."""
    if path.exists():
        return  # before anything is written: the folder of public keys may be mounted read-only
    draft = path.with_name(f".{path.name}.{random(8).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link is created whole or not at all, and never replaces: two first starts agree.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _public_folder(folder: Path) -> None:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if folder.stat().st_mode & OTHERS_WRITE:
        raise KeysRefused(f"{folder} may be written by others, who could add keys: chmod it to 0755")


def _read_private(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_IMODE(found.st_mode) & OTHERS or found.st_uid != os.geteuid():
            raise KeysRefused(f"{path} must belong to this user with mode 0600")
        try:
            key = decode(file.read().decode("ascii").strip())
        except ValueError as error:
            raise KeysRefused(f"{path} is not a key file") from error
    if len(key) != KEY_BYTES:
        raise KeysRefused(f"{path} is not a key file")
    return key


def _load_or_create(path: Path) -> bytes:
    if not path.exists():
        _write_once(path, encode(random(KEY_BYTES)).encode(), 0o600)
    return _read_private(path)


def _key_id(public: VerifyKey) -> str:
    return hashlib.blake2b(bytes(public), digest_size=8).hexdigest()


def host_file(name: str) -> str:
    """The name of a host's public key file; raises KeysRefused for a name that is none."""
    if not _HOST_NAME.fullmatch(name):
        raise KeysRefused(f"{name!r} is no host name: letters, digits, '_', '.', '-', at most 63")
    return f"host-{name}.pub"


class BotKeys:
    """The bot's secret keys: the newest signing key signs, older ones still verify until removed."""

    def __init__(self, folder: Path, signing: list[SigningKey], digest_key: bytes, box_key: bytes) -> None:
        self._folder = folder
        self._signing = signing
        self._verify = {_key_id(key.verify_key): key.verify_key for key in signing}
        self._digest_key = digest_key
        self._box = SecretBox(box_key)

    @classmethod
    def load_or_create(cls, folder: Path) -> Self:
        """The keys in ``folder`` (0700, files 0600), made at the first start; raises KeysRefused."""
        _private_folder(folder)
        if not _signing_files(folder):
            _load_or_create(folder / "signing-0001.key")
        signing = [SigningKey(_read_private(path)) for path in _signing_files(folder)]
        return cls(
            folder, signing, _load_or_create(folder / "digest.key"), _load_or_create(folder / "lines.key")
        )

    def rotate(self) -> Self:
        """Adds a signing key, which signs from now on; publish it before the next ticket is signed."""
        last = _signing_files(self._folder)[-1]
        number = int(last.name.removeprefix("signing-").removesuffix(".key")) + 1
        _load_or_create(self._folder / f"signing-{number:04d}.key")
        return self.load_or_create(self._folder)

    @property
    def key_id(self) -> str:
        """The id of the key that signs."""
        return _key_id(self._signing[-1].verify_key)

    def sign(self, claims: Claims) -> Ticket:
        """The ticket over exactly these claims."""
        text = canonical(claims)
        return Ticket(claims=text.decode(), signature=self._signature(TICKET, text), key_id=self.key_id)

    def sign_cancel(self, order: CancelOrder) -> SignedCancel:
        """The order to end one job, signed."""
        text = order.model_dump_json()
        return SignedCancel(order=text, signature=self._signature(CANCEL, text.encode()), key_id=self.key_id)

    def sign_record(self, data: bytes, purpose: bytes = RECORD) -> str:
        """Base64 of a keyed BLAKE2b over a record that only the bot reads back from the store."""
        return encode(self._record_mac(data, purpose))

    def verify_record(self, data: bytes, signature: str, purpose: bytes = RECORD) -> bool:
        """Whether the bot signed exactly these bytes as a record."""
        try:
            return hmac.compare_digest(self._record_mac(data, purpose), decode(signature))
        except ValueError:
            return False

    def _record_mac(self, data: bytes, purpose: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._digest_key, person=purpose, digest_size=32).digest()

    def sign_text(self, purpose: bytes, text: str) -> SignedText:
        """What anybody can check who has the public keys."""
        signature = self._signature(purpose, text.encode())
        return SignedText(text=text, key_id=self.key_id, signature=signature)

    def seal(self, host_public: bytes, value: Json) -> SealedValue:
        """Seals a JSON value to a host's public key (32 bytes); the digest compares without opening."""
        plain = _plain(value)
        digest = hashlib.blake2b(plain, key=self._digest_key, digest_size=32).digest()
        return SealedValue(
            blob=encode(SealedBox(PublicKey(host_public)).encrypt(plain)), digest=encode(digest)
        )

    def lock(self, data: bytes) -> str:
        """Encrypts what the bot keeps for itself in the store."""
        return encode(self._box.encrypt(data))

    def unlock(self, text: str) -> bytes:
        """What :meth:`lock` was given; raises ValueError when it is not ours or was altered."""
        try:
            return self._box.decrypt(decode(text))
        except CryptoError as error:
            raise ValueError("not locked by this bot, or altered") from error

    def publish(self, trust_dir: Path) -> None:
        """Writes ``bot-KEYID.pub`` for every signing key that is kept; raises KeysRefused."""
        _public_folder(trust_dir)
        for key_id, key in self._verify.items():
            _write_once(trust_dir / f"bot-{key_id}.pub", encode(bytes(key)).encode(), 0o644)

    def _signature(self, purpose: bytes, data: bytes) -> str:
        return encode(self._signing[-1].sign(purpose + data).signature)


def _signing_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _SIGNING_FILE.fullmatch(path.name))


def _verified(key: VerifyKey | None, data: bytes, signature: str) -> bool:
    if key is None:
        return False
    try:
        key.verify(data, decode(signature))
    except (CryptoError, ValueError):
        return False
    return True


class HostKeys:
    """A host's secret key: opens what the bot sealed to it."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    @classmethod
    def load_or_create(cls, folder: Path) -> Self:
        """The key in ``folder`` (0700, file 0600), made at the first start; raises KeysRefused."""
        _private_folder(folder)
        return cls(PrivateKey(_load_or_create(folder / "host.key")))

    @property
    def public(self) -> bytes:
        """The 32 bytes to seal to."""
        return bytes(self._key.public_key)

    def open(self, sealed: SealedValue) -> Json:
        """The value; raises ValueError when it was sealed to another host or altered."""
        try:
            return json.loads(SealedBox(self._key).decrypt(decode(sealed.blob)))
        except CryptoError as error:
            raise ValueError("not sealed to this host, or altered") from error

    def publish(self, trust_dir: Path, name: str) -> None:
        """Writes ``host-NAME.pub``; raises KeysRefused when another key stands there already."""
        _public_folder(trust_dir)
        path = trust_dir / host_file(name)
        _write_once(path, encode(self.public).encode(), 0o644)
        if _read_public(path) != self.public:
            raise KeysRefused(f"{path} holds another key: remove it if this host was given a new one")


def _read_public(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & OTHERS_WRITE:
        raise KeysRefused(f"{path} may be written by others: chmod it to 0644")
    try:
        key = decode(path.read_text("ascii").strip())
    except ValueError as error:
        raise KeysRefused(f"{path} is not a public key") from error
    if len(key) != KEY_BYTES:
        raise KeysRefused(f"{path} is not a public key")
    return key


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
            known = self._hosts[name] = (state, _read_public(path))
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
                key = VerifyKey(_read_public(path))
            except (KeysRefused, OSError):
                continue  # what cannot be read is not trusted
            if _key_id(key) == named[1]:
                yield named[1], key


def to_wire(command: Command, seal: Callable[[Json], SealedValue]) -> CommandWire:
    """The command as it travels: what was set, and the values of secret options sealed."""
    fields = command.model_dump(mode="json", exclude_unset=True)
    secret = [name for name, option in command.options.items() if option.secret and name in fields]
    sealed = {name: seal(fields.pop(name)) for name in secret}
    return CommandWire(path=command.path, fields=fields, sealed=sealed)


def from_wire(wire: CommandWire, catalogue: Catalogue, unseal: Callable[[SealedValue], Json]) -> Command:
    """The command again, unset fields unset; raises ValueError when it is none of the catalogue's."""
    try:
        found = catalogue.by_path(wire.path)
    except LookupError:
        found = None
    if found is None:
        raise ValueError("no such command")
    if wire.fields.keys() & wire.sealed.keys():
        raise ValueError("a field is there twice")
    opened = {name: unseal(value) for name, value in wire.sealed.items()}
    try:
        return found.model_validate_json(json.dumps({**wire.fields, **opened}))
    except ValidationError:
        # The validation error repeats the values, which may be secret: it goes no further.
        raise ValueError(f"the fields do not make a {wire.path} command") from None
