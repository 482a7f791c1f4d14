"""After the engine said that there is no such object: what its asker may have meant, if they could use it."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from bot.did_you_mean import DidYouMean, Meant
from bot.jobs.wire import Seen
from bot.policy.file import load
from bot.request import Origin
from bot.store.records import RequestRecord
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.ticket import Effect
from permissions.verbs import Danger, Kind, Verb

POLICY = """\
version: 1
roles:
  shop:
    rules:
      - commands: [container restart]
        max_danger: INTERRUPTS
        targets: {container: ["web*", "api"]}
      - commands: [inspect]
        max_danger: INTERRUPTS
bindings:
  - {role: shop, users: [U1]}
"""


@dataclass
class Hosts:
    """Inventories that a test fills."""

    has: dict[Kind, tuple[Seen, ...]] = field(default_factory=dict)

    async def of(self, _host, kind):
        return self.has.get(kind, ())


@dataclass
class Lines:
    """Kept lines."""

    kept: list[dict] = field(default_factory=list)

    async def put(self, **line):
        self.kept.append(line)
        return f"line-{len(self.kept)}"


@pytest.fixture
def hosts():
    return Hosts()


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def ask(tmp_path, hosts, lines):
    """What the asker of a job may have meant."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    policy = SimpleNamespace(current=load(path))

    async def who(team_id, user_id, name):
        return Principal(team_id=team_id, user_id=user_id, name=name, standing=Standing.MEMBER, as_of=0.0)

    return DidYouMean(hosts, policy, who, lines).meant


def seen(*names, identity="f00d"):
    return tuple(Seen(id=f"{identity}{number:060}", names=(name,)) for number, name in enumerate(names))


def record(*names, shown=None, kind=Kind.CONTAINER):
    command = "inspect" if kind is Kind.SYSTEM else "container restart"
    return RequestRecord(
        job_id="J-1",
        delivery_id="d",
        origin=Origin.SLASH,
        team_id="T1",
        user_id="U1",
        user_name="ana",
        channel_id="C1",
        shown=shown or f"docker {command} {' '.join(names)}",
        host="prod-1",
        command=command,
        effect=Effect.CHANGE,
        rule="r",
        accepted_at=0.0,
        not_after=1.0,
        deadline=1.0,
        operation=Operation(
            command=command,
            verb=Verb.OPERATE,
            danger=Danger.INTERRUPTS,
            resources=tuple(Resource(kind=kind, name=name) for name in names),
            host="prod-1",
        ),
    )


async def test_one_close_name_is_offered_with_the_line_that_has_it(ask, hosts, lines):
    hosts.has[Kind.CONTAINER] = seen("web", "cache", "secret-db")
    meant = await ask(record("wbe", shown="docker container restart --timeout 2 wbe"))
    assert meant == Meant(name="web", line_id="line-1")
    [kept] = lines.kept
    assert kept["text"] == "--host prod-1 container restart --timeout 2 web"
    assert (kept["user_id"], kept["channel_id"]) == ("U1", "C1")


NOTHING = {
    "a name that is close to two": (("web1", "web2"), ("web3",)),
    "a name that the asker may not use": (("secret-db",), ("secret-dp",)),
    "a name that is there": (("web",), ("web",)),
    "nothing close": (("web",), ("something-else",)),
    "the beginning of an id": (("web",), ("f00d",)),
    "two names that are both wrong": (("web", "api"), ("wbe", "aip")),
    "an empty host": ((), ("wbe",)),
}


@pytest.mark.parametrize(("has", "typed"), NOTHING.values(), ids=NOTHING)
async def test_nothing_is_offered_for(ask, hosts, lines, has, typed):
    hosts.has[Kind.CONTAINER] = seen(*has)
    assert await ask(record(*typed)) is None
    assert lines.kept == []


async def test_the_wrong_one_of_several_is_found(ask, hosts, lines):
    hosts.has[Kind.CONTAINER] = seen("web", "api")
    assert (await ask(record("api", "wbe"))).name == "web"
    assert lines.kept[0]["text"] == "--host prod-1 container restart api web"


async def test_a_name_without_a_kind_may_be_an_image(ask, hosts):
    hosts.has[Kind.CONTAINER] = seen("web")
    hosts.has[Kind.IMAGE] = seen("nginx:latest")
    assert (await ask(record("ngnix", kind=Kind.SYSTEM))).name == "nginx"


@pytest.mark.parametrize(
    "shown", ["docker container restart -e \u2022\u2022\u2022\u2022 wbe", "docker container restart wbe wbe"]
)
async def test_a_line_that_cannot_be_corrected_is_only_named(ask, hosts, lines, shown):
    hosts.has[Kind.CONTAINER] = seen("web")
    assert await ask(record("wbe", shown=shown)) == Meant(name="web")
    assert lines.kept == []


async def test_a_name_in_the_inventory_is_nothing_but_a_word(ask, hosts, lines):
    hosts.has[Kind.CONTAINER] = seen("web; rm -rf /", "web --privileged")
    assert await ask(record("web; rm -rf x")) is None
    hosts.has[Kind.CONTAINER] = seen("web -x")
    meant = await ask(record("web-x"))
    assert meant is None or "'web -x'" in lines.kept[0]["text"]


async def test_an_old_record_has_nothing_to_decide_on(ask, hosts):
    hosts.has[Kind.CONTAINER] = seen("web")
    assert await ask(record("wbe").model_copy(update={"operation": None})) is None


async def test_a_name_that_only_the_worker_could_decide_on_is_not_offered(tmp_path, hosts, lines):
    path = tmp_path / "policy.yaml"
    hidden = 'deny: [{commands: ["*"], targets: {container: ["label:hidden"]}}]\n'
    path.write_text(POLICY + hidden, encoding="utf-8")

    async def who(team_id, user_id, name):
        return Principal(team_id=team_id, user_id=user_id, name=name, standing=Standing.MEMBER, as_of=0.0)

    hosts.has[Kind.CONTAINER] = seen("web")
    meant = DidYouMean(hosts, SimpleNamespace(current=load(path)), who, lines).meant
    assert await meant(record("wbe")) is None
