"""Every step of an approval, taken by a process that dies within it, on a store that may go down with it.

Whoever comes next finishes it: the card shows what is kept, one job at most is in the queue, each step and
each vote is in the audit once, and the step taken again changes nothing.
"""

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.approvals.lines import Approve, Deny, Withdraw
from bot.jobs.names import Names, bot_client
from bot.jobs.queue import StoreDown
from bot.store.approvals import Approvals
from bot.tickets import Tickets
from handlers.faults import ApprovalClosed
from permissions import approval as steps
from permissions.approval import NotCounted, State
from permissions.ticket import Mode
from tests.bot.approvals.approval_side import Side
from tests.services.store import Store

pytestmark = pytest.mark.store

POLICY = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [operate]
        approval:
          any:
            - steps: [{people: 2, groups: [S0SRE]}]
            - steps: [{roles: [lead]}]
            - steps: [{users: [U0BOSS]}]
              after: 2m
          remind: 60s
          expires: 10m
  lead: {rules: [{verbs: [list]}]}
bindings:
  - {role: operator, users: [U0ANA]}
  - {role: lead, users: [U0LEAD]}
"""
LONG_DEAD = 3.0
"""Seconds after which a new process has noticed."""

Work = Callable[[Side], Awaitable[Any]]


async def ask(side: Side) -> None:
    assert await side.ask() == "J-1"


async def look(side: Side) -> None:
    await side.look("J-1")


def says(line: Any, user_id: str) -> Work:
    async def said(side: Side) -> None:
        await side.say(line(approval="J-1"), user_id)

    return said


def later(seconds: float) -> Work:
    """The clock does what is due so many seconds after the asking."""

    async def due(side: Side) -> None:
        side.now = side.asked_at + seconds
        await side.desk._due("J-1")

    return due


async def moves(side: Side) -> None:
    await side.desk.moved("J-1", "container web is another one")


async def asks_another(side: Side) -> None:
    await side.desk.also_tell("J-1", ("U0CLEO",), await side.who("U0ANA"))


OPENED = (ask, look)
FIRST, SECOND = says(Approve, "U0BEN"), says(Approve, "U0CLEO")


@dataclass(frozen=True)
class Taken:
    """A step: what goes before it, what it leaves, and where within it a process can die after it is kept.

    ``of`` is the function of :mod:`permissions.approval` that it is, "" for the asking. ``jobs`` is how many
    are in the queue in the end.
    """

    of: str
    before: tuple[Work, ...]
    work: Work
    after: State
    told: int = 0
    jobs: int = 0
    dies: tuple[str, ...] = ("show", "settled")


ISSUES = ("issue", "issued", "show", "settled")
TABLE = {
    "asked": Taken("", (), ask, State.OPEN, dies=("probe", "probed", "show", "settled")),
    "looked at": Taken("looked_at", (ask,), look, State.OPEN),
    "looked at, and needs nobody": Taken(
        "waive", (ask,), lambda side: side.look("J-1", free=True), State.APPROVED, jobs=1, dies=ISSUES
    ),
    "looked at, and cannot be done": Taken(
        "void",
        (ask,),
        lambda side: side.look("J-1", reason="not_found", message="No such container: web"),
        State.VOID,
    ),
    "not looked at in time": Taken("void", (ask,), later(31), State.VOID),
    "one of two votes": Taken("cast", OPENED, FIRST, State.OPEN),
    "a vote that decides": Taken("cast", (*OPENED, FIRST), SECOND, State.APPROVED, jobs=1, dies=ISSUES),
    "a no": Taken("cast", OPENED, says(Deny, "U0BEN"), State.DENIED),
    "reminded": Taken("tell", (*OPENED, FIRST), later(61), State.OPEN, told=1),
    "escalated": Taken("tell", (*OPENED, later(61)), later(121), State.OPEN, told=2),
    "somebody else is asked": Taken("touched", (*OPENED, FIRST), asks_another, State.OPEN),
    "expired": Taken("expire", (*OPENED, FIRST), later(601), State.EXPIRED),
    "withdrawn": Taken("withdraw", (*OPENED, FIRST), says(Withdraw, "U0ANA"), State.WITHDRAWN),
    "moved before its run": Taken("void", (*OPENED, FIRST, SECOND), moves, State.VOID, jobs=1),
}
CELLS = [
    (step, point, down)
    for step, taken in TABLE.items()
    for point in taken.dies
    for down in ("the bot", "the bot and the store")
]


def test_every_state_and_every_step_of_the_code_is_in_the_table():
    transitions = {
        name
        for name, function in inspect.getmembers(steps, inspect.isfunction)
        if function.__module__ == steps.__name__
        and inspect.signature(function).return_annotation == steps.Approval | NotCounted
    }
    assert {taken.of for taken in TABLE.values()} - {""} == transitions
    assert {taken.after for taken in TABLE.values()} == set(State)


@pytest.fixture(scope="module")
def store(start_store: Callable[..., Store]) -> Store:
    """A store with an append-only file, to be killed."""
    return start_store()


@pytest.fixture
async def side(store: Store, tmp_path: Path) -> AsyncIterator[Side]:
    store.empty()
    async with bot_client(store.url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        side = Side(client, tmp_path)
        side.policy_file.write_text(POLICY, encoding="utf-8")
        side.people.groups["U0BOSS"] = ()
        yield side


async def _gone(*_: Any, **__: Any) -> Any:
    raise StoreDown(unsure=True)


def _after(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def done_and_gone(*args: Any, **kwargs: Any) -> Any:
        await work(*args, **kwargs)
        raise StoreDown(unsure=True)

    return done_and_gone


DEATHS: dict[str, Callable[[Side], tuple[Any, str, Any]]] = {
    "probe": lambda _: (Tickets, "probe", _gone),
    "probed": lambda _: (Tickets, "probe", _after(Tickets.probe)),
    "issue": lambda _: (Tickets, "issue", _gone),
    "issued": lambda _: (Tickets, "issue", _after(Tickets.issue)),
    "show": lambda side: (side, "_show", _gone),
    "settled": lambda _: (Approvals, "settled", _gone),
}


async def audit(side: Side) -> list[bytes]:
    return [fields[b"entry"] for _, fields in await side.client.xrange(Names("docktalk").audit)]


@pytest.mark.parametrize(("name", "point", "down"), CELLS)
async def test_whoever_dies_within_a_step_it_is_finished_and_taken_once(
    name: str, point: str, down: str, side: Side, store: Store, monkeypatch: pytest.MonkeyPatch
):
    taken = TABLE[name]
    side.asked_at = side.now
    for work in taken.before:
        await work(side)
    with monkeypatch.context() as patch:
        patch.setattr(*DEATHS[point](side))
        with pytest.raises(StoreDown):
            await taken.work(side)
    if down == "the bot and the store":
        store.kill()
        store.start()
    side.now += LONG_DEAD
    await side.tick()

    kept = await side.desk.store.of_job("J-1")
    assert (kept.approval.state, kept.approval.told) == (taken.after, taken.told)
    assert side.cards["J-1"] == kept
    assert len(await side.queued()) == taken.jobs
    assert await side.queued(Mode.PROBE)
    if name == "asked":
        await look(side)
        kept = await side.desk.store.of_job("J-1")
        assert side.cards["J-1"].approval.bound

    entries = await audit(side)
    changed = [entry for entry in entries if b'"kind":"approval_changed"' in entry]
    assert len(changed) == kept.approval.revision
    assert sum(b'"kind":"accepted"' in entry for entry in entries) == taken.jobs
    for vote in kept.approval.votes:
        assert sum(b'"user_id":"%s"' % vote.user_id.encode() in entry for entry in changed) == 1

    with contextlib.suppress(ApprovalClosed):
        await taken.work(side)
    await side.tick()
    assert await side.desk.store.of_job("J-1") == kept
    assert await audit(side) == entries
    assert len(await side.queued()) == taken.jobs
    due = await side.desk.store.due(side.now)
    assert due == []
    assert bool(await side.desk.store.due(side.now + 1e6)) == (kept.approval.state is State.OPEN)
