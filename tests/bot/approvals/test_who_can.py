"""Who can approve this now: by name, as Slack and the policy say at that moment, and asked by one click."""

import pytest

from bot.approvals.approvers import MOST_LOOKED_AT
from bot.approvals.lines import Approve, AskThem, Deny, WhoCan
from bot.approvals.who_can import ASKED_AT_ONCE, MOST_COPIES, SHOWN, WhoCanDesk
from bot.jobs.names import Names
from bot.own.said import Said
from bot.request import Origin, Request
from handlers.faults import ApprovalClosed
from permissions.operation import Standing
from tests.bot.approvals.approval_side import POLICY, Side

pytestmark = pytest.mark.store

ESCALATES = """\
version: 1
contact: "#infra"
oncall:
  first: {start: "2020-01-01T00:00:00Z", every: 24h, users: [U0BEN]}
  second: {start: "2020-01-01T00:00:00Z", every: 24h, users: [U0MAX]}
roles:
  operator:
    rules:
      - verbs: [operate]
        approval:
          any:
            - steps: [{groups: [S0SRE]}]
            - steps: [{groups: [S0MANAGERS]}]
              after: 10m
            - steps: [{roles: [owner]}]
              after: 12m
          remind: 5m
          expires: 15m
  lead: {rules: [{verbs: [list]}]}
  owner: {inherits: [lead]}
  chief: {inherits: [owner]}
bindings:
  - {role: operator, users: [U0ANA]}
  - {role: chief, users: [U0CHIEF], groups: [S0CHIEFS]}
  - {role: owner, users: [U0PAST], until: "2021-01-01T00:00:00Z"}
"""


async def who(side: Side, line, user_id: str = "U0EVE", channel: str = "C1"):
    principal = await side.who(user_id)
    request = Request(
        origin=Origin.BUTTON,
        delivery_id="who",
        team_id="T1",
        user_id=user_id,
        user_name=user_id.lower(),
        channel_id=channel,
        program="docktalk",
        text=line.path,
        received_at=side.now,
    )
    desk = WhoCanDesk(side.desk, side.desk.approvers, lambda: side.now)
    return await desk.answer(line, Said(request, principal, side.desk.policy.current))


async def test_members_of_the_groups_and_holders_of_the_roles_are_named_and_never_the_asker(side: Side):
    job_id = await side.asked()
    answer = await who(side, WhoCan(approval=job_id))
    assert set(answer.users) == {"U0BEN", "U0CLEO", "U0LEAD"}
    assert (answer.more, answer.unsure, answer.next_at, answer.on_call) == (0, False, None, 0)
    assert not answer.new


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.MEMBER])
async def test_who_could_not_vote_is_not_named(side: Side, standing: Standing):
    job_id = await side.asked()
    side.people.standing["U0BEN"] = standing
    answer = await who(side, WhoCan(approval=job_id))
    assert set(answer.users) == {"U0CLEO", "U0LEAD"}
    assert answer.unsure is (standing is Standing.UNKNOWN)


async def test_who_said_yes_is_not_named_and_who_said_no_may_think_again(side: Side):
    side.policy_file.write_text(POLICY.replace("remind: 60s", "denials: 2\n          remind: 60s"))
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0BEN")
    await side.say(Deny(approval=job_id), "U0CLEO")
    answer = await who(side, WhoCan(approval=job_id))
    assert set(answer.users) == {"U0CLEO", "U0LEAD"}
    assert set(answer.voters) == {"U0BEN", "U0CLEO"}


async def test_whoever_is_on_call_stands_first(side: Side):
    side.policy_file.write_text(ESCALATES)
    side.people.groups["U0AAA"] = ("S0SRE",)
    answer = await who(side, WhoCan(approval=await side.asked()))
    assert answer.users[0] == "U0BEN"
    assert answer.on_call == 1
    assert set(answer.users) == {"U0AAA", "U0BEN", "U0CLEO"}
    assert answer.next_at == pytest.approx(side.now + 600, abs=2)


async def test_a_role_that_comes_with_another_counts_and_a_binding_that_is_over_does_not(side: Side):
    side.policy_file.write_text(ESCALATES)
    side.people.groups |= {"U0CHIEF2": ("S0CHIEFS",), "U0MIA": ("S0MANAGERS",)}
    job_id = await side.asked()
    side.now += 12 * 60
    answer = await who(side, WhoCan(approval=job_id))
    assert set(answer.users) == {"U0BEN", "U0CLEO", "U0MIA", "U0CHIEF", "U0CHIEF2"}


async def test_nobody_there_is_said_with_the_policys_contact_and_when_others_can(side: Side):
    side.policy_file.write_text(ESCALATES)
    side.people.groups = {}
    job_id = await side.asked()
    answer = await who(side, WhoCan(approval=job_id))
    assert (answer.users, answer.contact, answer.askable) == ((), "#infra", False)
    assert answer.next_at is not None
    with pytest.raises(ApprovalClosed, match="Nobody can"):
        await who(side, AskThem(approval=job_id))


async def test_a_group_that_slack_does_not_tell_leaves_doubt(side: Side, monkeypatch):
    async def silent(_group_id: str) -> None:
        return None

    job_id = await side.asked()
    monkeypatch.setattr(side.people, "members", silent)
    answer = await who(side, WhoCan(approval=job_id))
    assert (answer.users, answer.unsure) == (("U0LEAD",), True)


async def test_many_are_shown_in_part_and_asked_in_part_each_once(side: Side):
    side.people.groups |= {f"U1{number:02}": ("S0SRE",) for number in range(33)}
    job_id = await side.asked()
    already = set((await side.desk.store.of_job(job_id)).told)
    answer = await who(side, WhoCan(approval=job_id))
    assert (len(answer.users), answer.more) == (SHOWN, 36 - SHOWN)
    asked: list[str] = []
    while True:
        try:
            new = (await who(side, AskThem(approval=job_id))).new
        except ApprovalClosed:
            break
        assert 0 < len(new) <= ASKED_AT_ONCE
        asked += new
    assert len(asked) == len(set(asked))
    assert already.isdisjoint(asked)
    told = (await side.desk.store.of_job(job_id)).told
    assert len(told) == len(set(told)) == MOST_COPIES


async def test_of_very_many_only_some_are_looked_at_and_that_is_said(side: Side):
    side.people.groups |= {f"U1{number:03}": ("S0SRE",) for number in range(MOST_LOOKED_AT + 1)}
    answer = await who(side, WhoCan(approval=await side.asked()))
    assert len(answer.users) + answer.more == MOST_LOOKED_AT
    assert answer.unsure


async def test_who_is_asked_has_a_copy_and_its_asker_is_in_the_audit_without_a_vote(side: Side):
    job_id = await side.asked()
    answer = await who(side, AskThem(approval=job_id), "U0ANA")
    assert set(answer.new) == {"U0BEN", "U0CLEO"}  # the lead, whom a step names, was told at once
    assert set(side.cards[job_id].told) == {"U0BEN", "U0CLEO", "U0LEAD"}
    entries = await side.client.xrange(Names("docktalk").audit)
    assert b'"told":["U0BEN","U0CLEO"]' in entries[-1][1][b"entry"]
    assert b'"approves":null' in entries[-1][1][b"entry"]
    with pytest.raises(ApprovalClosed, match="asked already"):
        await who(side, AskThem(approval=job_id), "U0ANA")


async def test_elsewhere_only_who_saw_the_card_hears_of_it(side: Side):
    job_id = await side.asked()
    for line in (WhoCan(approval=job_id), AskThem(approval=job_id)):
        with pytest.raises(ApprovalClosed, match="no such approval"):
            await who(side, line, "U0EVE", channel="C2")
    token = (await side.desk.store.of_job(job_id)).token
    assert (await who(side, WhoCan(approval=token), "U0EVE", channel="D1")).users
    assert (await who(side, WhoCan(approval=job_id), "U0ANA", channel="C2")).users
    assert (await who(side, WhoCan(approval=job_id), "U0LEAD", channel="D2")).users


async def test_what_is_over_is_said_to_be_over(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0LEAD")
    for line in (WhoCan(approval=job_id), AskThem(approval=job_id)):
        with pytest.raises(ApprovalClosed, match="approved"):
            await who(side, line)


async def test_an_escalation_tells_those_of_the_new_step_whoever_was_told_before(side: Side):
    side.policy_file.write_text(ESCALATES)
    side.people.groups["U0MAX"] = ("S0MANAGERS",)
    job_id = await side.asked()
    assert side.cards[job_id].told == ("U0BEN",)
    for minutes, told in ((5, ("U0BEN",)), (10, ("U0BEN", "U0MAX")), (12, ("U0BEN", "U0MAX", "U0CHIEF"))):
        side.now = side.cards[job_id].approval.asked_at + minutes * 60 + 1
        await side.desk.tick()
        assert side.cards[job_id].told == told
    assert side.cards[job_id].approval.told == 3
