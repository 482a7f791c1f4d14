"""Pull and push progress, as the CLI prints it where no terminal redraws lines."""

from collections.abc import Generator, Iterable
from typing import Any

from handlers.context import Context
from handlers.faults import EngineFault


def follow(messages: Iterable[dict[str, Any]], ctx: Context, *, quiet: bool) -> None:
    """Emits a line for each change of status; counted progress is left out.

    Raises EngineFault with the engine's sentence when the stream reports an error.
    """
    arriving = iter(messages)
    try:
        for message in arriving:
            ctx.check()
            if error := message.get("errorDetail") or message.get("error"):
                raise EngineFault(error if isinstance(error, str) else error.get("message", ""))
            text = line(message)
            if text and not quiet:
                ctx.stdout(text.encode())
    finally:
        # A stream that is left half-way lets go of its connection now, not when the fault is forgotten.
        if isinstance(arriving, Generator):
            arriving.close()


def line(message: dict[str, Any]) -> str:
    """The line of one message, "" for counted progress."""
    detail = message.get("progressDetail") or {}
    if detail.get("current", 0) > 0 or detail.get("total", 0) > 0:
        return ""
    head = f"{message['id']}: " if message.get("id") else ""
    if stream := message.get("stream"):
        return head + str(stream)
    if "status" not in message:
        # Layer ids and digests of a push come as "aux" for programs.
        return ""
    return f"{head}{message['status']}\n"
