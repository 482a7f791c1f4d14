"""What nobody gets done with an approval by who they are: the asker, somebody demoted, a stranger.

The other attacks on approvals:

- by a click or a form, guessed, played again, old or bent: test_approval_clicks.py
- by being first, and with the store in hand, on what is kept, on secrets: test_approval_store_attacks.py
- what needs a worker, an engine or the store's own view: ELSEWHERE
"""

import ast
from pathlib import Path

import pytest

from bot.approvals.lines import Approve, AskAgain, Deny, Withdraw
from handlers.faults import ApprovalClosed
from permissions.approval import State
from permissions.operation import Standing
from tests.bot.approvals.approval_side import Side
from tests.bot.approvals.attacked import MANY_WAYS, attacked, kept, untouched

pytestmark = pytest.mark.store

side = attacked


ELSEWHERE = {
    "a container recreated under the same name": (
        "tests/e2e/test_approvals.py",
        "test_what_was_recreated_under_the_same_name_is_not_what_was_approved",
    ),
    "a retagged image": (
        "tests/e2e/test_approvals.py",
        "test_a_retagged_image_is_not_what_was_approved",
    ),
    "a forged look": (
        "tests/bot/approvals/test_approvals.py",
        "test_a_look_that_the_worker_has_not_signed_is_none",
    ),
    "a blob that was altered": (
        "tests/bot/store/test_approvals_store.py",
        "test_what_others_altered_is_refused",
    ),
    "a blob of another approval": (
        "tests/bot/store/test_approvals_store.py",
        "test_one_that_was_put_in_anothers_place_is_refused",
    ),
    "a token bent to another approval": (
        "tests/bot/store/test_approvals_store.py",
        "test_a_token_that_was_bent_to_another_approval_opens_nothing",
    ),
    "a ticket whose sealed value was changed": (
        "tests/bot/jobs/test_attacks.py",
        "test_a_ticket_that_was_tampered_with_runs_nothing",
    ),
    "a ticket that is played again": (
        "tests/bot/jobs/test_attacks.py",
        "test_a_change_runs_once_whatever_is_replayed_and_whoever_restarts",
    ),
    "two who vote at once, in any order": (
        "tests/bot/store/test_approvals_store.py",
        "test_of_many_votes_at_once_none_is_lost_and_one_decides",
    ),
}


@pytest.mark.parametrize(("file", "test"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_attack_that_is_tested_elsewhere_is_tested_there(file: str, test: str):
    tree = ast.parse((Path(__file__).parents[3] / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, functions)}


NAMED = {
    "by the button": lambda asked: asked.token,
    "by typing its id": lambda asked: asked.job_id,
    "by typing its id in small letters": lambda asked: asked.job_id.lower(),
}
WAYS = {
    "as one of the group": ("S0SRE",),
    "through a second group": ("S0OTHER",),
    "through a role that a group gives": ("S0LEADS",),
    "through a role, and as the one who is named": (),
}


@pytest.mark.parametrize("groups", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("says", [Approve, Deny], ids=["a yes", "a no"])
async def test_the_asker_never_counts_by_whatever_way(side: Side, groups, named, says):
    side.people.groups["U0ANA"] = groups
    job_id = await side.asked()
    with pytest.raises(ApprovalClosed, match="somebody else"):
        await side.say(says(approval=named(await kept(side, job_id))), "U0ANA")
    await untouched(side, job_id)


async def test_the_askers_own_yes_is_not_the_second_of_two(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0BEN")
    with pytest.raises(ApprovalClosed, match="somebody else"):
        await side.say(Approve(approval=job_id), "U0ANA")
    assert await side.state(job_id) is State.OPEN
    assert await side.queued() == []


async def test_the_asker_of_an_approval_that_is_asked_again_does_not_count_there_either(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0LEAD")
    await side.desk.moved(job_id, "container web is another one")
    again = (await side.say(AskAgain(approval=job_id), "U0ANA")).job_id
    await side.look(again)
    with pytest.raises(ApprovalClosed, match="somebody else"):
        await side.say(Approve(approval=again), "U0ANA")
    assert await side.state(again) is State.OPEN


# Who has lost, or never had, what entitles to it.

LOST = {
    "who has left the group": lambda side: side.people.groups.update(U0BEN=()),
    **{
        f"who is {standing} by now": lambda side, standing=standing: side.people.standing.update(
            U0BEN=standing
        )
        for standing in Standing
        if standing is not Standing.MEMBER
    },
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
async def test_somebody_demoted_since_is_not_one_of_two(side: Side, lose):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0BEN")
    lose(side)
    await side.say(Approve(approval=job_id), "U0CLEO")
    assert await side.state(job_id) is State.OPEN
    assert await side.queued() == []
    side.people.groups["U0DAN"] = ("S0SRE",)
    await side.say(Approve(approval=job_id), "U0DAN")
    [claims] = await side.queued()
    assert claims.approved.by == ("U0CLEO", "U0DAN")


async def test_a_role_that_a_policy_has_taken_since_does_not_count(side: Side):
    job_id = await side.asked()
    side.policy_file.write_text(MANY_WAYS.replace("U0LEAD, U0ANA", "U0OTHER"), encoding="utf-8")
    with pytest.raises(ApprovalClosed, match="none of those"):
        await side.say(Approve(approval=job_id), "U0LEAD")
    await untouched(side, job_id)


async def test_a_no_of_somebody_demoted_since_does_not_end_it(side: Side):
    job_id = await side.asked()
    await side.say(Deny(approval=job_id), "U0BEN")
    side.people.groups["U0BEN"] = ()
    await side.say(Deny(approval=job_id), "U0CLEO")
    assert await side.state(job_id) is State.OPEN


async def test_somebody_of_no_group_decides_nothing(side: Side):
    job_id = await side.asked()
    with pytest.raises(ApprovalClosed, match="none of those"):
        await side.say(Approve(approval=job_id), "U0EVE")
    await untouched(side, job_id)


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.MEMBER])
@pytest.mark.parametrize("says", [Approve, Deny, Withdraw, AskAgain])
async def test_a_guest_or_a_stranger_does_not_even_find_it(side: Side, standing: Standing, says):
    job_id = await side.asked()
    side.people.standing["U0LEAD"] = standing
    with pytest.raises(ApprovalClosed, match="no such approval"):
        await side.say(says(approval=job_id), "U0LEAD")
    await untouched(side, job_id)


async def test_the_same_user_id_in_another_workspace_is_somebody_else(side: Side):
    job_id = await side.asked()
    token = (await kept(side, job_id)).token
    with pytest.raises(ApprovalClosed, match="no such approval"):
        await side.say(Approve(approval=token), "U0LEAD", team_id="T2")
    await untouched(side, job_id)


@pytest.mark.parametrize("channel_id", ["C2", "D0EVE"])
async def test_a_role_of_the_channel_that_is_clicked_in_does_not_count_where_it_was_asked(
    side: Side, channel_id: str
):
    job_id = await side.asked()
    with pytest.raises(ApprovalClosed, match="none of those"):
        await side.say(Approve(approval=(await kept(side, job_id)).token), "U0EVE", channel_id=channel_id)
    await untouched(side, job_id)


async def test_what_a_click_in_another_channel_decides_is_told_where_it_was_asked(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0LEAD", channel_id="C2")
    [claims] = await side.queued()
    assert claims.channel_id == "C1"
