"""What reporting needs of the other parts: the queue, logins, approvals, doubtful outcomes, displays."""

from collections.abc import AsyncIterator
from typing import Protocol

from bot.jobs.wire import Checked, Ended, Event, Held, Probed, Progress
from bot.store.displays import Display, Doubt
from bot.store.records import RequestRecord
from permissions.holds import Hold


class Jobs(Protocol):
    """The part of BotQueue that reporting needs."""

    async def request(self, job_id: str) -> RequestRecord | None:
        """The signed record; None when there is none or it was altered."""
        ...

    def events(self, consumer: str) -> AsyncIterator[tuple[bytes, Event]]:
        """What workers say, each again until acknowledged."""
        ...

    async def ack_event(self, entry_id: bytes) -> None:
        """The event is dealt with."""
        ...


class LoginChanges(Protocol):
    """The part of the store of logins that reporting needs."""

    async def settle(self, job_id: str, *, well: bool) -> None:
        """A login or logout has ended."""
        ...


class Approvals(Protocol):
    """What approvals hear of workers."""

    async def probed(self, event: Probed) -> None:
        """A worker has looked at what a job would do."""
        ...

    async def moved(self, job_id: str, why: str) -> None:
        """What was agreed to was not there any more when it was to run."""
        ...


class HeldJobs(Protocol):
    """Where jobs are kept that a worker held."""

    async def keep(self, record: RequestRecord, event: Held) -> Hold | None:
        """Keeps it; what it waits for. Raises Fault where it may not run any more."""
        ...


class Budgets(Protocol):
    """What budgets hear of their uses."""

    async def refused(self, record_id: str, reason: str) -> None:
        """A use of this one has ended, for this reason."""
        ...


class Doubts(Protocol):
    """What is kept of changes whose outcome is not sure."""

    async def ended(self, record: RequestRecord, event: Ended) -> Doubt | None:
        """Keeps what a later look needs; None for an outcome that is sure."""
        ...

    async def checked(self, event: Checked) -> bool:
        """Keeps what a later look has seen; whether one was asked for."""
        ...

    async def run_again(self, job_id: str, new_job_id: str) -> None:
        """Its asker has it run again."""
        ...


class Views(Protocol):
    """The part of the store of displays that reporting needs."""

    async def read(self, job_id: str) -> tuple[Display, Progress | None]:
        """What people changed about a running job's message, and what its worker told last."""
        ...
