"""Following a container: its output as it comes, and the engine's word on how it ended."""

from handlers.context import Context, FrameStream, Json, ObjectStream
from handlers.faults import Fault, Reason


def pour(ctx: Context, frames: FrameStream) -> None:
    """Emits output until there is no more, and lets go of it.

    Raises Cancelled or TimedOut when the job has to end first.
    """
    try:
        for name, data in frames:
            ctx.check()
            emit = ctx.stdout if name == "stdout" else ctx.stderr
            emit(data)
    finally:
        frames.close()
    ctx.check()


def ending(ctx: Context, waiting: ObjectStream) -> Json:
    """What the engine answers to a wait (``StatusCode``, perhaps ``Error``), once it does.

    Raises Cancelled or TimedOut when the job has to end first, Fault without an answer.
    """
    try:
        for answer in waiting:
            return answer
    finally:
        waiting.close()
    ctx.check()
    raise Fault("The engine did not say how the container ended", reason=Reason.ENGINE)
