"""A stored output is read elsewhere only by whoever may surely see what it is of."""

from pathlib import Path

import pytest

from bot.own.job_desk import Desk
from bot.own.said import Said
from bot.policy.file import LoadedPolicy
from bot.request import Origin, Request
from bot.store.records import RequestRecord
from handlers.catalogue import load
from handlers.faults import Denied
from handlers.grammar.parser import parse
from permissions.operation import Principal, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.ticket import Effect

CATALOGUE = load()
ANYTHING = Rule(commands=("*",))
SOME = Rule(commands=("*",), targets=Targets(container=("web",)))
HIDDEN = DenyRule(commands=("*",), targets=Targets(container=("label:secret",)))


def policy(rule: Rule, *deny: DenyRule) -> Policy:
    bound = Binding(role="r", users=("U0ANA", "U0BEN"))
    return Policy(version=1, roles={"r": Role(rules=(rule,))}, bindings=(bound,), deny=deny)


def may_read(line: str, made: Policy, channel_id: str, user_id: str = "U0BEN") -> bool:
    """Whether somebody may read in that channel what U0ANA ran in C1."""
    command = parse(line, CATALOGUE).command
    record = RequestRecord(
        job_id="J-1",
        delivery_id="d",
        origin=Origin.SLASH,
        team_id="T",
        user_id="U0ANA",
        user_name="ana",
        channel_id="C1",
        shown=line,
        host="local",
        command=command.path,
        effect=Effect.READ,
        rule="r",
        accepted_at=0.0,
        not_after=1.0,
        deadline=1.0,
        operation=command.operation("local"),
    )
    request = Request(
        delivery_id="e",
        origin=Origin.SLASH,
        program="docktalk",
        text="show J-1",
        team_id="T",
        user_id=user_id,
        user_name="",
        channel_id=channel_id,
        received_at=0.0,
    )
    person = Principal(team_id="T", user_id=user_id, name="", standing=Standing.MEMBER, as_of=0.0)
    loaded = LoadedPolicy(policy=made, path=Path("policy.yaml"), serial=1)
    nothing = dict.fromkeys(Desk.__dataclass_fields__)
    try:
        Desk(**nothing)._may_read(record, Said(request, person, loaded))
    except Denied:
        return False
    return True


@pytest.mark.parametrize(
    ("line", "made", "here", "elsewhere"),
    [
        ("logs web", policy(ANYTHING), True, True),
        ("logs web", policy(SOME), True, True),
        ("logs db-1", policy(SOME), False, False),
        ("logs web", policy(ANYTHING, HIDDEN), True, False),
        ("logs 3f2a", policy(SOME), True, False),
        ("ps", policy(ANYTHING), True, False),
        ("ps", policy(SOME), True, False),
        ("images", policy(SOME), False, False),
        ("stats --no-stream web", policy(SOME), True, True),
        ("version", policy(ANYTHING), True, True),
    ],
)
def test_doubt_and_lists_stay_in_the_channel_that_saw_them(
    line: str, made: Policy, here: bool, elsewhere: bool
):
    assert (may_read(line, made, "C1"), may_read(line, made, "C2")) == (here, elsewhere)


def test_what_somebody_ran_they_read_where_it_was_shown():
    nobody = policy(Rule(commands=("version",)))
    assert may_read("ps", nobody, "C1", "U0ANA")
    assert not may_read("ps", nobody, "C2", "U0ANA")
