"""What a prune of networks asks, and what it shows before it is answered."""

import pytest

from bot.jobs.life import _WORK
from handlers.faults import NotFound, Unreachable
from handlers.network.prune import QUESTION, NetworkPrune
from permissions.ticket import Mode
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

NOW = 1_700_000_000.5
HOUR_AGO = "2023-11-14T21:13:20.123456789Z"
DAYS_AGO = "2023-11-10T00:00:00Z"
UNUSED = [
    {"Name": "fresh", "Id": "a" * 64, "Created": HOUR_AGO, "Driver": "bridge", "Scope": "local"},
    {
        "Name": "old",
        "Id": "b" * 64,
        "Created": DAYS_AGO,
        "Driver": "bridge",
        "Labels": {"keep": "", "tier": "web"},
    },
    {"Name": "template", "Id": "c" * 64, "Created": DAYS_AGO, "ConfigOnly": True},
]


def previewed(*filters):
    engine = FakeEngine({("GET", "/networks"): UNUSED})
    shown = NetworkPrune(filter=filters).preview(FakeContext(engine))
    assert [str(one) for one in engine.requests] == ['GET /networks ?filters={"dangling":{"true":true}}']
    return [row[1] for row in shown.rows], shown.warnings


def test_the_question_is_the_clis_and_force_skips_it():
    assert NetworkPrune().question() == QUESTION
    assert NetworkPrune(force=True).question() == ""


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ((), ["fresh", "old"]),
        (("label=tier",), ["old"]),
        (("label=tier=web", "label=keep"), ["old"]),
        (("label=tier=db",), []),
        (("label!=keep",), ["fresh"]),
        (("until=24h",), ["old"]),
        (("until=24h", "until=1000h"), []),
        (("until=2023-11-14T21:30:00Z",), ["fresh", "old"]),
        (("until=never",), []),
    ],
)
def test_the_preview_shows_what_the_engine_would_remove(filters, names):
    shown, warnings = previewed(*filters)
    assert shown == names
    assert warnings == (f"{len(names)} {'network' if len(names) == 1 else 'networks'} would go.",)


def test_where_an_engine_has_no_such_list_the_question_says_so():
    absent = FakeContext(FakeEngine({("GET", "/networks"): NotFound("page not found")}))
    shown = _WORK[Mode.PREVIEW](NetworkPrune(), absent)
    assert (shown.exit_code, shown.warnings) == (0, ("What would go could not be listed: page not found",))
    down = FakeContext(FakeEngine({("GET", "/networks"): Unreachable("no engine")}))
    with pytest.raises(Unreachable):
        _WORK[Mode.PREVIEW](NetworkPrune(), down)
