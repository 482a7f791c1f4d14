"""A later look at what became of a change, on an engine that answers as a test says."""

import pytest

from bot.jobs.command_wire import to_wire
from bot.jobs.internal import CHECKED_CHARS, lines_within
from bot.jobs.journal import Journal
from bot.jobs.look import NO_TRACE, Look
from bot.jobs.wire import CheckOrder
from handlers.catalogue import load
from handlers.faults import NotFound
from handlers.system.prune import SystemPrune
from permissions.approval import Bound
from permissions.verbs import Kind
from tests.fakes.engine import FakeEngine

NETWORK = Bound(kind=Kind.NETWORK, name="shop", id="1" * 64, of_set=True)
VOLUME = Bound(kind=Kind.VOLUME, name="data", id="2026-11-01T00:00:00Z", of_set=True)


def look(tmp_path, answers, agreed):
    command = to_wire(SystemPrune(force=True), lambda _: pytest.fail("it has no secrets"))
    order = CheckOrder(job_id="J-1", nonce="n", since=1.0, command=command, agreed=agreed)
    journal = Journal(tmp_path / "journal")
    try:
        return Look(FakeEngine(answers), load(), journal).at(order)
    finally:
        journal.close()


HERE, GONE = {"Id": "1" * 64}, NotFound("no such network")


@pytest.mark.parametrize(
    ("network", "reason", "seen"),
    [
        (HERE, "not_done", "the network is still there"),
        (GONE, "", "there is no such network any more"),
    ],
)
def test_each_object_of_a_prune_that_people_agreed_to_is_looked_at(tmp_path, network, reason, seen):
    answers = {
        ("GET", f"/networks/{NETWORK.id}"): network,
        ("GET", "/volumes/data"): NotFound("no such volume"),
    }
    found, text = look(tmp_path, answers, (NETWORK, VOLUME))
    assert found == reason
    assert seen in text
    assert "there is no such volume any more" in text


def test_what_the_engine_chose_by_itself_left_nothing_to_look_at(tmp_path):
    assert look(tmp_path, {}, ()) == ("outcome_unknown", NO_TRACE)


def test_what_is_seen_of_many_objects_is_told_in_whole_lines_and_counted():
    lines = [f"volume-{number}: done, there is no such volume any more" for number in range(300)]
    text = lines_within(CHECKED_CHARS, "\n".join(lines))
    assert len(text) <= CHECKED_CHARS
    *kept, more = text.split("\n")
    assert kept == lines[: len(kept)]
    assert more == f"and {300 - len(kept)} more"
    assert lines_within(CHECKED_CHARS, "\n".join(lines[:3])) == "\n".join(lines[:3])
    assert len(lines_within(CHECKED_CHARS, "x" * 10_000)) == CHECKED_CHARS
