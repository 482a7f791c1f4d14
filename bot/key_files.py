"""Key files: made once with the right mode, and not used when others could have read or written them."""

import base64
import hashlib
import os
import re
import stat
from pathlib import Path

from nacl.signing import VerifyKey
from nacl.utils import random

KEY_BYTES = 32
OTHERS = 0o077
OTHERS_WRITE = 0o022

_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class KeysRefused(Exception):  # noqa: N818 - a refusal, as TicketRefusal
    """A key file or folder cannot be used as it is; the sentence says what to do about it."""


def encode(data: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """The bytes of strict base64; raises ValueError."""
    return base64.b64decode(text, validate=True)


def private_folder(folder: Path) -> None:
    """Makes the folder with mode 0700; raises KeysRefused when others may enter it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if stat.S_IMODE(found.st_mode) & OTHERS or found.st_uid != os.geteuid():
        raise KeysRefused(f"{folder} must belong to this user with mode 0700: others could take its keys")


def write_once(path: Path, data: bytes, mode: int) -> None:
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


def public_folder(folder: Path) -> None:
    """Makes the folder with mode 0755; raises KeysRefused when others may write into it."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if folder.stat().st_mode & OTHERS_WRITE:
        raise KeysRefused(f"{folder} may be written by others, who could add keys: chmod it to 0755")


def read_private(path: Path) -> bytes:
    """The 32 bytes of a secret key; raises KeysRefused when others may read it or it is none."""
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


def load_or_create(path: Path) -> bytes:
    """The secret key there, made when there is none; raises KeysRefused."""
    if not path.exists():
        write_once(path, encode(random(KEY_BYTES)).encode(), 0o600)
    return read_private(path)


def read_public(path: Path) -> bytes:
    """The 32 bytes of a public key; raises KeysRefused when others may write it or it is none."""
    if stat.S_IMODE(path.stat().st_mode) & OTHERS_WRITE:
        raise KeysRefused(f"{path} may be written by others: chmod it to 0644")
    try:
        key = decode(path.read_text("ascii").strip())
    except ValueError as error:
        raise KeysRefused(f"{path} is not a public key") from error
    if len(key) != KEY_BYTES:
        raise KeysRefused(f"{path} is not a public key")
    return key


def id_of(public: VerifyKey) -> str:
    """Sixteen hexadecimal digits that name a public key."""
    return hashlib.blake2b(bytes(public), digest_size=8).hexdigest()


def host_file(name: str) -> str:
    """The name of a host's public key file; raises KeysRefused for a name that is none."""
    if not _HOST_NAME.fullmatch(name):
        raise KeysRefused(f"{name!r} is no host name: letters, digits, '_', '.', '-', at most 63")
    return f"host-{name}.pub"
