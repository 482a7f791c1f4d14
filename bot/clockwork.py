"""What is done by the clock: what fails is logged and tried again later; it keeps nothing else waiting."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from handlers.faults import Fault

log = structlog.get_logger(__name__)


async def for_ever(what: str, tick: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Ticks for ever, with so many seconds in between; ``what`` names it in the log."""
    while True:
        await look_after(what, tick())
        await asyncio.sleep(seconds)


async def look_after(what: str, work: Awaitable[object], **about: str) -> None:
    """Does the work of a tick for one of ``what``, which ``about`` tells from others in the log."""
    try:
        await work
    except Fault as error:
        log.warning("not looked after", what=what, error=type(error).__name__, **about)
    except Exception:
        log.exception("not looked after", what=what, **about)
