"""A Context for tests: keeps what a command emits, can be cancelled."""

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from handlers.faults import Cancelled


@dataclass
class FakeClock:
    now: float = 1_700_000_000.5
    zone: tzinfo = UTC


@dataclass
class FakeLogin:
    username: str
    password: str


@dataclass
class FakeContext:
    engine: Any
    job_id: str = ""
    clock: FakeClock = field(default_factory=FakeClock)
    logins: dict[str, FakeLogin] = field(default_factory=dict)
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    closes: list[Any] = field(default_factory=list)
    transfers: list[Any] = field(default_factory=list)
    cancelled: bool = False

    def stdout(self, data):
        self.out += data

    def stderr(self, data):
        self.err += data

    def transfer(self, transfer):
        self.transfers.append(transfer)

    def login(self, server):
        return self.logins.get(server)

    def on_cancel(self, close):
        self.closes.append(close)
        if self.cancelled:
            close()

    def cancel(self):
        self.cancelled = True
        for close in self.closes:
            close()

    def check(self):
        if self.cancelled:
            raise Cancelled("Cancelled")
