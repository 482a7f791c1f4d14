"""``docktalk up``: bot, worker and, without a REDIS_URL, a store of its own, on one machine."""

import os
import signal
import subprocess
import sys
import threading

from bot.child import tied
from bot.settings import BotSettings, StoreSettings
from bot.store import embedded

GRACE = 20.0
"""Seconds that bot and worker get to end."""


def run() -> int:
    """Runs until SIGTERM, SIGINT or the end of either process; then the other is ended too.

    Returns the status of the process that ended by itself, 0 when we were told to end. Raises pydantic's
    ValidationError for settings that the bot could not use, StoreFailed when the store does not start.
    """
    settings = StoreSettings()
    BotSettings()  # what is wrong with them is said here, not by a child in the middle of its start
    store = None if settings.redis_url else embedded.start(settings.data_dir)
    environ = {**os.environ, **({"REDIS_URL": store.url} if store else {})}
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    children = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            tied([sys.executable, "-m", "bot.cli", name]), env=environ, start_new_session=True
        )
        for name in ("worker", "bot")
    ]
    try:
        while not told.wait(0.2):
            ended = next((child for child in children if child.poll() is not None), None)
            if ended:
                return int(ended.returncode) or 1
        return 0
    finally:
        # The worker first: how its last jobs ended is told by the bot.
        for child in children:
            _end(child)
        if store:
            store.stop()


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
