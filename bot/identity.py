"""The name by which a bot is known in the store: the same after a restart, so that it finds its own again."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_name(folder: Path) -> Iterator[str]:
    """A name for this process; kept in ``folder``, for one process at a time: a second one has a new name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "name", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield secrets.token_hex(8)
            return
        name = os.pread(handle, 16, 0).decode("ascii", "replace")
        if len(name) != 16 or not name.isalnum():
            name = secrets.token_hex(8)
            os.pwrite(handle, name.encode(), 0)
        yield name
    finally:
        os.close(handle)
