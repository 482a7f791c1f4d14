"""Incidents on a real store: who opens and closes them, what they tag, what is told, what ends one."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from bot.incidents.incidents import LONGEST_SECONDS, REMIND_SECONDS
from bot.jobs.names import bot_client
from bot.own.commands import BEGINNINGS, OWN
from bot.own.job_lines import job_line
from bot.own.said import Said
from bot.slack.incident_board import announcement, ending, reminder
from bot.store.incidents import Incident
from handlers.faults import Denied, Fault, Reason, UsageFault
from permissions.verbs import Verb
from tests.bot.incidents.incident_side import Side
from tests.bot.slack.approval_cards import check

pytestmark = pytest.mark.store


@pytest.fixture
async def side(store_url, tmp_path):
    async with bot_client(store_url) as client:
        yield Side(client, tmp_path)


async def test_it_tags_its_thread_or_its_channel_and_the_threads_own_goes_first(side):
    await side.say("open inc-12 payments down", thread="1.5")
    assert await side.desk.tag("C1", "1.5") == "INC-12"
    assert [await side.desk.tag(*place) for place in (("C1", ""), ("C1", "1.6"), ("C2", "1.5"))] == [""] * 3
    await side.say("open OPS-7")
    assert await side.desk.tag("C1", "1.5") == "INC-12"
    assert await side.desk.tag("C1", "1.6") == "OPS-7"
    assert await side.desk.tag("C1", "") == "OPS-7"
    assert await side.desk.tag("C2", "") == ""
    assert (await side.desk.open("INC-12")).title == "payments down"


async def test_what_is_closed_tags_nothing_and_may_be_opened_again(side):
    await side.say("open INC-12", thread="1.5")
    assert await side.say("close inc-12 all is well", thread="1.5") == "INC-12 is closed.\n"
    assert await side.desk.tag("C1", "1.5") == ""
    assert await side.desk.open("INC-12") is None
    await side.say("open INC-12", channel="C2")
    assert await side.desk.tag("C2", "9.9") == "INC-12"
    assert side.places.shown == [
        ("INC-12", "opened"),
        ("INC-12", "closed by U0ANA: all is well"),
        ("INC-12", "opened"),
    ]


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("open INC-12", {"thread": "1.6"}),
        ("open INC-12", {"channel": "C2"}),
        ("open inc-12", {}),
        ("open INC-13", {"thread": "1.5"}),
    ],
)
async def test_a_name_and_a_place_have_one_at_a_time(side, line, where):
    await side.say("open INC-12", thread="1.5")
    with pytest.raises(Fault, match=r"open already|open for this thread already"):
        await side.say(line, **where)
    assert len(await side.desk.store.all()) == 1


async def test_of_two_who_open_one_name_at_the_same_moment_one_does(side):
    opened = await asyncio.gather(
        *(
            side.say("open INC-12", thread=f"1.{number}", user=user)
            for number, user in enumerate(["U0ANA", "U0BEN"] * 3)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, str) for one in opened) == 1
    assert all(one.reason is Reason.CONFLICT for one in opened if not isinstance(one, str))
    assert len(await side.desk.store.all()) == 1


@pytest.mark.parametrize(
    "who", [{"user": "U0EVE"}, {"user": "U0AUDIT"}, {"user": "U0CLEO"}, {"channel": "C3"}]
)
async def test_whom_the_policy_does_not_let_opens_none(side, who):
    with pytest.raises(Denied):
        await side.say("open INC-12", **who)
    assert await side.desk.store.all() == ()
    assert side.places.shown == []


async def test_where_the_bot_could_not_say_so_none_is_opened(side):
    side.places.member.clear()
    with pytest.raises(Fault, match="not in this channel"):
        await side.say("open INC-12")
    assert await side.desk.store.all() == ()


async def test_its_owner_closes_it_from_anywhere_and_others_where_it_is_if_they_may(side):
    await side.say("open INC-12", user="U0ANA")
    with pytest.raises(Denied):
        await side.say("close INC-12", user="U0EVE")
    with pytest.raises(Fault, match="no open incident INC-12 here"):
        await side.say("close INC-12", user="U0BEN", channel="C2")
    await side.say("close INC-12", user="U0BEN")
    await side.say("open INC-12", user="U0ANA")
    await side.say("close INC-12", user="U0ANA", channel="C9")
    assert await side.desk.store.all() == ()


async def test_the_same_id_of_another_workspace_is_not_its_owner(side):
    await side.say("open INC-12")
    said = side.said()
    other = said.principal.model_copy(update={"team_id": "T2"})
    place = said.request.model_copy(update={"channel_id": "C9"})
    with pytest.raises(Fault, match="no open incident INC-12 here"):
        await side.desk.answer(job_line("incident close INC-12"), Said(place, other, side.loaded))


async def test_each_change_is_in_the_audit_with_its_name(side):
    await side.say("open INC-12 payments down", thread="1.5")
    side.now += REMIND_SECONDS
    await side.desk.tick()
    await side.say("close INC-12 token=abcdefgh", user="U0BEN", thread="1.5")
    told = [entry.what for entry in await side.entries()]
    assert [(one.what, one.id, one.change, one.incident, one.channel_id, one.thread_ts) for one in told] == [
        ("incident", "I-1", change, "INC-12", "C1", "1.5") for change in ("opened", "reminded", "closed")
    ]
    assert [one.reason for one in told] == ["payments down", "", "token=••••"]
    assert [one.who.user_id if one.who else "" for one in told] == ["U0ANA", "", "U0BEN"]


async def test_its_owner_is_reminded_once_and_a_forgotten_one_ends(side):
    await side.say("open INC-12")
    await side.desk.tick()
    side.now += REMIND_SECONDS
    for _ in range(3):
        await side.desk.tick()
    assert side.places.shown == [("INC-12", "opened"), ("INC-12", "reminded")]
    side.now += LONGEST_SECONDS - REMIND_SECONDS
    # Before the clock comes to it, it counts no more.
    assert await side.desk.tag("C1", "") == ""
    await side.say("open INC-13")
    await side.desk.tick()
    assert side.places.shown[2:] == [
        ("INC-13", "opened"),
        ("INC-12", "closed by the clock: nobody closed it"),
    ]
    assert [one.name for one in await side.desk.store.all()] == ["INC-13"]


async def test_a_forged_or_returned_record_tags_nothing(side):
    desk = side.desk
    await side.say("open INC-12", desk)
    key = "{docktalk}:in-force:incident"
    kept = await side.client.hget(key, "I-1")
    await side.say("close INC-12", desk)
    forged = Incident(
        id="I-2", name="INC-9", team_id="T1", channel_id="C1", owner_id="U0EVE", owner_name="eve",
        opened_at=side.now, until=side.now + 1e6,
    )  # fmt: skip
    await side.client.hset(key, mapping={"I-1": kept, "I-2": f"0 {forged.model_dump_json()}", "I-3": kept})
    assert await desk.tag("C1", "") == ""
    assert await desk.open("INC-12") is None
    side.now += LONGEST_SECONDS
    assert await side.desk.tag("C1", "") == ""  # nor for a process that never saw its end, for long


async def test_the_list_shows_those_of_the_channel_and_more_to_whoever_reads_the_audit(side):
    await side.say("open INC-12 payments down", thread="1.5")
    await side.say("open INC-13", channel="C2")
    side.now += 3700
    here = await side.say("list", user="U0EVE")
    assert here == "INC-12 has been open for 1 h 1 min, by ana, for another thread: payments down\n"
    assert "INC-13" in await side.say("list", user="U0AUDIT")
    assert await side.say("list", channel="C3", user="U0EVE") == "No incident is open here.\n"


async def test_its_story_is_told_where_it_was_and_counted_at_its_end(side):
    await side.say("open INC-12 payments down", thread="1.5")
    await side.ran("J-1", "container restart web", "INC-12")
    await side.ran("J-2", "container logs web", "INC-12", verb=Verb.REVEAL, exit_code=1)
    await side.ran("J-3", "container restart other", "")
    await side.ran("J-4", "container restart elsewhere", "INC-12", channel="C2")
    await side.chain()
    shown = await side.say("show INC-12", user="U0EVE")
    assert "2 jobs, 1 change, 1 failed" in shown
    assert "has been open for less than a minute, by ana" in shown
    await side.say("close INC-12")
    assert (side.places.told.runs, side.places.told.changes, side.places.told.failed) == (2, 1, 1)
    await side.chain()
    timeline = await side.say("timeline INC-12", user="U0EVE")
    order = ["opened", "restart web", "J-1 started", "J-1 done", "logs web", "J-2 failed: exit 1", "closed"]
    at = [timeline.index(text, timeline.index("\n")) for text in order]
    assert at == sorted(at, reverse=True)
    assert "other" not in timeline
    assert "elsewhere" not in timeline
    assert "elsewhere" in await side.say("timeline INC-12", user="U0AUDIT", channel="C3")
    for line in ("timeline INC-12", "show INC-12"):
        with pytest.raises(Fault, match="no incident INC-12 here"):
            await side.say(line, user="U0EVE", channel="C3")
    assert "INC-12 is closed: payments down" in await side.say("show INC-12", user="U0EVE")


async def test_the_newest_of_a_long_story_are_shown_and_the_rest_counted(side):
    await side.say("open INC-12")
    for number in range(20):
        await side.ran(f"J-{number}", f"container restart web{number}", "INC-12")
    await side.chain()
    timeline = await side.say("timeline INC-12")
    assert timeline.startswith("INC-12: 61 records (UTC), the newest first; 21 older ones")
    assert "restart web19" in timeline
    assert "restart web0\n" not in timeline


async def test_an_audit_that_cannot_be_read_ends_no_incident_less(side):
    desk = dataclasses.replace(side.desk, audit_dir=Path("/nowhere"))
    await side.say("open INC-12", desk)
    await side.say("close INC-12", desk)
    assert side.places.told is None or side.places.told.total == 0
    assert await desk.store.all() == ()


@pytest.mark.parametrize(
    "name", ["INC12", "INC-", "-12", "12", "INC-12x", "INC-1234567890", "İNC-1", "IN C-1", "<@U1>"]
)
def test_what_is_no_name_opens_nothing(name):
    with pytest.raises(UsageFault):
        job_line(f"incident open '{name}'")


@pytest.mark.parametrize("line", ["open INC-1 " + "x" * 151, "close INC-1 " + "x" * 151])
def test_a_text_that_nobody_reads_to_its_end_is_refused(line):
    with pytest.raises(UsageFault, match="longer than 150"):
        job_line(f"incident {line}")


def test_its_messages_fit_whatever_they_hold():
    for title in ("", "x", "*<!here>*" * 16):
        incident = Incident(
            id="I-1", name="INC-12", title=title, team_id="T1", channel_id="C1", thread_ts="1.5",
            owner_id="U0ANA", owner_name="ana", opened_at=0.0, until=LONGEST_SECONDS,
        )  # fmt: skip
        for shown in (announcement(incident), reminder(incident), ending(incident, None, "", None, 5.0)):
            check(shown)
            assert "<!here>" not in shown.text


@pytest.mark.parametrize("word", ["open", "close", "list", "show", "timeline"])
def test_a_mention_and_the_help_know_its_lines(word):
    assert f"incident {word}" in OWN
    assert "incident" in BEGINNINGS
