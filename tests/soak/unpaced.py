"""A bot that does not keep Slack's pace, which would hide every other delay: the stand-in has no limits."""

import asyncio
import signal

from bot.ground import Surroundings
from bot.service import Bot
from bot.settings import BotSettings
from bot.trial.trial import UNPACED


def main() -> None:
    """Runs until SIGTERM."""
    asyncio.run(_serve())


async def _serve() -> None:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    bot = Bot(BotSettings(), Surroundings(pace=UNPACED))
    try:
        await bot.start()
        await told.wait()
    finally:
        await bot.stop()
