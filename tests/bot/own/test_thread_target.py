"""A thread's target on a real store: what takes it, what asks first, and what never does."""

import time
from pathlib import Path
from typing import Any

import pytest

from bot.hosts import Host, Hosts
from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.jobs.wire import Seen
from bot.keys import BotKeys
from bot.own.job_lines import job_line
from bot.own.said import Said
from bot.own.thread_target import Spoken, TargetDesk
from bot.policy.file import load as load_policy
from bot.reply import Unconfirmed
from bot.request import Origin, Request
from bot.slack import replies
from bot.store.corrections import Corrections
from bot.store.thread_targets import IDLE_SECONDS, ThreadTargets
from handlers.catalogue import load
from handlers.faults import Fault, Reason, UsageFault
from handlers.grammar.parser import HelpAsked
from permissions.operation import Principal, Standing
from permissions.verbs import Kind
from tests.bot.slack.approval_cards import check

pytestmark = pytest.mark.store

CATALOGUE = load()
POLICY = """\
version: 1
roles:
  responder: {rules: [{commands: ["*"]}]}
bindings:
  - {role: responder, users: [U0ANA], hosts: [local, prod-1]}
  - {role: responder, users: [U0BEN]}
"""


class There:
    """What workers say that their hosts have: the names of containers by host."""

    def __init__(self) -> None:
        self.names: dict[str, tuple[str, ...]] = {}

    async def of(self, host: str, _kind: Kind) -> tuple[Seen, ...]:
        return tuple(Seen(id=name * 8, names=(name,)) for name in self.names.get(host, ()))


class Nothing:
    """Nobody was lent a role, but for whom a test says so."""

    def __init__(self) -> None:
        self.lent: dict[str, Host] = {}

    async def seen(self, principal, _channel_id, bound):
        more = (self.lent[principal.user_id],) if principal.user_id in self.lent else ()
        return bound.model_copy(update={"known": (*bound.known, *more)})


class Side:
    """The bot's side of thread 1.5 of C1."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client = client
        self.keys = BotKeys.load_or_create(folder / "keys")
        file = folder / "policy.yaml"
        file.write_text(POLICY, encoding="utf-8")
        self.loaded = load_policy(file)
        self.now = time.time()
        self.corrections = Corrections(client, "docktalk", self.keys)
        names = ("local", "prod-1", "prod-2")
        self.lending = Nothing()
        self.seen = There()
        self.desk = TargetDesk(
            store=ThreadTargets(client, "docktalk", self.keys, lambda: self.now),
            hosts=Hosts(default="local", known=tuple(Host(name=name) for name in names)),
            lending=self.lending,
            inventories=self.seen,
            catalogue=CATALOGUE,
            corrections=self.corrections,
            clock=lambda: self.now,
        )

    def request(self, text: str, user: str = "U0ANA", **changes: Any) -> Request:
        fields = {
            "origin": Origin.MENTION,
            "delivery_id": "d1",
            "team_id": "T1",
            "user_id": user,
            "user_name": user,
            "channel_id": "C1",
            "thread_ts": "1.5",
            "text": text,
            "received_at": self.now,
        }
        return Request(**{**fields, **changes})

    async def use(self, text: str, user: str = "U0ANA", **where: Any) -> str:
        person = Principal(
            team_id="T1",
            user_id=user,
            name=user.removeprefix("U0").lower(),
            standing=Standing.MEMBER,
            as_of=self.now,
        )
        request = self.request(text, user, program="docktalk", **where)
        return (await self.desk.answer(job_line(f"use {text}"), Said(request, person, self.loaded))).text

    async def read(self, text: str, **where: Any) -> Spoken:
        return await self.desk.read(self.request(text, **where))

    async def question(self, text: str, **where: Any) -> Unconfirmed | None:
        spoken = await self.read(text, **where)
        return await self.desk.question(
            spoken, spoken.parsed.command.operation(spoken.parsed.host or "local")
        )


@pytest.fixture
async def side(store_url, tmp_path):
    async with bot_client(store_url) as client:
        yield Side(client, tmp_path)


FILLED = [
    ("logs --tail 5", "--host prod-1 logs --tail 5 web"),
    ("docker logs", "--host prod-1 logs web"),
    ("/docker  container logs -t", "--host prod-1 container logs -t web"),
    ("-H prod-1 logs", "-H prod-1 logs web"),
    ("container inspect", "--host prod-1 container inspect web"),
    ("top", "--host prod-1 top web"),
    ("restart -t 2", "--host prod-1 restart -t 2 web"),
    ("rm -f", "--host prod-1 rm -f web"),
    ("logs other", "--host prod-1 logs other"),
    ("ps -a", "--host prod-1 ps -a"),
    ("stats --no-stream", "--host prod-1 stats --no-stream"),
    ("run -d nginx", "--host prod-1 run -d nginx"),
]


@pytest.mark.parametrize(("text", "whole"), FILLED)
async def test_a_line_takes_what_it_leaves_out_and_says_so(side, text, whole):
    await side.use("prod-1/web")
    spoken = await side.read(text)
    assert spoken.request.text == whole
    assert spoken.parsed.host == "prod-1"
    named = "web on prod-1" if whole.endswith(" web") else "on prod-1"
    assert spoken.request.notes == (f"{named}: this thread's target, set by ana",)


WHOLE = ["-H prod-2 ps", "-H prod-2 restart web", "--host local logs other"]


@pytest.mark.parametrize("text", WHOLE)
async def test_a_line_that_names_its_host_itself_takes_nothing(side, text):
    await side.use("prod-1/web")
    spoken = await side.read(text)
    assert (spoken.request, spoken.target) == (side.request(text), None)


NOT_FILLED = [
    "-H prod-2 logs",  # the container was meant on another host
    "exec sh",
    "exec",
    "rename web",
    "rename other",
    "logs a b",
    "logs --tail",
    "logs --tial 5",
    "network inspect",
    "rmi",
    "tag",
    "cp",
    "inspect",
    "volume rm",
    "pull",
    "nonsense",
    "logs 'web",
]


@pytest.mark.parametrize("text", NOT_FILLED)
async def test_what_lacks_anything_else_is_answered_as_ever(side, text):
    with pytest.raises(UsageFault) as before:
        await side.read(text)
    await side.use("prod-1/web")
    with pytest.raises(UsageFault) as after:
        await side.read(text)
    assert (after.value.message, after.value.reason) == (before.value.message, before.value.reason)


async def test_a_host_alone_names_no_container(side):
    await side.use("prod-1")
    with pytest.raises(UsageFault, match="requires 1 argument"):
        await side.read("logs")
    assert (await side.read("ps")).parsed.host == "prod-1"


async def test_help_is_given_without_any_target(side):
    await side.use("prod-1/web")
    assert isinstance((await side.read("logs --help")).parsed, HelpAsked)


@pytest.mark.parametrize(
    "where",
    [
        {"thread_ts": "1.6"},
        {"channel_id": "C2"},
        {"thread_ts": "", "origin": Origin.SLASH},
        {"confirmed": True, "origin": Origin.BUTTON},
        {"again": True, "origin": Origin.BUTTON},
        {"origin": Origin.MODAL},
    ],
)
async def test_elsewhere_and_after_a_click_on_what_was_shown_nothing_is_taken(side, where):
    await side.use("prod-1/web")
    spoken = await side.read("restart other", **where)
    assert (spoken.parsed.host, spoken.target) == (None, None)


ASKED = [
    "restart -t 2",
    "restart other",
    "-H prod-1 restart",
    "rm -f",
    "run -d nginx",
    "exec web id",
    "pull nginx",
    "system prune --force",
]
UNASKED = [
    "logs",
    "ps",
    "stats --no-stream",
    "top",
    "restart --dry-run",
    "rm --dry-run other",
    "system prune",
    "-H prod-1 restart web",
    "-H prod-2 rm -f other",
]


@pytest.mark.parametrize("text", ASKED)
async def test_a_change_that_took_its_place_from_the_thread_asks_first(side, text):
    await side.use("prod-1/web", user="U0BEN")
    asked = await side.question(text)
    assert isinstance(asked, Unconfirmed)
    assert (asked.host, asked.reason, asked.set_by) == ("prod-1", Reason.UNCONFIRMED, "U0BEN")
    whole = (await side.read(text)).request.text
    assert asked.suggestion == whole
    kept = await side.corrections.take(asked.correction_id, "U0ANA")
    assert (kept.text, kept.confirmed, kept.program) == (whole, True, "docker")
    assert "prod-1" in kept.text


@pytest.mark.parametrize("text", UNASKED)
async def test_a_read_a_dry_run_a_whole_line_and_what_asks_by_itself_do_not(side, text):
    await side.use("prod-1/web")
    assert await side.question(text) is None


async def test_what_was_said_yes_to_goes_where_it_was_shown_to_go(side):
    await side.use("prod-1/web")
    asked = await side.question("restart")
    await side.use("prod-2/db", user="U0BEN")
    kept = await side.corrections.take(asked.correction_id, "U0ANA")
    click = side.request(kept.text, origin=Origin.BUTTON, confirmed=kept.confirmed)
    spoken = await side.desk.read(click)
    assert (spoken.parsed.host, spoken.parsed.command.containers) == ("prod-1", ("web",))
    assert await side.desk.question(spoken, spoken.parsed.command.operation("prod-1")) is None


async def test_nobody_else_says_yes_to_it(side):
    await side.use("prod-1/web")
    asked = await side.question("restart")
    assert await side.corrections.take(asked.correction_id, "U0BEN") is None


async def test_the_question_hides_what_the_line_hides_and_fits(side):
    await side.use("prod-1/web")
    asked = await side.question("run -d -e PASSWORD=swordfish --name api nginx")
    shown = replies.refusal(asked)
    check(shown)
    text = str(shown.blocks)
    assert "swordfish" not in text + shown.text
    for said in ("prod-1", "api", "--host", "Run it", "U0ANA"):
        assert said in text
    check(
        replies.refusal(asked.model_copy(update={"suggestion": "x" * 10_000, "objects": ("y" * 300,) * 50}))
    )


def test_after_the_click_it_is_said_whether_people_have_to_agree_first():
    runs = replies.started("J-7", "U0ANA", confirmed=True)
    waits = replies.started("J-7", "U0ANA", confirmed=True, waits=True)
    check(runs)
    check(waits)
    assert "it runs as J-7" in runs.text
    assert "it needs an approval" in waits.text


async def test_a_host_that_one_may_not_see_is_none(side):
    unseen = pytest.raises(Fault, match="no such host: prod-2")
    with unseen as hidden:
        await side.use("prod-2/web")
    with pytest.raises(Fault, match="no such host: prod-3") as absent:
        await side.use("prod-3/web")
    assert hidden.value.hint == absent.value.hint == "Hosts that you may use here: local, prod-1."
    await side.use("prod-2/web", user="U0BEN")
    assert "prod-2" not in await side.use("")
    assert "prod-2" not in await side.use("prod-1/web")


async def test_a_line_of_somebody_who_may_not_see_the_host_does_not_tell_it(side):
    await side.use("prod-2/web", user="U0BEN")
    spoken = await side.read("logs")
    anas = side.desk.hosts.model_copy(update={"known": side.desk.hosts.known[:2]})
    with pytest.raises(Fault, match="a host that you may not use here") as hidden:
        side.desk.host(spoken, anas)
    assert hidden.value.reason is Reason.UNKNOWN_HOST
    assert "prod-2" not in f"{hidden.value.message}{hidden.value.hint}"
    assert side.desk.host(spoken, side.desk.hosts).name == "prod-2"
    with pytest.raises(Fault, match="no such host: prod-2"):
        side.desk.host(await side.read("-H prod-2 logs web"), anas)


async def test_a_host_that_one_sees_by_a_lent_role_can_be_set(side):
    side.lending.lent["U0ANA"] = Host(name="prod-2")
    assert "web on prod-2" in await side.use("prod-2/web")


async def test_the_last_one_set_wins_and_says_what_was_before(side):
    await side.use("prod-1/web")
    said = await side.use("prod-2", user="U0BEN")
    assert "Before, ana had set web on prod-1." in said
    assert "Before" not in await side.use("prod-1/db", user="U0BEN")
    assert (await side.read("logs")).request.notes == ("db on prod-1: this thread's target, set by ben",)
    assert await side.use("") == "This thread is about db on prod-1, set by ben.\n"
    assert "no target any more" in await side.use("--clear")
    assert "no target" in await side.use("")
    assert (await side.read("ps")).parsed.host is None


@pytest.mark.parametrize(("user", "sees"), [("U0ANA", False), ("U0NOBODY", False), ("U0BEN", True)])
async def test_who_may_not_see_it_does_not_send_the_lines_of_others_to_the_default_host(side, user, sees):
    await side.use("prod-2/web", user="U0BEN")
    assert ("no target any more" in await side.use("--clear", user=user)) is sees
    assert (await side.read("restart web")).parsed.host == (None if sees else "prod-2")


async def test_it_ends_after_an_idle_hour_and_a_line_that_uses_it_begins_another(side):
    await side.use("prod-1/web")
    side.now += IDLE_SECONDS - 1
    assert (await side.read("logs")).parsed.host == "prod-1"
    side.now += IDLE_SECONDS - 1
    assert (await side.read("ps")).parsed.host == "prod-1"
    side.now += IDLE_SECONDS
    assert (await side.read("ps")).parsed.host is None


async def test_outside_threads_there_is_none_to_set(side):
    with pytest.raises(Fault, match="Only a thread has a target") as refused:
        await side.use("prod-1", thread_ts="", origin=Origin.SLASH)
    assert "Mention me" in refused.value.hint


@pytest.mark.parametrize(
    "text", ["prod-1/", "/web", "prod-1/web/x", "prod-1/-f", "'prod-1/a b'", "--clear prod-1"]
)
async def test_what_is_no_target_is_refused(text):
    with pytest.raises(UsageFault):
        job_line(f"use {text}")


async def test_a_store_that_is_down_lets_no_line_go_to_the_default_host(tmp_path):
    async with bot_client("redis://127.0.0.1:1/0") as client:
        side = Side(client, tmp_path)
        with pytest.raises(StoreDown):
            await side.read("restart web")
        with pytest.raises(UsageFault):
            await side.read("logs")
        assert isinstance((await side.read("logs --help")).parsed, HelpAsked)


@pytest.mark.parametrize(
    ("target", "there", "asks"),
    [
        ("prod-1/wbe", ("web",), True),
        ("prod-1/web", ("web",), False),
        ("prod-1/7225a69555c7", ("web",), False),
        ("prod-1", ("web",), False),
        ("prod-1/wbe", (), False),  # its worker has not said what is there
    ],
)
async def test_a_name_that_nothing_has_there_is_taken_and_asked_about(
    side: Side, target: str, there: tuple[str, ...], asks: bool
):
    side.seen.names["prod-1"] = there
    assert ("is it spelled right?" in await side.use(target)) is asks
    assert target.rpartition("/")[2] in await side.use("")


async def test_a_thread_without_a_target_is_told_how_it_gets_one(side: Side):
    assert "@docktalk use HOST/CONTAINER sets one" in await side.use("")
