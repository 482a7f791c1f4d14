"""A line at a terminal: what its job prints is seen as it comes, ^C stops the job as its button does."""

import asyncio
import signal
import time
from typing import TextIO

from bot.jobs.spool import STREAMS
from bot.slack.blocks import clean
from bot.standin.world import Channel, User
from bot.trial.trial import Trial
from bot.trial.watch import Answer

LASTS_SECONDS = 1.0
"""What ends sooner is seen in its thread alone."""
LOOK_SECONDS = 0.1
PIECE = 64 * 1024


class _Running:
    """A job whose output is printed while it grows: whole lines, without what could play with a terminal."""

    def __init__(self, trial: Trial, job_id: str, out: TextIO) -> None:
        self._trial = trial
        self._out = out
        self._since = time.monotonic()
        self._read = dict.fromkeys(STREAMS, 0)
        self._unfinished = dict.fromkeys(STREAMS, b"")
        self.job_id = job_id
        self.printed = False

    def look(self) -> bool:
        """Prints what is new, once the job has lasted; whether there may be more."""
        if not self.printed and time.monotonic() - self._since < LASTS_SECONDS:
            return False
        more = False
        for name in STREAMS:
            data = self._trial.printed(self.job_id, name, self._read[name], PIECE)
            self._read[name] += len(data)
            *lines, self._unfinished[name] = (self._unfinished[name] + data).split(b"\n")
            for line in lines:
                self._out.write(f"{clean(line.decode('utf-8', 'replace'))}\n")
            self.printed = self.printed or bool(lines)
            more = more or len(data) == PIECE
        self._out.flush()
        return more


async def ask(trial: Trial, line: str, *, user: User, channel: Channel, out: TextIO) -> Answer:
    """Types a line and waits for everything that comes of it; the first ^C cancels its job."""
    running: list[_Running] = []
    loop = asyncio.get_running_loop()
    trial.when_accepted(lambda job_id: running.append(_Running(trial, job_id, out)))
    asked = asyncio.create_task(trial.ask(line, user=user, channel=channel))
    stopping: set[asyncio.Task[None]] = set()

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)  # a second one ends the whole trial
        if running:
            stopping.add(asyncio.create_task(trial.cancel(running[-1].job_id)))
        else:
            asked.cancel()

    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        while not (await asyncio.wait({asked}, timeout=LOOK_SECONDS))[0]:
            if running:
                running[-1].look()
        if running and running[-1].printed:
            while running[-1].look():
                pass
            out.write("\n")
        return await asked
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        asked.cancel()
