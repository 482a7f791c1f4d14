"""What is said of a change whose worker died, by what its targets look like now."""

from typing import Any

import pytest

from handlers.catalogue import load
from handlers.faults import NotFound, Unreachable
from handlers.grammar.parser import Parsed, parse
from handlers.outcome import Begun
from tests.fakes.engine import FakeEngine

SINCE = 1_700_000_000.5
BEFORE, AFTER = "2023-11-14T22:13:19Z", "2023-11-14T22:13:21.123456789Z"
ID = "3f2a" + "0" * 60
BEGUN = Begun(since=SINCE, ids={"container web": ID, "network net": "n1", "image shop:1": "sha256:1"})
NOT_THERE = NotFound("No such object")


def container(*, running: bool, started: str = BEFORE, ended: str = BEFORE, **more: Any) -> dict[str, Any]:
    state = {
        "Running": running,
        "Paused": more.pop("paused", False),
        "Status": more.pop("status", "running" if running else "exited"),
        "StartedAt": started,
        "FinishedAt": ended,
    }
    return {"Id": ID, "Name": "/web", "Created": more.pop("created", BEFORE), "State": state}


def found(
    line: str, answer: Any, *events: str, path: str = f"/containers/{ID}/json"
) -> list[tuple[str, str]]:
    parsed = parse(line, load())
    assert isinstance(parsed, Parsed)
    actions = [{"Action": action} for action in events]
    engine = FakeEngine({("GET", path): answer, ("GET", "/events"): actions})
    return [(one.target, one.verdict) for one in parsed.command.outcome(engine, BEGUN)]


CONTAINERS = {
    "started": ("start web", container(running=True, started=AFTER), [], "done"),
    "started and over": ("start web", container(running=False, started=AFTER), [], "done"),
    "not started": ("start web", container(running=False), [], "not done"),
    "started, gone": ("start web", NOT_THERE, [], "unknown"),
    "stopped": ("stop web", container(running=False, ended=AFTER), ["kill", "die"], "done"),
    "not stopped": ("stop web", container(running=True), [], "not done"),
    "being stopped": ("stop web", container(running=True), ["kill"], "unknown"),
    "stopped and started": ("stop web", container(running=True, started=AFTER), ["kill"], "unknown"),
    "stopped, gone": ("stop web", NOT_THERE, [], "done"),
    "restarted": ("restart web", container(running=True, started=AFTER), ["kill"], "done"),
    "half restarted": ("restart web", container(running=False, ended=AFTER), ["kill"], "unknown"),
    "being restarted": ("restart web", container(running=True), ["kill"], "unknown"),
    "not restarted": ("restart web", container(running=True), [], "not done"),
    "killed": ("kill web", container(running=False, ended=AFTER), ["kill"], "done"),
    "killed, the engine forgot": ("kill web", container(running=False, ended=AFTER), [], "done"),
    "not killed": ("kill web", container(running=True), [], "not done"),
    "signalled": ("kill -s HUP web", container(running=True), ["kill"], "done"),
    "signalled, the engine forgot": ("kill -s HUP web", container(running=True), [], "unknown"),
    "paused": ("pause web", container(running=True, paused=True), [], "done"),
    "paused for a while": ("pause web", container(running=True), ["pause", "unpause"], "done"),
    "not paused": ("pause web", container(running=True), [], "not done"),
    "unpaused": ("unpause web", container(running=True), [], "done"),
    "not unpaused": ("unpause web", container(running=True, paused=True), [], "not done"),
    "renamed": ("rename web web", container(running=True), [], "done"),
    "not renamed": ("rename web old", container(running=True), [], "not done"),
    "removed": ("rm web", NOT_THERE, [], "done"),
    "not removed": ("rm web", container(running=False), [], "not done"),
    "being removed": ("rm web", container(running=False, status="removing"), [], "unknown"),
    "run": ("run -d --name web shop", container(running=True, started=AFTER, created=AFTER), [], "done"),
    "made, not started": ("run -d --name web shop", container(running=False, created=AFTER), [], "not done"),
    "not run": ("run -d --name web shop", NOT_THERE, [], "not done"),
    "run, gone": ("run -d --rm --name web shop", NOT_THERE, [], "unknown"),
    "the name is an older one's": ("create --name web shop", container(running=True), [], "not done"),
    "created": ("create --name web shop", container(running=False, created=AFTER), [], "done"),
}


@pytest.mark.parametrize(("line", "answer", "events", "verdict"), CONTAINERS.values(), ids=CONTAINERS)
def test_a_container_is_looked_at(line, answer, events, verdict):
    assert [told for _, told in found(line, answer, *events)] == [verdict]


OTHERS = {
    "network made": ("network create net", "/networks/net", {"Created": AFTER}, "done"),
    "network older": ("network create net", "/networks/net", {"Created": BEFORE}, "not done"),
    "network not made": ("network create net", "/networks/net", NOT_THERE, "not done"),
    "network gone": ("network rm net", "/networks/net", NOT_THERE, "done"),
    "network there": ("network rm net", "/networks/net", {"Id": "n1"}, "not done"),
    "another network": ("network rm net", "/networks/net", {"Id": "n2"}, "done"),
    "volume made": ("volume create data", "/volumes/data", {"CreatedAt": AFTER}, "done"),
    "volume not made": ("volume create data", "/volumes/data", NOT_THERE, "not done"),
    "volume gone": ("volume rm data", "/volumes/data", NOT_THERE, "done"),
    "volume there": ("volume rm data", "/volumes/data", {"Name": "data"}, "not done"),
    "tagged": ("tag shop:1 shop:2", "/images/shop:2/json", {"Id": "sha256:1"}, "done"),
    "tagged otherwise": ("tag shop:1 shop:2", "/images/shop:2/json", {"Id": "sha256:2"}, "not done"),
    "not tagged": ("tag shop:1 shop:2", "/images/shop:2/json", NOT_THERE, "not done"),
    "source unknown": ("tag other shop:2", "/images/shop:2/json", {"Id": "sha256:2"}, "unknown"),
    "image gone": ("rmi shop:1", "/images/shop:1/json", NOT_THERE, "done"),
    "image there": ("rmi shop:1", "/images/shop:1/json", {"Id": "sha256:1"}, "not done"),
    "pulled": (
        "pull shop",
        "/images/shop:latest/json",
        {"Id": "sha256:1", "Metadata": {"LastTagTime": AFTER}},
        "done",
    ),
    "pulled before": (
        "pull shop",
        "/images/shop:latest/json",
        {"Id": "sha256:1", "Metadata": {"LastTagTime": BEFORE}},
        "unknown",
    ),
    "not pulled": ("pull shop", "/images/shop:latest/json", NOT_THERE, "not done"),
}


@pytest.mark.parametrize(("line", "path", "answer", "verdict"), OTHERS.values(), ids=OTHERS)
def test_other_objects_are_looked_at(line, path, answer, verdict):
    assert [told for _, told in found(line, answer, path=path)] == [verdict]


@pytest.mark.parametrize("line", ["run -d shop", "volume create", "pull -a shop", "exec web true"])
def test_of_some_nobody_can_tell(line):
    assert found(line, NOT_THERE) == []


def test_an_engine_that_is_away_is_to_be_asked_again():
    with pytest.raises(Unreachable):
        found("rm web", Unreachable("no engine"))


def test_several_targets_have_a_finding_each():
    engine = FakeEngine(
        {
            ("GET", f"/containers/{ID}/json"): NOT_THERE,
            ("GET", "/containers/db/json"): container(running=True),
            ("GET", "/events"): [],
        }
    )
    parsed = parse("rm -f web db", load())
    assert isinstance(parsed, Parsed)
    verdicts = {one.target: one.verdict for one in parsed.command.outcome(engine, BEGUN)}
    assert verdicts == {"web": "done", "db": "not done"}


def test_looking_changes_nothing():
    engine = FakeEngine({("GET", f"/containers/{ID}/json"): container(running=True), ("GET", "/events"): []})
    parsed = parse("stop web", load())
    assert isinstance(parsed, Parsed)
    parsed.command.outcome(engine, BEGUN)
    assert {request.method for request in engine.requests} == {"GET"}
