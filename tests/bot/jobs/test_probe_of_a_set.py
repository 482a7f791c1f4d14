"""A look at what a prune would remove: each object, the calls that would remove it, the first few closely."""

from types import SimpleNamespace

import pytest

from bot.jobs.bound import MOST_AT_ONCE
from bot.jobs.probe import MOST_CALLS, MOST_OF_A_SET, Probe
from handlers.catalogue import load
from handlers.dry_run import rehearse
from handlers.faults import Reason
from handlers.grammar.parser import parse
from permissions.decision import Allow
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

CATALOGUE = load()


class Looker(FakeContext):
    masks = None
    output = SimpleNamespace(close=lambda: None)

    def masked(self, text):
        return text.replace("hush", "****")


class Second:
    def decision(self, _policy, _claims, _command):
        return Allow(rule="rule 1")

    def may(self, _policy, _claims, _command):
        return True


def ident(number):
    return f"{number:064}"


def engine_of(many):
    rows = [
        {"Id": ident(number), "Names": [f"/old-{number}"], "Status": "Exited (0)", "Ports": [], "SizeRw": 1}
        for number in range(many)
    ]
    answers = {("GET", "/containers/json"): rows}
    for number in range(many):
        state = {"Status": "exited", "Running": False, "ExitCode": 0}
        answers["GET", f"/containers/{ident(number)}/json"] = {
            "Id": ident(number),
            "Name": f"/old-{number}",
            "State": state,
            "Config": {"Image": "shop:1", "Env": [], "Tty": False},
            "NetworkSettings": {"Networks": {}},
        }
        answers["GET", f"/containers/{ident(number)}/logs"] = [("stdout", b"hush\n")]
    return FakeEngine(answers)


def looked_at(many):
    engine = engine_of(many)
    claims = SimpleNamespace(probes="J-1", host="local")
    command = parse("container prune -f", CATALOGUE).command
    return Probe(engine, Second()).look(claims, None, command, Looker(engine), "w"), engine


def test_each_object_is_bound_and_the_first_few_are_looked_at():
    probed, engine = looked_at(60)
    assert probed.reason == ""
    assert [one.bound.id for one in probed.targets] == [ident(number) for number in range(60)]
    assert [bool(one.state) for one in probed.targets] == [True] * MOST_OF_A_SET + [False] * (
        60 - MOST_OF_A_SET
    )
    assert probed.targets[0].log == ("****",)
    assert {one.method for one in engine.requests} == {"GET"}


def test_the_calls_are_those_that_remove_one_after_another():
    probed, _ = looked_at(2)
    assert [line.strip() for line in probed.calls if "DELETE" in line or "POST" in line] == [
        f"DELETE /containers/{ident(0)}",
        f"DELETE /containers/{ident(1)}",
    ]
    assert len(looked_at(60)[0].calls) == MOST_CALLS


@pytest.mark.parametrize(("many", "reason"), [(MOST_AT_ONCE, ""), (MOST_AT_ONCE + 1, Reason.LIMIT)])
def test_what_is_too_much_to_read_ends_with_what_to_do(many, reason):
    probed, _ = looked_at(many)
    assert (probed.reason, bool(probed.targets)) == (reason, not reason)
    assert ("Narrow it with --filter" in probed.message) == bool(reason)


def test_an_answer_about_as_many_as_can_be_asked_about_is_small():
    probed, _ = looked_at(MOST_AT_ONCE)
    assert len(probed.model_dump_json()) < 256 * 1024


def test_a_dry_run_without_an_approval_names_the_clis_own_request():
    command = parse("container prune -f", CATALOGUE).command
    lines = rehearse(command, FakeContext(engine_of(1))).lines
    assert [line.strip() for line in lines[1:]] == ["POST /containers/prune"]
