"""An object is counted as one, however it is written: by what the host's inventory knows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bot.jobs.wire import Seen
from bot.policy.limits import Limits
from handlers.catalogue import load
from handlers.grammar.parser import parse
from permissions.operation import Principal, Standing
from permissions.policy import Per, Policy, Rate
from permissions.rates import Counter
from permissions.verbs import Kind

CATALOGUE = load()
ANA = Principal(team_id="T", user_id="U1", name="", standing=Standing.MEMBER, as_of=0.0)
WEB, API, CAFE = ("a" * 64, "b" * 64, "cafe".ljust(64, "0"))
IMAGE, OTHER = "sha256:" + "1" * 64, "sha256:" + "1f" * 32
HAS = {
    Kind.CONTAINER: (
        Seen(id=WEB, names=("web",)),
        Seen(id=API, names=("api", "web/api")),
        Seen(id=CAFE, names=("b1",)),
    ),
    Kind.IMAGE: (Seen(id=IMAGE, names=("nginx:latest", "shop/cart:1")), Seen(id=OTHER, names=("redis:7",))),
    Kind.VOLUME: (Seen(id="data", names=("data",)),),
}


@dataclass
class Inventory:
    asked: list[tuple[str, Kind]] = field(default_factory=list)

    async def of(self, host: str, kind: Kind) -> tuple[Seen, ...]:
        self.asked.append((host, kind))
        return HAS.get(kind, ())


@dataclass
class Counted:
    counters: list[Counter] = field(default_factory=list)

    async def count(self, counters: Sequence[Counter], *, look: bool) -> None:
        assert not look
        self.counters += counters


def keys(line: str, per: Per = Per.TARGET) -> tuple[set[str], Inventory]:
    """The counters of a line, and what was asked of the inventory."""
    rate = Rate(commands=("*",), per=per, limit=3, within="1m")
    inventory, counted = Inventory(), Counted()
    limits = Limits(counted, inventory)
    operation = parse(line, CATALOGUE).command.operation("local")
    asyncio.run(limits.count(Policy(version=1, rates=(rate,)), ANA, "C1", operation, 0.0))
    return {counter.key for counter in counted.counters}, inventory


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("restart web", "restart /web"),
        ("restart web", f"restart {WEB}"),
        ("restart web", f"restart {WEB[:3]}"),
        ("restart b1", "restart cafe"),
        ("restart web", "exec web id"),
        ("volume rm data", "volume inspect data"),
        ("image rm nginx", "image rm docker.io/library/nginx:latest"),
        ("image rm nginx", f"image rm {IMAGE}"),
        ("image rm nginx", "image rm shop/cart:1"),
    ],
)
def test_an_object_has_the_same_counters_in_every_spelling(left: str, right: str):
    assert keys(left)[0] == keys(right)[0] != set()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("restart web", "restart api"),
        ("restart b1", "restart b"),
        ("restart web", "restart weba"),
        ("image rm nginx", "image rm redis:7"),
        ("image rm nginx", "image rm nginx:1"),
        ("image rm sha256:1", "image rm nginx"),
        ("rename web api2", "rename web api"),
        ("login web", "restart web"),
    ],
)
def test_different_objects_and_what_could_be_several_have_their_own(left: str, right: str):
    assert keys(left)[0] != keys(right)[0]


def test_a_name_that_is_given_is_none_of_the_object_that_has_it():
    assert len(keys("run --name web nosuch")[0] & keys("restart web")[0]) == 1


def test_a_name_goes_before_the_beginning_of_an_id():
    assert keys("restart b1")[0] != keys(f"restart {API}")[0]


def test_the_inventory_is_asked_once_for_each_kind_and_only_for_limits_per_target():
    _, inventory = keys("run --network front -v data:/x -v more:/y nginx")
    assert sorted(inventory.asked) == [
        ("local", Kind.IMAGE),
        ("local", Kind.NETWORK),
        ("local", Kind.VOLUME),
    ]
    assert keys("restart web", Per.USER)[1].asked == []
    assert keys("login web")[1].asked == []
