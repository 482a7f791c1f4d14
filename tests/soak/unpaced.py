"""A bot that does not keep Slack's pace, which would hide every other delay: the stand-in has no limits."""

import asyncio

from bot.service import Bot, Surroundings
from bot.settings import BotSettings
from bot.trial import UNPACED


async def main() -> None:
    bot = Bot(BotSettings(), Surroundings(pace=UNPACED))
    await bot.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
