"""What a trial sees of the bot: its replies, how jobs end, what came of a line."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.jobs.wire import Ended, Event, Probed, Refused, Uploaded
from bot.reply import Accepted, Reply
from bot.request import Request


@dataclass(frozen=True)
class Answer:
    """What came of one line.

    ``stdout`` and ``stderr`` are the command's own output before Slack's formatting, ``exit_code`` is the
    docker CLI's. ``calls`` are the Web API calls made; ``picture`` is what a reader of Slack sees.
    """

    exit_code: int
    stdout: str
    stderr: str
    calls: list[dict[str, Any]]
    picture: str


@dataclass
class Watch:
    """What happened since the last line: the pipeline's replies, the ends of jobs, uploads that are over."""

    requests: list[Request] = field(default_factory=list)
    replies: asyncio.Queue[Reply] = field(default_factory=asyncio.Queue)
    ends: dict[str, asyncio.Future[Ended | Refused]] = field(default_factory=dict)
    looks: dict[str, asyncio.Future[Probed]] = field(default_factory=dict)
    uploads: int = 0
    accepted: Callable[[str], None] = lambda _: None
    """Is told the id of every new job."""

    def reply(self, request: Request, reply: Reply) -> None:
        """The pipeline has answered."""
        if isinstance(reply, Accepted):
            self.accepted(reply.job_id)
        self.requests.append(request)
        self.replies.put_nowait(reply)

    def end(self, job_id: str) -> "asyncio.Future[Ended | Refused]":
        """Resolved once the job's last messages are in the outbox."""
        return self.ends.setdefault(job_id, asyncio.get_running_loop().create_future())

    def look(self, job_id: str) -> "asyncio.Future[Probed]":
        """Resolved once a worker has looked at what a job that waits for an approval would do."""
        return self.looks.setdefault(job_id, asyncio.get_running_loop().create_future())

    def event(self, event: Event) -> None:
        """A worker's event was dealt with."""
        match event:
            case Ended() | Refused():
                end = self.end(event.job_id)
                if not end.done():
                    end.set_result(event)
            case Probed():
                look = self.look(event.job_id)
                if not look.done():
                    look.set_result(event)
            case Uploaded():
                self.uploads += 1
