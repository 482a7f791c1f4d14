"""Pull and push progress: as the CLI prints it where no terminal redraws lines, and as counted layers."""

from collections.abc import Generator, Iterable
from typing import Any

from handlers.context import Context, Transfer
from handlers.faults import EngineFault

_DONE = ("Pull complete", "Already exists", "Layer already exists", "Pushed", "Mounted from")
_MOVING = ("Downloading", "Pushing")
_RETRYING = "Retrying in"
_MOVED = ("Verifying Checksum", "Download complete", "Extracting", *_DONE)


def follow(messages: Iterable[dict[str, Any]], ctx: Context, *, quiet: bool) -> None:
    """Emits a line for each change of status; counted progress goes out as a Transfer.

    Raises EngineFault with the engine's sentence when the stream reports an error, and Cancelled or TimedOut
    when it was ended.
    """
    arriving = iter(messages)
    layers = Layers()
    try:
        for message in arriving:
            ctx.check()
            if error := message.get("errorDetail") or message.get("error"):
                raise EngineFault(error if isinstance(error, str) else error.get("message", ""))
            if layers.take(message):
                ctx.transfer(layers.transfer())
            text = line(message)
            if text and not quiet:
                ctx.stdout(text.encode())
        ctx.check()  # a stream that was ended from outside just ends
    finally:
        # A stream that is left half-way lets go of its connection now, not when the fault is forgotten.
        if isinstance(arriving, Generator):
            arriving.close()


class Layers:
    """The layers of one transfer and how far each of them is."""

    def __init__(self) -> None:
        self._bytes: dict[str, tuple[int, int]] = {}
        self._done: set[str] = set()
        self._retrying: dict[str, str] = {}

    def take(self, message: dict[str, Any]) -> bool:
        """Takes a message of the engine in; whether it told of a layer."""
        layer, status = message.get("id"), message.get("status", "")
        # "Pulling from NAME" has the tag in the place of a layer's id.
        if not layer or not status or status.startswith("Pulling from"):
            return False
        current, size = self._bytes.get(layer, (0, 0))
        if status.startswith(_MOVING):
            detail = message.get("progressDetail") or {}
            current, size = detail.get("current", 0), max(size, detail.get("total", 0))
        elif status.startswith(_MOVED):
            current = size
        self._bytes[layer] = current, size
        self._retrying.pop(layer, None)
        if status.startswith(_RETRYING):
            self._retrying[layer] = status
        if status.startswith(_DONE):
            self._done.add(layer)
        return True

    def transfer(self) -> Transfer:
        """The sum over all layers that are known by now."""
        retrying = next(iter(self._retrying.values()), "")
        return Transfer(
            done=len(self._done),
            layers=len(self._bytes),
            bytes_done=sum(current for current, _ in self._bytes.values()),
            bytes=sum(size for _, size in self._bytes.values()),
            note=f"The registry broke off. {retrying}." if retrying else "",
        )


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
