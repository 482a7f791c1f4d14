"""Who may pass is what Slack says now; what Slack does not say never passes."""

import aiohttp
import pytest

from bot.slack.channels import Channels
from bot.slack.client import SlackTrouble, Trouble, identify, new_client
from bot.slack.people import People
from bot.standin.clock import ManualClock
from bot.standin.mishaps import Mishap
from bot.standin.server import StandIn
from permissions.operation import Standing


@pytest.fixture
async def workspace():
    """A stand-in with time in the test's hand, People and Channels over it."""
    standin = StandIn(ManualClock(1_790_000_000.0), rates=False)
    standin.world.add_user("alice", "U01ALICE")
    standin.world.add_channel("ops", "C01OPS")
    await standin.start(environ={})
    async with aiohttp.ClientSession() as session:
        client = new_client(standin.bot_token, standin.api_url, session)
        standin.people = People(client, await identify(client), standin.clock)
        standin.places = Channels(client, standin.clock)
        yield standin
    await standin.stop()


def asked(standin, method):
    return sum(call.method == method for call in standin.calls)


async def standing(standin, user_id="U01ALICE", team_id="T0STANDIN"):
    return (await standin.people.principal(team_id, user_id, "name")).standing


ACCOUNTS = {
    "a member": ({}, Standing.MEMBER),
    "somebody deleted": ({"deleted": True}, Standing.DELETED),
    "a bot": ({"is_bot": True}, Standing.BOT),
    "a guest of several channels": ({"restricted": True}, Standing.GUEST),
    "a guest of one channel": ({"ultra_restricted": True}, Standing.GUEST),
    "a stranger": ({"stranger": True}, Standing.EXTERNAL),
    "a member of another workspace": ({"team_id": "T0OTHER"}, Standing.EXTERNAL),
    "a deleted guest": ({"deleted": True, "restricted": True}, Standing.DELETED),
}


@pytest.mark.parametrize(("changes", "expected"), ACCOUNTS.values(), ids=ACCOUNTS)
async def test_knows(workspace, changes, expected):
    for name, value in changes.items():
        setattr(workspace.world.users["U01ALICE"], name, value)
    assert await standing(workspace) is expected


NAMED = {
    "a mention, which gives the id alone": ("U01ALICE", "alice"),
    "a slash command, which gives the name": ("ally", "ally"),
}


@pytest.mark.parametrize(("given", "shown"), NAMED.values(), ids=NAMED)
async def test_a_person_has_a_name_whatever_was_used_to_ask(workspace, given, shown):
    workspace.world.users["U01ALICE"].name = "alice"
    principal = await workspace.people.principal("T0STANDIN", "U01ALICE", given)
    assert principal.name == shown


async def test_slackbot_is_a_bot(workspace):
    workspace.world.add_user("slackbot", "USLACKBOT")
    assert await standing(workspace, "USLACKBOT") is Standing.BOT


async def test_nobody_of_another_team_is_even_asked_about(workspace):
    assert await standing(workspace, team_id="T0OTHER") is Standing.EXTERNAL
    assert asked(workspace, "users.info") == 0


async def test_an_account_that_slack_does_not_know_is_unknown(workspace):
    assert await standing(workspace, "U0NOBODY") is Standing.UNKNOWN


FAILURES = [Mishap.SERVER_ERROR, Mishap.RATE_LIMITED, Mishap.INTERNAL_ERROR, "missing_scope"]


@pytest.mark.parametrize("method", ["users.info", "usergroups.list"])
@pytest.mark.parametrize("mishap", FAILURES)
async def test_what_slack_cannot_tell_is_unknown(workspace, method, mishap):
    workspace.mishaps.next(method, mishap)
    assert await standing(workspace) is Standing.UNKNOWN
    assert await standing(workspace) is Standing.MEMBER


async def test_groups_are_the_asker_s_own(workspace):
    workspace.world.add_group("ops", "S01OPS", ["U01ALICE"])
    workspace.world.add_group("dev", "S02DEV", ["U02BOB"])
    principal = await workspace.people.principal("T0STANDIN", "U01ALICE", "alice")
    assert principal.groups == ("S01OPS",)
    assert principal.as_of == workspace.clock.now()


async def test_who_is_in_a_group_is_known_and_what_slack_does_not_tell_is_not_nobody(workspace):
    workspace.world.add_group("ops", "S01OPS", ["U02BOB", "U01ALICE"])
    workspace.mishaps.next("usergroups.list", Mishap.SERVER_ERROR)
    assert await workspace.people.members("S01OPS") is None
    assert await workspace.people.members("S01OPS") == ("U01ALICE", "U02BOB")
    assert await workspace.people.members("S09NONE") == ()


async def test_a_workspace_without_groups_is_not_asked_again(workspace):
    workspace.world.paid_plan = False
    for _ in range(3):
        assert await standing(workspace) is Standing.MEMBER
        await workspace.clock.advance(400)
    assert asked(workspace, "usergroups.list") == 1


async def test_what_is_known_is_not_asked_again_for_five_minutes(workspace):
    await standing(workspace)
    await workspace.clock.advance(200)
    await standing(workspace)
    assert (asked(workspace, "users.info"), asked(workspace, "usergroups.list")) == (1, 1)


async def test_a_right_that_was_taken_ends_within_five_minutes(workspace):
    assert await standing(workspace) is Standing.MEMBER
    workspace.world.users["U01ALICE"].deleted = True
    await workspace.clock.advance(301)
    assert await standing(workspace) is Standing.DELETED


async def test_nothing_stale_is_used_when_slack_is_away(workspace):
    assert await standing(workspace) is Standing.MEMBER
    workspace.mishaps.next("users.info", Mishap.SERVER_ERROR)
    await workspace.clock.advance(301)
    assert await standing(workspace) is Standing.UNKNOWN


async def test_what_is_in_use_is_refreshed_before_it_ends(workspace):
    await standing(workspace)
    await workspace.clock.advance(250)
    await standing(workspace)
    await workspace.until(lambda s: asked(s, "users.info") == 2 and asked(s, "usergroups.list") == 2)
    await workspace.clock.advance(100)
    await standing(workspace)
    assert asked(workspace, "users.info") == 2


async def test_the_bot_may_post_where_it_is_a_member(workspace):
    assert await workspace.places.can_post("C01OPS")
    assert await workspace.places.can_post("C01OPS")
    assert asked(workspace, "conversations.info") == 1


async def test_an_invitation_counts_at_once(workspace):
    channel = workspace.world.channels["C01OPS"]
    channel.bot_is_member = False
    assert not await workspace.places.can_post("C01OPS")
    channel.bot_is_member = True
    assert await workspace.places.can_post("C01OPS")


async def test_the_bot_may_post_to_a_person_directly(workspace):
    assert await workspace.places.can_post(workspace.world.direct_channel("U01ALICE").id)


@pytest.mark.parametrize("channel_id", ["C0NOWHERE", "C01OPS"])
async def test_the_bot_may_not_post_where_slack_does_not_say_so(workspace, channel_id):
    workspace.mishaps.next("conversations.info", Mishap.SERVER_ERROR)
    assert not await workspace.places.can_post(channel_id)


async def test_an_archived_channel_takes_nothing(workspace):
    workspace.world.channels["C01OPS"].archived = True
    assert not await workspace.places.can_post("C01OPS")


async def test_a_wrong_token_is_found_at_start(workspace):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(SlackTrouble) as caught:
            await identify(new_client("xoxb-standin-wrong", workspace.api_url, session))
    assert caught.value.trouble is Trouble.LOCKED_OUT
