"""What an approval binds of a set: every object that would go, asked about or forced, up to a limit."""

import pytest

from bot.jobs.bound import MOST_AT_ONCE, bound
from handlers.catalogue import load
from handlers.faults import Fault, NotFound, Reason
from handlers.grammar.parser import parse
from permissions.approval import Bound, moved
from permissions.verbs import Kind
from tests.fakes.context import FakeContext

CATALOGUE = load()


class Engine:
    """Has stopped containers of these names."""

    api_version = (1, 41)

    def __init__(self, *names: str) -> None:
        self.rows = [
            {
                "Id": name * 8,
                "Names": [f"/{name}"],
                "Image": "busybox",
                "ImageID": "sha256:1",
                "State": "exited",
                "Status": "Exited (0) 1 hour ago",
                "Created": 1,
                "Command": "true",
                "Labels": {"tier": name},
                "SizeRw": 7,
            }
            for name in names
        ]

    def get(self, _path, _query=None, **_more):
        return self.rows


def of(line: str, *names: str) -> tuple[Bound, ...]:
    command = parse(line, CATALOGUE).command
    return bound(command, FakeContext(Engine(*names)), command.operation("local"))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("container prune", ["web", "cart"]),
        ("container prune -f", ["web", "cart"]),
        ("container prune -f --filter label=tier=cart", ["cart"]),
        ("container prune --filter label=tier=none", []),
    ],
)
def test_a_prune_binds_each_object_that_would_go_and_says_that_it_is_one_of_a_set(
    line: str, names: list[str]
):
    assert of(line, "web", "cart") == tuple(
        Bound(kind=Kind.CONTAINER, name=name, id=name * 8, of_set=True, bytes=7) for name in names
    )


def test_more_than_people_could_read_is_not_asked_about():
    names = [f"c{number}" for number in range(MOST_AT_ONCE + 1)]
    assert len(of("container prune", *names[1:])) == MOST_AT_ONCE
    with pytest.raises(Fault, match=f"{MOST_AT_ONCE + 1:,} objects would go") as refused:
        of("container prune", *names)
    assert refused.value.reason is Reason.LIMIT
    assert "--filter" in refused.value.hint


def test_so_many_with_long_names_still_make_a_small_ticket():
    found = of("container prune", *(f"{number:03}".ljust(8_000, "x") for number in range(MOST_AT_ONCE)))
    beside_their_ids = [one.model_copy(update={"id": "1" * 64}).model_dump_json() for one in found]
    assert sum(map(len, beside_their_ids)) < 256 * 1024


def test_what_names_its_objects_binds_no_set():
    command = parse("volume create v", CATALOGUE).command
    assert bound(command, FakeContext(Engine("web")), command.operation("local")) == ()
    assert command.only((Bound(kind=Kind.VOLUME, name="w", id="", of_set=True),)) is command


class Known:
    """Has one container of each of these ids, which answers to its id, its beginnings and its name."""

    api_version = (1, 41)

    def __init__(self, **ids: str) -> None:
        self.ids = ids

    def get(self, path, _query=None, **_more):
        asked = path.split("/")[2]
        for name, found in self.ids.items():
            if asked == name or found.startswith(asked):
                return {
                    "Id": found,
                    "Name": f"/{name}",
                    "Image": "sha256:1",
                    "Config": {},
                    "HostConfig": {},
                    "NetworkSettings": {"Networks": {}},
                }
        raise NotFound(f"No such container: {asked}")


def named_by(words: str, engine: Known) -> tuple[Bound, ...]:
    command = parse(f"restart {words}", CATALOGUE).command
    return bound(command, FakeContext(engine), command.operation("local"))


def test_an_object_is_bound_once_however_often_and_by_whatever_name_a_line_names_it():
    engine = Known(web="abc" * 20, db="def" * 20)
    found = named_by("web web abc abcabc db " + "web " * 500, engine)
    assert [(one.name, one.id) for one in found] == [("web", "abc" * 20), ("db", "def" * 20)]


def test_a_second_name_that_means_another_object_by_then_is_something_new():
    agreed = named_by("web abc", Known(web="abc" * 20))
    now = named_by("web abc", Known(web="fed" * 20, other="abc" * 20))
    assert moved(agreed, now)


def test_a_line_that_names_more_than_people_could_read_is_not_asked_about():
    engine = Known(**{f"n{number}": f"{number:064x}"[::-1] for number in range(1, MOST_AT_ONCE + 2)})
    assert len(named_by(" ".join(list(engine.ids)[1:]), engine)) == MOST_AT_ONCE
    with pytest.raises(Fault, match=f"names {MOST_AT_ONCE + 1:,} objects") as refused:
        named_by(" ".join(engine.ids), engine)
    assert refused.value.reason is Reason.LIMIT
