"""What is told of an orphan whose objects the engine does not tell of."""

import threading
import time
from typing import Any

import pytest

from bot.jobs import aftermath
from bot.jobs.aftermath import Aftermath
from bot.jobs.host_queue import Orphan
from handlers.faults import EngineFault, Unreachable
from handlers.outcome import Begun, Finding, Verdict

DONE = (Finding(target="web", verdict=Verdict.DONE, seen="restarted"),)


class Queue:
    """Keeps what was told."""

    worker_id = "disk:new"

    def __init__(self) -> None:
        self.told: list[Any] = []

    def settle(self, _orphan: Orphan, event: Any) -> str:
        self.told.append(event)
        return "settled"


class Journal:
    """Knows that the change was begun."""

    def begun(self, _nonce: str) -> Begun:
        return Begun(since=0.0)


class Claims:
    nonce = "n"


class Command:
    def __init__(self, look) -> None:
        self._look = look

    def outcome(self, _engine: Any, _begun: Begun):
        return self._look()


def told(look) -> list[Any]:
    queue = Queue()
    orphan = Orphan(job_id="J-1", token="disk:old/1", effect="change", attempt=1, ticket="", at=time.time())
    made = Aftermath(
        queue,
        disk="disk",
        journal=Journal(),
        engine=None,
        verified=lambda _text, _job: Claims(),
        opened=lambda _claims: Command(look),
    )
    made.settle(orphan)
    return queue.told


def fails(error: Exception):
    def look() -> None:
        raise error

    return look


def test_what_was_seen_is_told():
    assert told(lambda: DONE)[0].result.reason == ""


@pytest.mark.parametrize("error", [EngineFault("broken"), KeyError("StartedAt"), ValueError("no time")])
def test_an_answer_that_makes_no_sense_leaves_nobody_without_an_end(error):
    [event] = told(fails(error))
    assert event.result.reason == "outcome_unknown"


def test_an_engine_that_is_silent_about_one_object_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(aftermath, "LOOK_SECONDS", 0.05)
    answers = threading.Event()
    [event] = told(lambda: answers.wait(30) and DONE)
    answers.set()
    assert event.result.reason == "outcome_unknown"


def test_an_engine_that_is_away_is_asked_again_later():
    assert told(fails(Unreachable("away"))) == []
