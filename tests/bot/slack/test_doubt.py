"""A change whose outcome is not sure: what its message offers, and what comes of clicks, forged ones too."""

import time

import pytest

from bot.jobs.wire import Checked, Ended
from bot.reply import Accepted, Found, Refusal, Told
from handlers.faults import Reason
from permissions.approval import Bound, Step, Terms, Threshold
from permissions.operation import Operation, Principal, Standing
from permissions.ticket import Approved, Claims, CommandWire, Effect, Mode, SealedValue, Ticket
from permissions.verbs import Danger, Kind, Verb

from .conftest import eventually, record, result, texts

pytestmark = pytest.mark.store

SEALED = SealedValue(blob="blob", digest="digest")
WIRE = CommandWire(path="container restart", fields={"containers": ["web"], "timeout": 2})


def ticket(side, **changes) -> Ticket:
    now = time.time()
    fields = {
        "job_id": "J-1",
        "nonce": "n-1",
        "host": "prod-1",
        "effect": Effect.CHANGE,
        "command": WIRE,
        "operation": Operation(
            command="container restart", verb=Verb.OPERATE, danger=Danger.INTERRUPTS, host="prod-1"
        ),
        "principal": Principal(
            team_id="T0STANDIN", user_id="U01ALICE", name="alice", standing=Standing.MEMBER, as_of=now
        ),
        "policy": "",
        "rule": "role operator, rule 1",
        "issued_at": now,
        "not_after": now + 60,
        "deadline": 30.0,
    }
    return side.keys.sign(Claims.model_validate({**fields, **changes}))


def unknown(side, *, reason=Reason.OUTCOME_UNKNOWN, **changes) -> Ended:
    seen = "The worker stopped while it ran this.\nweb: unknown, container 0123 runs\n"
    text = ticket(side, **changes).model_dump_json()
    return Ended(
        job_id="J-1", worker="w", result=result(stderr=seen, exit_code=1, reason=reason), ticket=text
    )


async def shown(side, event=None, **changes):
    """The message of a job that ended so."""
    await side.accept(record(**changes))
    await side.reporter.handle(event or unknown(side))
    return (await side.standin.until(lambda s: s.messages("C01OPS")))[0]


def buttons(message):
    return {
        element["action_id"]: element
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }


async def test_the_message_says_what_was_looked_at_and_offers_to_look_and_to_run_again(served):
    message = await shown(served)
    assert message.text.startswith("Outcome unknown: ")
    assert "web: unknown, container 0123 runs" in str(message.blocks)
    offered = buttons(message)
    assert offered["job.check"]["value"] == "check J-1"
    assert "may have been carried out already" in str(offered["job.again"]["confirm"])
    assert "restart" not in offered["job.again"]["value"]  # an opaque id


async def test_what_was_found_not_done_is_run_again_without_a_second_question(served):
    message = await shown(served, unknown(served, reason=Reason.NOT_DONE))
    assert "confirm" not in buttons(message)["job.again"]


async def test_a_stopped_change_may_have_been_carried_out_and_offers_the_same(served):
    message = await shown(served, unknown(served, reason=Reason.CANCELLED))
    assert message.text.startswith("Stopped: ")
    assert set(buttons(message)) == {"job.check", "job.again"}


async def test_a_line_whose_secrets_are_gone_is_not_offered_again(served):
    sealed = WIRE.model_copy(update={"sealed": {"signal": SEALED}})
    message = await shown(served, unknown(served, command=sealed))
    assert set(buttons(message)) == {"job.check"}
    assert "secret values, which are gone" in str(message.blocks)


NOT_OURS = {
    "another job's": {"job_id": "J-2"},
    "another host's": {"host": "prod-2"},
    "a read's": {"effect": Effect.READ},
    "a preview's": {"mode": Mode.PREVIEW},
}


@pytest.mark.parametrize("changes", NOT_OURS.values(), ids=NOT_OURS)
async def test_a_ticket_that_is_not_this_change_s_offers_nothing(served, changes):
    message = await shown(served, unknown(served, **changes))
    assert message.text.startswith("Outcome unknown: ")
    assert buttons(message) == {}


async def test_a_ticket_that_the_bot_did_not_sign_offers_nothing(served):
    event = unknown(served)
    forged = event.model_copy(update={"ticket": event.ticket.replace("web", "dbx")})
    assert buttons(await shown(served, forged)) == {}


async def test_its_asker_runs_the_same_line_again_once_and_the_message_shows_it(served):
    message = await shown(served)
    button = buttons(message)["job.again"]
    served.pipeline.reply = Accepted(job_id="J-9")
    await served.standin.click("U01ALICE", message, "job.again")
    [asked] = await eventually(lambda: served.pipeline.asked)
    assert (asked.user_id, asked.channel_id, asked.program) == ("U01ALICE", "C01OPS", "docker")
    assert asked.text == "--host prod-1 container restart --timeout 2 web"
    assert asked.notes == ("run again after J-1",)
    assert not asked.confirmed
    await eventually(lambda: "J-9" in str(message.blocks))
    assert buttons(message) == {}
    assert await served.corrections.take(button["value"], "U01ALICE") is None


async def test_nobody_else_runs_it_again(served):
    message = await shown(served)
    await served.standin.click("U02BOB", message, "job.again")
    [told] = await served.standin.until(lambda s: [m for m in s.messages("C01OPS") if m.ephemeral_to])
    assert "no longer valid" in told.text
    assert served.pipeline.asked == []
    assert set(buttons(message)) == {"job.check", "job.again"}


async def test_the_same_event_twice_keeps_one_line(served):
    event = unknown(served)
    message = await shown(served, event)
    before = buttons(message)["job.again"]["value"]
    await served.reporter.handle(event)
    display, _ = await served.displays.read("J-1")
    assert display.doubt.line_id == before


async def test_what_people_agreed_to_of_a_prune_is_kept_for_a_later_look(served):
    named = Bound(kind=Kind.CONTAINER, name="web", id="a" * 64, parts={"Config": "1"})
    of_set = Bound(kind=Kind.VOLUME, name="data", id="2026", of_set=True)
    terms = Terms(any=(Threshold(steps=(Step(people=1, users=("U0LEAD",)),)),))
    approved = Approved(policy="", terms=terms, bound=(named, of_set), by=("U0LEAD",))
    await shown(served, unknown(served, approved=approved))
    display, _ = await served.displays.read("J-1")
    assert display.doubt.agreed == (of_set,), "what was named stands in the line"


async def test_a_click_looks_again_as_the_clicker(served):
    message = await shown(served)
    served.pipeline.reply = Told(text="J-1 is looked at again.\n")
    await served.standin.click("U02BOB", message, "job.check")
    [asked] = await eventually(lambda: served.pipeline.asked)
    assert (asked.user_id, asked.program, asked.text) == ("U02BOB", "docktalk", "check J-1")


SEEN = {
    "": ("Done: ", set()),
    Reason.NOT_DONE: ("Not done: ", {"job.check", "job.again"}),
    Reason.OUTCOME_UNKNOWN: ("Outcome unknown: ", {"job.check", "job.again"}),
    "invented": ("Outcome unknown: ", {"job.check", "job.again"}),
}


@pytest.mark.parametrize(("reason", "wanted"), SEEN.items())
async def test_what_is_seen_then_stands_in_the_message(served, reason, wanted):
    message = await shown(served)
    display, _ = await served.displays.read("J-1")
    looking = {"looking": True, "asked_by": "U02BOB", "asked_at": time.time()}
    await served.displays.change("J-1", doubt=display.doubt.model_copy(update=looking))
    await served.reporter.refresh("J-1")
    await eventually(lambda: "has it looked at again" in str(message.blocks))
    await served.reporter.handle(
        Checked(job_id="J-1", worker="w", reason=reason, text="web: seen anew", at=time.time())
    )
    await eventually(lambda: "web: seen anew" in str(message.blocks))
    assert message.text.startswith(wanted[0])
    assert set(buttons(message)) == wanted[1]
    assert "has it looked at again" not in str(message.blocks)
    assert len(served.standin.messages("C01OPS")) == 1


async def test_the_word_of_a_look_that_nobody_could_ask_for_changes_nothing(served):
    await served.accept(record())
    await served.reporter.handle(Ended(job_id="J-1", worker="w", result=result("web\n")))
    message = (await served.standin.until(lambda s: s.messages("C01OPS")))[0]
    await served.reporter.handle(Checked(job_id="J-1", worker="w", reason="", text="planted", at=time.time()))
    await served.reporter.handle(unknown(served))  # what comes next is handled after it
    assert texts(served, "chat.update") == []
    assert "planted" not in str(message.blocks)


ALREADY = Refusal(
    reason=Reason.ALREADY_ASKED,
    message="J-41 does the same, and is not over yet. Nothing was queued.",
    suggestion="container restart web",
    ahead="J-41",
)


async def asked_already(served):
    kept = await served.corrections.put(
        user_id="U01ALICE",
        channel_id="C01OPS",
        thread_ts="",
        program="docker",
        text="restart web",
        again=True,
    )
    served.pipeline.reply = ALREADY.model_copy(update={"correction_id": kept})
    await served.standin.slash("U01ALICE", "C01OPS", "restart web", "/docker")
    return (await served.standin.until(lambda s: s.messages("C01OPS")))[0]


async def test_the_same_change_can_be_followed_queued_or_left(served):
    offer = await asked_already(served)
    assert [(b["text"]["text"], name) for name, b in buttons(offer).items()] == [
        ("Follow J-41", "job.follow"),
        ("Queue after J-41", "correction"),
        ("Cancel", "leave"),
    ]


async def test_to_follow_leads_to_the_other_job_s_message(served):
    offer = await asked_already(served)
    served.pipeline.reply = Found(text="J-41: ana asked for it.\n", link="https://x.slack.com/archives/C/p1")
    await served.standin.click("U01ALICE", offer, "job.follow")
    assert served.pipeline.asked[-1].text == "follow J-41"
    told = (await served.standin.until(lambda s: s.messages("C01OPS")[1:]))[0]
    assert told.ephemeral_to == "U01ALICE"
    assert "https://x.slack.com/archives/C/p1" in str(told.blocks)


async def test_to_queue_it_runs_it_though_a_job_does_the_same(served):
    offer = await asked_already(served)
    served.pipeline.reply = Accepted(job_id="J-50")
    await served.standin.click("U01ALICE", offer, "correction")
    assert served.pipeline.asked[-1].again


async def test_what_is_left_nobody_can_queue_any_more(served):
    offer = await asked_already(served)
    kept = buttons(offer)["correction"]["value"]
    await served.standin.click("U01ALICE", offer, "leave")
    await eventually(lambda: "Nothing was queued." in str(served.standin.messages("C01OPS")[0].blocks))
    assert await served.corrections.take(kept, "U01ALICE") is None
    assert len(served.pipeline.asked) == 1
