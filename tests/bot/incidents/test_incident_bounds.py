"""Every line reads all incidents, and a story the whole audit: they are so many, and told one at a time."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.hosts import Host, Hosts
from bot.incidents.incidents import MOST_OPEN, MOST_OWN, IncidentDesk
from bot.incidents.story import Story
from bot.own.job_lines import job_line
from bot.own.said import Said
from bot.policy.file import load
from bot.request import Origin, Request
from bot.store.incidents import Incident
from handlers.faults import Fault, Reason
from permissions.operation import Principal, Standing

POLICY = """\
version: 1
roles:
  responder: {rules: [{commands: [docktalk incident]}]}
bindings:
  - {role: responder, users: [U0ANA]}
"""


class Store:
    """So many that are open, each for a channel of its own."""

    def __init__(self, number: int) -> None:
        self.begun: list[Incident] = []
        self.known = tuple(
            Incident(
                id=f"I-{n}",
                name=f"INC-{n}",
                team_id="T1",
                channel_id=f"C{n}",
                owner_id="U0BEN",
                owner_name="ben",
                opened_at=time.time(),
                until=time.time() + 3600,
            )
            for n in range(number)
        )

    async def all(self) -> tuple[Incident, ...]:
        return self.known

    async def as_of(self) -> tuple[tuple[Incident, ...], int]:
        return self.known, 0

    async def next_id(self) -> str:
        return "I-9999"

    async def begin(self, one: Incident, *_: Any, **__: Any) -> bool:
        self.begun.append(one)
        return True


async def yes(*_: Any) -> bool:
    return True


def side(store: Store, folder: Path) -> tuple[IncidentDesk, Said]:
    file = folder / "policy.yaml"
    file.write_text(POLICY, encoding="utf-8")
    desk = IncidentDesk(
        store=store,
        channels=SimpleNamespace(can_post=yes),
        board=SimpleNamespace(opened=yes),
        hosts=Hosts(default="local", known=(Host(name="local"),)),
        audit_dir=folder,
        clock=time.time,
    )
    ana = Principal(team_id="T1", user_id="U0ANA", name="ana", standing=Standing.MEMBER, as_of=time.time())
    request = Request(
        origin=Origin.SLASH,
        delivery_id="d1",
        team_id="T1",
        user_id="U0ANA",
        user_name="ana",
        channel_id="CNEW",
        program="docktalk",
        text="",
        received_at=time.time(),
    )
    return desk, Said(request, ana, load(file))


@pytest.mark.parametrize(("there", "opens"), [(MOST_OPEN - 1, True), (MOST_OPEN, False)])
async def test_no_more_are_open_than_every_line_can_read(there: int, opens: bool, tmp_path: Path):
    store = Store(there)
    desk, said = side(store, tmp_path)
    line = job_line("incident open INC-5000")
    if opens:
        await desk.answer(line, said)
    else:
        with pytest.raises(Fault, match="Nothing was opened") as refused:
            await desk.answer(line, said)
        assert refused.value.reason is Reason.LIMIT
    assert len(store.begun) == opens


@pytest.mark.parametrize(("theirs", "opens"), [(MOST_OWN - 1, True), (MOST_OWN, False)])
async def test_nobody_opens_so_many_that_the_others_can_open_none(theirs: int, opens: bool, tmp_path: Path):
    store = Store(theirs + 5)
    by_ana = tuple(one.model_copy(update={"owner_id": "U0ANA"}) for one in store.known[:theirs])
    store.known = (*by_ana, *store.known[theirs:])
    desk, said = side(store, tmp_path)
    if opens:
        await desk.answer(job_line("incident open INC-5000"), said)
    else:
        with pytest.raises(Fault, match="Nothing was opened") as refused:
            await desk.answer(job_line("incident open INC-5000"), said)
        assert refused.value.reason is Reason.LIMIT
    assert len(store.begun) == opens


async def test_whoever_asks_for_many_stories_has_them_read_one_after_the_other(tmp_path: Path, monkeypatch):
    reading, most = 0, 0

    async def to_thread(*_: Any) -> Story:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await asyncio.sleep(0)
        reading -= 1
        return Story(opened=(0.0, "U0ANA"))

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    desk, said = side(Store(0), tmp_path)
    line = job_line("incident timeline INC-1")
    await asyncio.gather(*(desk.answer(line, said) for _ in range(8)))
    assert most == 1
