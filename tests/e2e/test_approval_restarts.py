"""Every state of an approval x a restart of the bot, the worker and the store, as processes that are killed.

Whatever is killed and started again, the approval goes on to the end that it would have had: one job runs,
or none; each vote is in the audit once; a click on a card from before changes nothing.
"""

import asyncio
import copy
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import docker
import pytest
import pytest_asyncio

from bot.audit.reading import Filters, scan
from bot.failpoints import STATUS
from bot.jobs.names import Names, StoreClient, bot_client
from bot.keys import BotKeys
from bot.slack import cards
from bot.standin.world import Message
from bot.store.approvals import Approvals, Asked
from permissions import audit
from permissions.approval import State
from tests.soak.rig import Rig

NAMES = Names("docktalk")
WITHIN = 60.0
STAYS_UP = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
POLICY = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [list, reveal]
      - commands: [container restart]
        targets: {container: ["plain-*"]}
        approval:
          any: [{steps: [{people: 2, groups: [S0SRE]}]}, {steps: [{roles: [lead]}]}]
      - commands: [container restart]
        targets: {container: ["reminds-*"]}
        approval: {any: [{steps: [{people: 2, groups: [S0SRE]}]}], remind: 1s}
      - commands: [container restart]
        targets: {container: ["escalates-*"]}
        approval:
          any: [{steps: [{people: 2, groups: [S0SRE]}]}, {steps: [{users: [U0BOSS]}], after: 1s}]
      - commands: [container restart]
        targets: {container: ["expires-*"]}
        approval: {any: [{steps: [{people: 2, groups: [S0SRE]}]}], expires: 2s}
  lead: {rules: [{verbs: [list]}]}
bindings:
  - {role: operator, users: [U0ANA]}
  - {role: lead, users: [U0LEAD]}
"""
ANA, BEN, CLEO, LEAD, BOSS = "U0ANA", "U0BEN", "U0CLEO", "U0LEAD", "U0BOSS"


class Floor:
    """A deployment of processes, and the people who ask and decide there.

    ``before`` is what people saw of a card while it could be clicked.
    """

    def __init__(
        self, rig: Rig, client: StoreClient, engine: docker.APIClient, names: dict[str, str]
    ) -> None:
        self.rig = rig
        self.client = client
        self.engine = engine
        self.names = names
        self.card: Message
        self.job_id = ""
        self.before: list[Message] = []

    async def kept(self) -> Asked:
        keys = BotKeys.load_or_create(self.rig.folder / "bot" / "keys")
        found = await Approvals(self.client, "docktalk", keys).of_job(self.job_id)
        assert found is not None
        return found

    async def ask(self, of: str = "plain", seconds: int = 0) -> None:
        """Ana types a restart; the card is there."""
        # As if it were another day each time: nobody may ask as often as all of these tests do.
        async for key in self.client.scan_iter(match="{docktalk}:rate:*"):
            await self.client.delete(key)
        seen = len(self.rig.standin.messages(self.rig.channel))
        line = f"container restart -t {seconds} {self.names[of]}"
        ack = await self.rig.standin.slash(ANA, self.rig.channel, line)
        assert ack.ok
        self.before = []

        def card(standin: Any) -> Message | None:
            new = standin.messages(self.rig.channel)[seen:]
            return next((one for one in new if one.thread_ts is None and one.blocks), None)

        self.card = await self.rig.standin.until(card, WITHIN)
        self.job_id = re.findall(r"J-\d+", json.dumps(self.card.blocks[-1]))[0]

    async def shows(self, *words: str) -> None:
        """Waits until the card says it."""
        await self.rig.standin.until(
            lambda _: all(word in json.dumps(self.card.blocks) for word in words), WITHIN
        )

    async def told(self, words: str) -> None:
        """Waits until the card's thread says it."""
        thread = lambda s: json.dumps([one.blocks for one in s.thread(self.card.channel, self.card.ts)])  # noqa: E731
        await self.rig.standin.until(lambda s: words in thread(s), WITHIN)

    async def open(self, of: str = "plain", seconds: int = 0) -> None:
        await self.ask(of, seconds)
        await self.shows(cards.APPROVE)
        self.remember()

    def remember(self) -> None:
        self.before.append(copy.deepcopy(self.card))

    async def click(self, user_id: str, action: str = cards.APPROVE, on: Message | None = None) -> bool:
        ack = await self.rig.standin.click(user_id, on or self.card, action)
        return bool(ack.ok)

    async def say_no(self, user_id: str) -> None:
        await self.click(user_id, cards.DENY)
        mine = lambda s: next((v for v in s.world.views.values() if v.user == user_id), None)  # noqa: E731
        view = await self.rig.standin.until(mine, WITHIN)
        await self.rig.standin.submit(user_id, view, {cards.REASON: {cards.REASON: {"value": "not now"}}})

    async def over(self) -> None:
        """Waits until nothing is left to do, and all of it is in the audit."""
        async with asyncio.timeout(WITHIN):
            while not await self._is_over():  # noqa: ASYNC110 - the store rings no bell
                await asyncio.sleep(0.02)
            await self.rig.quiet()
            while await self.client.xlen(NAMES.audit):  # noqa: ASYNC110 - the store rings no bell
                await asyncio.sleep(0.02)

    async def _is_over(self) -> bool:
        approved = (await self.kept()).approval.state is State.APPROVED
        return not approved or bool(await self.client.exists(f"{NAMES.prefix}done:{self.job_id}"))

    def records(self) -> list[audit.What]:
        found = scan(self.rig.folder / "audit", Filters(job=self.job_id))
        return [one.entry.what for one in found]

    async def happened(self, event: str, since: float, times: int) -> int:
        """How often the engine has done this to the containers, by its own events, once it is so often."""
        filters = {"container": list(self.names.values()), "event": event}

        def told() -> int:
            until = time.time()
            return sum(1 for _ in self.engine.events(since=since, until=until, filters=filters, decode=True))

        async with asyncio.timeout(WITHIN):
            while (found := await asyncio.to_thread(told)) < times:  # noqa: ASYNC110 - asked anew each time
                await asyncio.sleep(0.05)
        return found


async def asked(floor: Floor) -> None:
    await floor.rig.end("worker")
    await floor.ask()


async def looked_at(floor: Floor) -> None:
    await floor.open()


async def one_of_two(floor: Floor) -> None:
    await floor.open()
    await floor.click(BEN)
    await floor.shows("Yes so far")
    floor.remember()


async def reminded(floor: Floor) -> None:
    await floor.open("reminds")
    await floor.told("Still waiting")


async def escalated(floor: Floor) -> None:
    await floor.open("escalates")
    await floor.told("more people are asked")
    floor.remember()


async def not_queued(floor: Floor) -> None:
    """The bot dies once the last vote is kept, before it puts the job into the queue."""
    await floor.rig.end("bot")
    await floor.rig.start("bot", failpoint="intake")
    await floor.open()
    await floor.click(LEAD)
    assert await floor.rig.died("bot") == STATUS


async def queued(floor: Floor) -> None:
    await floor.open()
    await floor.rig.end("worker")
    await floor.click(LEAD)
    await floor.shows("Approved")


async def running(floor: Floor) -> None:
    """The engine has begun to stop the container, which takes its time."""
    since = time.time()
    await floor.open(seconds=1)
    await floor.click(LEAD)
    await floor.happened("kill", since, 1)


async def denied(floor: Floor) -> None:
    await floor.open()
    await floor.say_no(BEN)
    await floor.shows("Denied", "not now")


async def expired(floor: Floor) -> None:
    await floor.open("expires")
    await floor.click(BEN)
    await floor.shows("Expired")


async def withdrawn(floor: Floor) -> None:
    await floor.open()
    await floor.click(ANA, cards.WITHDRAW)
    await floor.shows("Withdrawn")


async def void(floor: Floor) -> None:
    """The container's memory limit is another one than when it was looked at."""
    await floor.open()
    limit = (int(time.time()) % 1000 + 64) * 2**20
    await asyncio.to_thread(
        floor.engine.update_container, floor.names["plain"], mem_limit=limit, memswap_limit=2 * limit
    )
    await floor.click(LEAD)
    await floor.shows("Void", cards.AGAIN)


Work = Callable[[Floor], Awaitable[None]]


@dataclass(frozen=True)
class Moment:
    """Where an approval stands when something is killed, and what comes of it.

    ``rest`` click Approve afterwards, in this order. ``votes`` are those of the audit in the end, ``runs``
    how often the container was restarted.
    """

    reach: Work
    state: State
    end: State
    rest: tuple[str, ...] = ()
    votes: tuple[str, ...] = ()
    runs: int = 0


OPEN, APPROVED = State.OPEN, State.APPROVED
MOMENTS = {
    "asked and not looked at": Moment(asked, OPEN, APPROVED, (LEAD,), (LEAD,), 1),
    "open": Moment(looked_at, OPEN, APPROVED, (BEN, CLEO), (BEN, CLEO), 1),
    "open with one of two votes": Moment(one_of_two, OPEN, APPROVED, (CLEO,), (BEN, CLEO), 1),
    "reminded": Moment(reminded, OPEN, APPROVED, (CLEO, BEN), (CLEO, BEN), 1),
    "escalated": Moment(escalated, OPEN, APPROVED, (BOSS,), (BOSS,), 1),
    "approved and not queued": Moment(not_queued, APPROVED, APPROVED, (), (LEAD,), 1),
    "queued and not begun": Moment(queued, APPROVED, APPROVED, (), (LEAD,), 1),
    "running": Moment(running, APPROVED, APPROVED, (), (LEAD,), 1),
    "denied": Moment(denied, State.DENIED, State.DENIED, (), (BEN,)),
    "expired": Moment(expired, State.EXPIRED, State.EXPIRED, (), (BEN,)),
    "withdrawn": Moment(withdrawn, State.WITHDRAWN, State.WITHDRAWN, (), (ANA,)),
    "void": Moment(void, State.VOID, State.VOID, (), (LEAD,)),
}
KILLED = ("bot", "worker", "store")


def test_every_state_is_in_the_table():
    assert {moment.state for moment in MOMENTS.values()} == set(State)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def floor(
    docker_host: str, image: str, unique: Any, start_store: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Floor]:
    engine = docker.APIClient(base_url=docker_host, version="auto")
    names = {of: unique(of) for of in ("plain", "reminds", "escalates", "expires")}
    for name in names.values():
        engine.start(engine.create_container(image, STAYS_UP, name=name))
    store = start_store()
    async with Rig(tmp_path_factory.mktemp("rig"), docker_host, store, lease=0.6) as rig:
        (rig.folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        world = rig.standin.world
        for user_id in (ANA, BEN, CLEO, LEAD, BOSS):
            world.add_user(user_id[2:].lower(), user_id)
        world.add_group("sre", "S0SRE", [ANA, BEN, CLEO])
        await rig.start("worker")
        await rig.start("bot")
        async with bot_client(store.url) as client:
            yield Floor(rig, client, engine, names)
    store.stop()
    for name in names.values():
        engine.remove_container(name, force=True)
    engine.close()


async def killed_and_back(floor: Floor, what: str) -> None:
    """Kills one of the three; in the end all of them are there."""
    rig = floor.rig
    if what == "store":
        rig.store.kill()
        await asyncio.to_thread(rig.store.start)
    elif what in rig._processes:
        await rig.end(what)
    if "bot" not in rig._processes:
        # The dead one had the audit's chain for some seconds more; nothing else waits for that.
        await floor.client.delete(NAMES.audit_lease)
    for name in ("worker", "bot"):
        if name not in rig._processes:
            await rig.start(name)
    await rig.up()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("what", KILLED)
@pytest.mark.parametrize("name", MOMENTS)
async def test_an_approval_comes_to_its_end_whatever_is_killed(name: str, what: str, floor: Floor):
    moment, since = MOMENTS[name], time.time()
    await moment.reach(floor)
    assert (await floor.kept()).approval.state is moment.state
    await killed_and_back(floor, what)

    for user_id in moment.rest:
        await floor.shows(cards.APPROVE)
        floor.remember()
        votes = len((await floor.kept()).approval.votes)
        assert await floor.click(user_id)
        assert len((await floor.kept()).approval.votes) == votes + 1
    await floor.over()
    end = await floor.kept()
    assert end.approval.state is moment.end
    assert await floor.happened("restart", since, moment.runs) == moment.runs
    told = floor.records()
    said = [one.who.user_id for one in told if isinstance(one, audit.ApprovalChanged) and one.who]
    assert said == list(moment.votes)
    assert [one.kind for one in told].count("approval_asked") == 1
    assert [one.kind for one in told].count("accepted") == int(bool(moment.runs) or name == "void")

    for card in floor.before:
        for user_id in (BEN, LEAD, BOSS):
            await floor.click(user_id, on=card)
    await floor.over()
    assert await floor.kept() == end
    assert await floor.happened("restart", since, moment.runs) == moment.runs
    assert [one.kind for one in floor.records()] == [one.kind for one in told]
    assert cards.APPROVE not in json.dumps(floor.card.blocks)
