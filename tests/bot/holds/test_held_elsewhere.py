"""A worker names what holds a job; of what does not reach its host nothing is told, whoever names it."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.holds.held import HeldJobs
from bot.hosts import Host, Hosts
from bot.jobs.wire import Held
from bot.request import Origin
from bot.store.records import RequestRecord
from permissions.freezes import Freeze
from permissions.holds import Lock
from permissions.policy import Policy
from permissions.ticket import Effect

NOW = 1_700_000_000.0
HOSTS = Hosts(default="test-1", known=(Host(name="test-1", labels={"env": "test"}), Host(name="prod-1")))
ALWAYS = ({"from": 0.0, "until": 2 * NOW},)
POLICY = Policy(
    version=1,
    freezes={
        "books": Freeze(reason="a secret audit", by="board", when=ALWAYS, hosts=("prod-*",)),
        "tests": Freeze(reason="a test run", by="qa", when=ALWAYS, hosts=("label:env=test",)),
    },
)
LOCKS = tuple(
    Lock(id=f"K-{number}", owner_id="U0BEN", owner_name="ben", reason="a breach", set_at=NOW, host=host)
    for number, host in enumerate(("prod-1", "test-*", ""), start=1)
)


async def held(**by: str) -> Any:
    """What the bot tells of a job of test-1 that is held by this, as its worker says."""

    async def keep(_job: object) -> bool:
        return True

    async def in_force() -> tuple[Lock, ...]:
        return LOCKS

    jobs = HeldJobs(
        store=SimpleNamespace(keep=keep),
        locks=SimpleNamespace(in_force=in_force),
        policy=SimpleNamespace(current=SimpleNamespace(policy=POLICY)),
        hosts=HOSTS,
        queue=SimpleNamespace(),
        again=SimpleNamespace(claims=lambda *_: None),
        clock=lambda: NOW,
    )
    record = RequestRecord(
        job_id="J-1",
        delivery_id="d",
        origin=Origin.SLASH,
        team_id="T1",
        user_id="U0ANA",
        user_name="ana",
        channel_id="C1",
        shown="restart web",
        host="test-1",
        command="container restart",
        effect=Effect.CHANGE,
    )
    return await jobs.keep(record, Held(job_id="J-1", worker="w", ticket="{}", at=NOW, **by))


@pytest.mark.parametrize("by", [{"lock": "K-1"}, {"freeze": "books"}, {"lock": "K-9"}, {"freeze": "none"}])
async def test_what_does_not_reach_the_host_of_the_job_is_not_told(by: dict[str, str]):
    assert await held(**by) is None


@pytest.mark.parametrize("by", [{"lock": "K-2"}, {"lock": "K-3"}, {"freeze": "tests"}])
async def test_what_reaches_it_is_told(by: dict[str, str]):
    assert (await held(**by)).sentence
