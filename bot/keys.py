"""Signing and sealing: the bot's keys and a host's key.

The bot signs (Ed25519) and seals (X25519 sealed boxes); a worker verifies and opens. A worker holds
no key that could sign, so a worker cannot order anything at another host. Everything signed is
prefixed by what it is, so that no signature can stand under another kind of message.
"""

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any, Self

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox
from nacl.signing import SigningKey

from bot.jobs.wire import CancelOrder, SignedCancel
from bot.key_files import (
    KeysRefused,
    decode,
    encode,
    host_file,
    id_of,
    load_or_create,
    private_folder,
    public_folder,
    read_private,
    read_public,
    write_once,
)
from permissions.audit_chain import SignedText
from permissions.ticket import Claims, SealedValue, Ticket, canonical

Json = Any

TICKET = b"docktalk ticket\n"
RECORD = b"docktalk record"
"""Sixteen bytes at most: BLAKE2b takes it as its personalisation."""

NONCE = b"docktalk nonce"

CANCEL = b"docktalk cancel\n"

_SIGNING_FILE = re.compile(r"signing-(\d{4})\.key")


def _plain(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class BotKeys:
    """The bot's secret keys: the newest signing key signs, older ones still verify until removed."""

    def __init__(self, folder: Path, signing: list[SigningKey], digest_key: bytes, box_key: bytes) -> None:
        self._folder = folder
        self._signing = signing
        self._verify = {id_of(key.verify_key): key.verify_key for key in signing}
        self.key_id = id_of(signing[-1].verify_key)
        """The id of the key that signs."""
        self._digest_key = digest_key
        self._box = SecretBox(box_key)

    @classmethod
    def load_or_create(cls, folder: Path) -> Self:
        """The keys in ``folder`` (0700, files 0600), made at the first start; raises KeysRefused."""
        private_folder(folder)
        if not _signing_files(folder):
            load_or_create(folder / "signing-0001.key")
        signing = [SigningKey(read_private(path)) for path in _signing_files(folder)]
        return cls(
            folder, signing, load_or_create(folder / "digest.key"), load_or_create(folder / "lines.key")
        )

    def rotate(self) -> Self:
        """Adds a signing key, which signs from now on; publish it before the next ticket is signed."""
        last = _signing_files(self._folder)[-1]
        number = int(last.name.removeprefix("signing-").removesuffix(".key")) + 1
        load_or_create(self._folder / f"signing-{number:04d}.key")
        return self.load_or_create(self._folder)

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

    def nonce(self, delivery_id: str) -> str:
        """The one-time number of the change that a delivery asks for: the same if Slack delivers it again."""
        return self._record_mac(delivery_id.encode(), NONCE).hex()[:32]

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
        public_folder(trust_dir)
        for key_id, key in self._verify.items():
            write_once(trust_dir / f"bot-{key_id}.pub", encode(bytes(key)).encode(), 0o644)

    def _signature(self, purpose: bytes, data: bytes) -> str:
        return encode(self._signing[-1].sign(purpose + data).signature)


def _signing_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _SIGNING_FILE.fullmatch(path.name))


class HostKeys:
    """A host's secret key: opens what the bot sealed to it."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    @classmethod
    def load_or_create(cls, folder: Path) -> Self:
        """The key in ``folder`` (0700, file 0600), made at the first start; raises KeysRefused."""
        private_folder(folder)
        return cls(PrivateKey(load_or_create(folder / "host.key")))

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
        public_folder(trust_dir)
        path = trust_dir / host_file(name)
        write_once(path, encode(self.public).encode(), 0o644)
        if read_public(path) != self.public:
            raise KeysRefused(f"{path} holds another key: remove it if this host was given a new one")
