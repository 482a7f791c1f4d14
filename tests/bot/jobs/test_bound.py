"""What an approval binds of a set: the list of what would go, asked about or forced."""

import pytest

from bot.jobs.bound import SET_NAME, bound
from handlers.catalogue import load
from handlers.grammar.parser import parse
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
                "Labels": {},
                "SizeRw": 1,
            }
            for name in names
        ]

    def get(self, _path, _query=None, **_more):
        return self.rows


def of(line: str, *names: str) -> str:
    command = parse(line, CATALOGUE).command
    context = FakeContext(Engine(*names))
    [found] = [one for one in bound(command, context, command.operation("local")) if one.name == SET_NAME]
    return found.id


@pytest.mark.parametrize("line", ["container prune", "container prune -f"])
def test_a_prune_is_bound_to_what_it_lists(line: str):
    assert of(line, "web", "cart") == of(line, "web", "cart")
    assert of(line, "web", "cart") != of(line, "web")
