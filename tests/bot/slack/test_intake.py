"""Every surface ends in the same pipeline call, with the identity that Slack signed and nothing else."""

import asyncio
import logging

import pytest

from bot.reply import Accepted, Help, Refusal
from bot.request import Origin
from bot.slack.serve import Sockets
from handlers.faults import Reason

from .conftest import eventually

pytestmark = pytest.mark.store

REFUSAL = Refusal(
    reason=Reason.UNKNOWN_OPTION,
    message="unknown flag: --forse",
    line="container rm --forse web",
    span=(13, 20),
    suggestion="container rm --force web",
    usage="Usage:  docker container rm [OPTIONS] CONTAINER [CONTAINER...]",
)


def ephemerals(standin):
    return [one for one in standin.messages("C01OPS") if one.ephemeral_to]


async def test_a_slash_command_becomes_a_request(served):
    ack = await served.standin.slash("U01ALICE", "C01OPS", "container restart web —time 2")
    assert (ack.status, ack.body) == (200, None)
    [request] = served.pipeline.asked
    assert request.origin is Origin.SLASH
    assert (request.team_id, request.user_id, request.channel_id) == ("T0STANDIN", "U01ALICE", "C01OPS")
    assert (request.program, request.text) == ("docker", "container restart web --time 2")
    assert request.notes == ("a long dash read as --",)
    assert request.thread_ts == ""
    assert served.standin.messages("C01OPS") == []


async def test_docktalk_has_a_command_of_its_own(served):
    await served.standin.slash("U01ALICE", "C01OPS", "whoami", command="/docktalk")
    assert served.pipeline.asked[0].program == "docktalk"


async def test_a_command_that_is_not_ours_is_not_taken(served):
    ack = await served.standin.slash("U01ALICE", "C01OPS", "ps", command="/dockers")
    assert ack.status == 404
    assert served.pipeline.asked == []


MENTIONS = {
    "a docker line": ("ps -a", "docker", "ps -a"),
    "a docker line with its name": ("docker ps -a", "docker", "docker ps -a"),
    "a line for docktalk": ("docktalk hosts", "docktalk", "hosts"),
    "an own command without its program": ("whoami", "docktalk", "whoami"),
    "docktalk alone": ("docktalk", "docktalk", ""),
    "a line in code marks": ("`ps -a`", "docker", "ps -a"),
    "a line in a code block": ("```\nps -a\n```", "docker", "ps -a"),
    "escaped characters": ("ps --filter label=a&b", "docker", "ps --filter label=a&b"),
    "nothing": ("", "docker", ""),
}


@pytest.mark.parametrize(("typed", "program", "text"), MENTIONS.values(), ids=MENTIONS)
async def test_a_mention_becomes_a_request(served, typed, program, text):
    said = await served.standin.mention("U01ALICE", "C01OPS", typed)
    [request] = await served.standin.until(lambda _: served.pipeline.asked)
    assert request.origin is Origin.MENTION
    assert (request.program, request.text) == (program, text)
    assert (request.user_id, request.channel_id) == ("U01ALICE", "C01OPS")
    assert request.delivery_id == f"event:{said.event_id}"
    assert request.thread_ts == said.ts


async def test_a_mention_in_a_thread_stays_in_it(served):
    first = await served.standin.say("U01ALICE", "C01OPS", "web is down")
    await served.standin.mention("U01ALICE", "C01OPS", "restart web", thread_ts=first.ts)
    [request] = await served.standin.until(lambda _: served.pipeline.asked)
    assert request.thread_ts == first.ts


async def test_somebody_of_another_workspace_keeps_their_own_team(served):
    served.standin.world.add_user("eve", "U09EVE")
    served.standin.world.users["U09EVE"].team_id = "T0OTHER"
    await served.standin.mention("U09EVE", "C01OPS", "ps")
    [request] = await served.standin.until(lambda _: served.pipeline.asked)
    assert request.team_id == "T0OTHER"


async def test_a_click_runs_the_kept_line_as_its_asker(served):
    request = await click_the_correction(served, "U01ALICE")
    assert request.origin is Origin.BUTTON
    assert (request.user_id, request.team_id) == ("U01ALICE", "T0STANDIN")
    assert (request.program, request.text) == ("docker", "container rm --force web")
    assert (request.channel_id, request.thread_ts) == ("C01OPS", "")
    [shown] = await served.standin.until(
        lambda s: [one for one in ephemerals(s) if one.text.startswith("Started")]
    )
    assert "J-1" in shown.text


async def test_a_click_works_once(served):
    await click_the_correction(served, "U01ALICE")
    await served.standin.redeliver(served.standin.deliveries[-1])
    assert len(served.pipeline.asked) == 2


async def test_a_line_belongs_to_its_asker_alone(served):
    refused = await refuse(served)
    value = refused.blocks[3]["elements"][0]["value"]
    refused.ephemeral_to = None  # as if the button had got into the channel
    served.pipeline.reply = Accepted(job_id="J-1")
    assert (await served.standin.click("U02BOB", refused, "correction")).ok
    await served.standin.until(lambda s: s.calls[-1].method == "response_url")
    assert len(served.pipeline.asked) == 1
    assert "Nothing was run" in served.standin.calls[-1].arguments["text"]
    assert (await served.corrections.take(value, "U01ALICE")).text == "container rm --force web"


async def test_a_guessed_id_runs_nothing(served):
    refused = await refuse(served)
    refused.blocks[3]["elements"][0]["value"] = '{"argv": ["rm", "-f", "web"]}'
    assert (await served.standin.click("U01ALICE", refused, "correction")).ok
    assert len(served.pipeline.asked) == 1


async def test_an_unknown_button_is_ignored(served):
    refused = await refuse(served)
    refused.blocks[3]["elements"][0]["action_id"] = "err_fix"
    assert (await served.standin.click("U01ALICE", refused, "err_fix")).ok
    assert len(served.pipeline.asked) == 1


async def test_our_own_messages_are_not_heard(served):
    world = served.standin.world
    event = {
        "type": "app_mention",
        "user": world.bot.id,
        "bot_id": world.bot_id,
        "text": f"<@{world.bot.id}> ps",
        "ts": "1.1",
        "channel": "C01OPS",
    }
    await deliver_event(served, event)
    assert served.pipeline.asked == []


async def test_events_that_are_nothing_to_us_are_acknowledged(served):
    ack = await deliver_event(
        served, {"type": "member_joined_channel", "user": "U01ALICE", "channel": "C01OPS"}
    )
    assert ack.ok
    assert served.pipeline.asked == []


async def test_a_refusal_is_seen_by_the_asker_alone(served):
    refused = await refuse(served)
    assert refused.ephemeral_to == "U01ALICE"
    assert refused.thread_ts is None


async def test_a_refused_mention_is_told_in_its_thread(served):
    served.pipeline.reply = REFUSAL
    first = await served.standin.say("U01ALICE", "C01OPS", "web is down")
    await served.standin.mention("U01ALICE", "C01OPS", "rm --forse web", thread_ts=first.ts)
    [shown] = await served.standin.until(ephemerals)
    assert (shown.ephemeral_to, shown.thread_ts) == ("U01ALICE", first.ts)


async def test_a_refused_mention_outside_a_thread_is_told_where_it_is_seen(served):
    served.pipeline.reply = REFUSAL
    await served.standin.mention("U01ALICE", "C01OPS", "rm --forse web")
    [shown] = await served.standin.until(ephemerals)
    assert shown.thread_ts is None


async def test_help_is_seen_by_the_asker_alone(served):
    served.pipeline.reply = Help(text="Usage:  docker [OPTIONS] COMMAND\n")
    await served.standin.slash("U01ALICE", "C01OPS", "--help")
    [shown] = ephemerals(served.standin)
    assert "Usage:  docker [OPTIONS] COMMAND" in str(shown.blocks)


@pytest.mark.parametrize("surface", ["slash", "mention"])
async def test_what_nobody_foresaw_is_told_without_a_word_of_it(served, surface, caplog):
    served.pipeline.reply = RuntimeError("swordfish")
    with caplog.at_level(logging.CRITICAL):
        await getattr(served.standin, surface)("U01ALICE", "C01OPS", "ps")
    [shown] = await served.standin.until(ephemerals)
    assert "Nothing was run" in shown.text
    assert "swordfish" not in str(shown)


async def test_a_redelivery_carries_the_same_delivery_id(served):
    await served.standin.slash("U01ALICE", "C01OPS", "ps")
    await served.standin.redeliver(served.standin.deliveries[-1])
    first, second = served.pipeline.asked
    assert first.delivery_id == second.delivery_id
    assert first.delivery_id.startswith("slash:")


async def test_a_redelivered_mention_is_refused_once(served):
    served.pipeline.reply = REFUSAL
    await served.standin.mention("U01ALICE", "C01OPS", "rm --forse web")
    await served.standin.until(ephemerals)
    await served.standin.redeliver(served.standin.deliveries[-1])
    await eventually(lambda: len(served.pipeline.asked) == 2)
    await asyncio.sleep(0.2)
    assert len(ephemerals(served.standin)) == 1


async def test_a_new_job_is_expected_and_a_duplicate_is_not(served, monkeypatch):
    expected = []
    monkeypatch.setattr(served.reporter, "accepted", expected.append)
    served.intake._accepted = expected.append
    await served.standin.slash("U01ALICE", "C01OPS", "ps")
    served.pipeline.reply = Accepted(job_id="J-1", duplicate=True)
    await served.standin.slash("U01ALICE", "C01OPS", "ps")
    assert expected == ["J-1"]


async def test_socket_mode_reaches_the_same_place(side):
    sockets = Sockets(side.app, side.standin.app_token)
    assert not await sockets.connected()
    await sockets.start()
    try:
        assert await sockets.connected()
        ack = await side.standin.slash("U01ALICE", "C01OPS", "ps")
        assert (ack.ok, ack.body) == (True, None)
        side.pipeline.reply = REFUSAL
        ack = await side.standin.slash("U01ALICE", "C01OPS", "rm --forse web")
        assert ack.body["response_type"] == "ephemeral"
        await side.standin.mention("U01ALICE", "C01OPS", "ps")
        await side.standin.until(lambda _: len(side.pipeline.asked) == 3)
        assert [one.origin for one in side.pipeline.asked] == [Origin.SLASH, Origin.SLASH, Origin.MENTION]
    finally:
        await sockets.stop()


async def test_a_refresh_of_a_connection_loses_nothing(side):
    sockets = Sockets(side.app, side.standin.app_token)
    await sockets.start()
    try:
        await eventually(lambda: side.standin.sockets.count == 2)
        acks = []
        for number in range(40):
            if number in {5, 25}:
                first = min(side.standin.sockets.received())
                await side.standin.sockets.disconnect("refresh_requested", number=first)
            acks.append(await side.standin.slash("U01ALICE", "C01OPS", f"ps --last {number}"))
        assert all(ack.ok for ack in acks)
        assert max(ack.elapsed for ack in acks) < 1.5
        assert [one.text for one in side.pipeline.asked] == [f"ps --last {n}" for n in range(40)]
        await eventually(lambda: side.standin.sockets.count == 2)
    finally:
        await sockets.stop()


async def refuse(served):
    served.pipeline.reply = REFUSAL.model_copy(
        update={
            "correction_id": await served.corrections.put(
                user_id="U01ALICE",
                channel_id="C01OPS",
                thread_ts="",
                program="docker",
                text="container rm --force web",
            )
        }
    )
    await served.standin.slash("U01ALICE", "C01OPS", "container rm --forse web")
    [shown] = ephemerals(served.standin)
    return shown


async def click_the_correction(served, user_id):
    refused = await refuse(served)
    served.pipeline.reply = Accepted(job_id="J-1")
    assert (await served.standin.click(user_id, refused, "correction")).ok
    assert len(served.pipeline.asked) == 2
    return served.pipeline.asked[1]


async def deliver_event(served, event):
    served.standin.courier.deliver_event(
        {
            "type": "event_callback",
            "team_id": "T0STANDIN",
            "api_app_id": "A0STANDIN",
            "event_id": "Ev1",
            "event": event,
        }
    )
    return await served.standin.until(lambda s: s.deliveries and s.deliveries[-1].ack)
