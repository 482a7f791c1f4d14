"""`/docktalk can-i` and `/docktalk why`."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.approvals.budgets import BudgetDesk
from bot.audit.entries import Known
from bot.holds.not_now import NotNow
from bot.hosts import Host, Hosts
from bot.jobs.command_wire import to_wire
from bot.lending.lending import Lending
from bot.own.thread_target import TargetDesk
from bot.policy.answers import CAN_I, CanI, PolicyAnswers, Why, question
from bot.policy.limits import Limits
from bot.request import Origin, Request
from bot.slack.intake import request_from_slash
from bot.store.records import RequestRecord
from bot.weighing import Weighing
from handlers.catalogue import load
from handlers.faults import Denied, Fault, Reason, UsageFault
from permissions.approval import Step, Terms, Threshold
from permissions.freezes import Freeze
from permissions.holds import Lock
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.ticket import Effect
from permissions.verbs import Danger, Kind, Verb
from tests.bot.incidents.tagged import Tagged

HOSTS = Hosts(default="local", known=(Host(name="local"), Host(name="prod", labels={"env": "prod"})))
POLICY = Policy(
    version=1,
    contact="Sara",
    roles={
        "operator": Role(
            rules=(
                Rule(verbs=(Verb.OPERATE,), targets=Targets(container=("web", "label:tier=web"))),
                Rule(verbs=(Verb.LIST,)),
            )
        ),
        "admin": Role(rules=(Rule(verbs=(Verb.ADMIN,)),)),
    },
    bindings=(Binding(role="operator", users=("U0ANA",)), Binding(role="admin", users=("U0LEA",))),
    deny=(DenyRule(commands=("container kill",), reason="Never."),),
)


def another(**parts: Any) -> Policy:
    """The policy with other parts, made anew: a copy would bring along what was worked out of the first."""
    return Policy(**{name: getattr(POLICY, name) for name in Policy.model_fields} | parts)


def member(user_id: str = "U0ANA", standing: Standing = Standing.MEMBER) -> Principal:
    return Principal(team_id="T1", user_id=user_id, name=user_id.lower(), standing=standing, as_of=0.0)


def request(text: str, user_id: str = "U0ANA", channel_id: str = "C1") -> Request:
    return Request(
        delivery_id="d",
        origin=Origin.SLASH,
        program="docktalk",
        text=text,
        team_id="T1",
        user_id=user_id,
        user_name=user_id.lower(),
        channel_id=channel_id,
        received_at=0.0,
    )


JOB = RequestRecord(
    job_id="J-7",
    delivery_id="d",
    origin=Origin.SLASH,
    team_id="T1",
    user_id="U0ANA",
    user_name="ana",
    channel_id="C1",
    shown="docker container restart web",
    host="local",
    command="container restart",
    effect=Effect.CHANGE,
    rule="role operator, rule 1",
    accepted_at=0.0,
    not_after=1.0,
    deadline=1.0,
    operation=Operation(
        command="container restart",
        verb=Verb.OPERATE,
        danger=Danger.INTERRUPTS,
        resources=(Resource(kind=Kind.CONTAINER, name="web"),),
        host="local",
    ),
)


class Nothing:
    """A store of what is in force, in which there is nothing."""

    async def all(self) -> tuple[()]:
        return ()


class Locked:
    """The locks that a test sets."""

    def __init__(self, *locks: Lock) -> None:
        self.locks = locks

    async def in_force(self) -> tuple[Lock, ...]:
        return self.locks


class Counted:
    """Nothing was done too often."""

    async def count(self, *_: Any, look: bool) -> None:
        assert look


LOCK = Lock(id="K-3", owner_id="U0CLEO", owner_name="cleo", reason="busy", set_at=0.0, host="local")


def answered(
    text: str,
    *,
    who: Principal | None = None,
    channel_id: str = "C1",
    policy: Policy = POLICY,
    locks: tuple[Lock, ...] = (),
) -> tuple[str, Known]:
    who = who or member()

    async def people(_: str, user_id: str, __: str) -> Principal:
        return member(user_id)

    async def jobs(job_id: str) -> RequestRecord | None:
        return {"J-7": JOB, "J-8": JOB.model_copy(update={"operation": None})}.get(job_id)

    tagged, nothing = Tagged(), cast("Any", Nothing())
    tagged.there = {("C9", ""): "INC-12"}
    unused = cast("Any", None)
    lending = Lending(
        policy=cast("Any", SimpleNamespace(current=SimpleNamespace(policy=policy))),
        hosts=HOSTS,
        stores=(nothing, nothing),
        tell=unused,
        ended=unused,
        delivered=unused,
        revoked=cast("Any", ()),
        clock=lambda: 0.0,
    )
    weighing = Weighing(
        hosts=HOSTS,
        targets=TargetDesk(
            store=unused,
            hosts=HOSTS,
            lending=lending,
            inventories=unused,
            catalogue=load(),
            corrections=unused,
            clock=lambda: 0.0,
        ),
        incidents=tagged,
        lending=lending,
        not_now=NotNow(cast("Any", Locked(*locks)), lambda: 0.0),
        unmasked=False,
        clock=lambda: 0.0,
    )
    answers = PolicyAnswers(
        people=people,
        jobs=jobs,
        weighing=weighing,
        limits=Limits(cast("Any", Counted()), unused),
        budgets=BudgetDesk(nothing, unused, unused, tagged, unused, lambda: 0.0),
        wire=lambda command, _host: to_wire(command, unused),
        clock=lambda: 0.0,
    )
    asked = question(request(text, who.user_id, channel_id))
    assert asked is not None
    known = Known(who=who, policy="p")
    line = request(text, who.user_id, channel_id)
    return asyncio.run(answers.answer(asked, policy, who, line, known)), known


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("help", None),
        ("can-iffy ps", None),
        ("whyever", None),
        ("can-i ps", CanI(line="ps")),
        ('can-i "container rm -f web"', CanI(line="container rm -f web")),
        ("can-i 'ps'", CanI(line="ps")),
        ("can-i rm -f web --as U0BEN", CanI(line="rm -f web", user_id="U0BEN")),
        ('can-i "ps" --as <@U0BEN|ben>', CanI(line="ps", user_id="U0BEN")),
        ("can-i ps --as <@W0BEN>", CanI(line="ps", user_id="W0BEN")),
        ("can-i ps --as @U0BEN", CanI(line="ps", user_id="U0BEN")),
        ("why J-7", Why(job_id="J-7")),
    ],
)
def test_a_question_is_understood(text: str, asked):
    assert question(request(text)) == asked


@pytest.mark.parametrize("text", ["can-i", "can-i  ", "can-i --as U1", "can-i ps --as ben", "can-i ps --as "])
def test_a_question_without_a_line_or_a_person_is_told(text: str):
    with pytest.raises(UsageFault, match="can-i: give a line"):
        question(request(text))


@pytest.mark.parametrize("text", ["why", "why K-7", "why J-", "why J-7 J-8", "why J-x"])
def test_a_question_without_a_job_is_told(text: str):
    with pytest.raises(UsageFault, match="why: give a job"):
        question(request(text))


@pytest.mark.parametrize(
    ("line", "first", "rule"),
    [
        (
            "restart web",
            "Yes, unless the worker finds that the target gives away its host.",
            "role operator, rule 1",
        ),
        ("restart 3f2a", "Perhaps: the worker decides once it has seen the target.", "role operator, rule 1"),
        ("kill web", "No. Never. Ask Sara.", "deny rule 1"),
        ("rm web", "No. None of your roles here allows `container rm`. Ask Sara.", "default"),
        ("-H prod restart web", "Yes, unless the worker finds that", "role operator, rule 1"),
    ],
)
def test_the_answer_is_the_decision_and_its_rule(line: str, first: str, rule: str):
    text, _ = answered(f'can-i "{line}"')
    assert text.startswith(first)
    assert f"\nBy: {rule}\n" in text


def test_the_answer_shows_what_the_rules_about_that_command_say():
    text, _ = answered("can-i kill 3f2a")
    assert text.splitlines()[3:] == [
        "deny   deny rule 1: everything it says holds",
        "allow  role operator, rule 1: it may match; the worker sees the target",
    ]


def test_only_whom_the_policy_lets_asks_for_somebody_else():
    with pytest.raises(Denied) as caught:
        answered("can-i ps --as U0LEA")
    assert caught.value.rule == "default"
    text, known = answered("can-i restart web --as U0ANA", who=member("U0LEA"))
    assert text.startswith("Yes")
    assert (known.operation.command, known.operation.flags, known.rule) == (
        CAN_I,
        ("as",),
        "role admin, rule 1",
    )
    mine, known = answered("can-i ps --as U0ANA")
    assert (mine[:3], known.operation) == ("Yes", None)


def test_a_job_is_told_of_where_it_was_asked_for_or_to_its_asker():
    text, _ = answered("why J-7")
    assert text.startswith(
        "J-7: docker container restart web\n"
        "Asked for by U0ANA; allowed by role operator, rule 1, if the worker agreed once it saw the target.\n"
        "By the policy in force now:\n\nYes"
    )
    assert answered("why J-7", who=member("U0BEN"))[0] == text
    assert answered("why J-7", channel_id="C2")[0] == text


def test_a_job_is_told_of_with_those_who_could_have_asked_for_it():
    text, _ = answered("why J-7")
    assert text.endswith("\nWho may ask for it there: U0ANA\n")
    alone = another(bindings=())
    assert answered("why J-7", policy=alone)[0].endswith("there: nobody by a single binding\n")
    many = tuple(f"U{number:04}" for number in range(23))
    crowd = another(bindings=(Binding(role="operator", users=many),))
    assert answered("why J-7", policy=crowd)[0].endswith(", U0018, U0019 and 3 more\n")


def test_what_people_have_to_agree_on_is_told_with_those_who_can():
    steps = (Step(people=2, users=("U0LEA",), groups=("S0OPS",)), Step(roles=("admin",)))
    late = Threshold(steps=(Step(roles=("admin",)),), reason="fix*", after=60.0)
    rule = Rule(verbs=(Verb.OPERATE,), approval=Terms(any=(Threshold(steps=steps), late)))
    asking = another(roles={**POLICY.roles, "operator": Role(rules=(rule,))})
    text, _ = answered("can-i restart web", policy=asking)
    assert text.splitlines()[:5] == [
        "Only once people have agreed.",
        "By: role operator, rule 1",
        "",
        "agree   2 of U0LEA, S0OPS and 1 of role admin",
        "agree   1 of role admin, 60 s after it was asked for, where the reason fits `fix*`",
    ]


@pytest.mark.parametrize(
    ("line", "who", "channel_id"),
    [("why J-7", "U0BEN", "C2"), ("why J-9", "U0ANA", "C1"), ("why J-8", "U0ANA", "C1")],
)
def test_any_other_job_is_none_that_may_be_seen(line: str, who: str, channel_id: str):
    with pytest.raises(Fault) as caught:
        answered(line, who=member(who), channel_id=channel_id)
    assert caught.value.reason is Reason.NOT_FOUND
    assert caught.value.message == f"There is no job {line.removeprefix('why ')} that you may see here."


@pytest.mark.parametrize("text", ["can-i ps", "why J-7"])
def test_nobody_but_members_is_answered(text: str):
    with pytest.raises(Denied) as caught:
        answered(text, who=member(standing=Standing.GUEST))
    assert caught.value.reason is Reason.NOT_A_MEMBER


@pytest.mark.parametrize("person", ["<@U0BEN|ana>", "<@U0BEN>", "@U0BEN", "U0BEN"])
def test_a_person_in_a_slash_command_is_the_account_and_not_its_name(person: str):
    payload = {
        "trigger_id": "1",
        "team_id": "T1",
        "user_id": "U0LEA",
        "channel_id": "C1",
        "text": f'can-i "restart web" --as {person}',
    }
    asked = question(request_from_slash(payload, program="docktalk", now=0.0))
    assert asked == CanI(line="restart web", user_id="U0BEN")


def test_what_holds_it_is_told_to_whom_the_policy_lets_and_to_nobody_else():
    for line in ("can-i restart web", "why J-7"):
        text, _ = answered(line, locks=(LOCK,))
        assert "\nNot now: local is locked by cleo since" in text
        assert "(K-3): busy. Ask cleo; `/docktalk unlock K-3` releases it, if you may.\n" in text
    text, _ = answered("can-i kill web", locks=(LOCK,))
    assert "cleo" not in text
    assert "Not now" not in answered("can-i ps", locks=(LOCK,))[0]


FROZEN = another(
    freezes={
        "books": Freeze(
            by="board",
            reason="year end",
            hosts=("local",),
            when=({"from": "1969-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"},),
            incident_verbs=(Verb.OPERATE,),
        )
    }
)


def test_what_an_incident_lets_pass_is_told_where_one_is_open():
    assert "\nNot now: Frozen until" in answered("can-i restart web", policy=FROZEN)[0]
    assert "Not now" not in answered("can-i restart web", policy=FROZEN, channel_id="C9")[0]


def test_a_host_that_they_may_see_nothing_of_does_not_exist_for_them():
    policy = another(bindings=(Binding(role="operator", users=("U0ANA",), hosts=("local",)),))
    for host in ("prod", "nowhere"):
        with pytest.raises(Fault, match=f"no such host: {host}"):
            answered(f"can-i -H {host} ps", policy=policy)
