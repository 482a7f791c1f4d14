"""For every kind of failure there is one thing to do, and the end of the line is giving up, not looping."""

import pytest

from bot.slack.blocks import message, section, table, words
from bot.slack.client import SlackTrouble, Trouble
from bot.slack.remedy import GIVE_UP_SECONDS, GiveUp, Instead, remedy
from bot.store.outbox import Again, Entry, File, Kind, Outgoing, Sent

NOW = 1_790_000_000.0
TEXT = message("k", "Done", [section(words("x"))])
FILE = File(name="a.txt", stream="stdout", length=9, file_id="F1")
TABLE = message("k", "Done", [table([("A",)])])


def out(*, tries=0, sent=False, ambiguous=False, **changes) -> Outgoing:
    values = {
        "key": "k",
        "kind": Kind.SHOW,
        "channel_id": "C1",
        "user_id": "U1",
        "message": TEXT,
        "made_at": NOW,
    }
    return Outgoing(
        entry=Entry.model_validate(values | changes),
        revision=1,
        lane="edit" if sent else "post",
        tries=tries,
        ambiguous=ambiguous,
        sent=Sent(key="k", channel_id="C1", ts="1.1") if sent else None,
        under=None,
    )


def after(trouble, outgoing, retry_after=0.0):
    return remedy(outgoing, SlackTrouble(trouble, "x", retry_after), NOW)


def test_too_many_calls_hold_all_of_their_kind():
    assert after(Trouble.BUSY, out(), 30) == Again(NOW + 30, hold=NOW + 30)


@pytest.mark.parametrize(("tries", "pause"), [(0, 0.5), (1, 1.0), (2, 2.0), (5, 30.0), (500, 30.0)])
def test_waits_longer_each_time(tries, pause):
    assert after(Trouble.UNREACHED, out(tries=tries)).after == NOW + pause


def test_a_broken_slack_may_have_posted():
    assert after(Trouble.SHAKEN, out()).ambiguous
    assert not after(Trouble.UNREACHED, out()).ambiguous


def test_a_table_that_breaks_slack_again_and_again_goes_as_text():
    assert after(Trouble.SHAKEN, out(message=TABLE, tries=1)).changed is None
    assert after(Trouble.SHAKEN, out(message=TABLE, tries=2)).changed.plainness == 1


def test_what_cannot_be_shown_is_made_plainer_step_by_step():
    assert after(Trouble.UNSHOWABLE, out(message=TABLE)).changed.plainness == 1
    assert after(Trouble.UNSHOWABLE, out(message=TABLE, plainness=1)).changed.plainness == 2
    assert after(Trouble.UNSHOWABLE, out()).changed.plainness == 2


def test_what_the_channel_refuses_goes_to_the_asker():
    changed = after(Trouble.UNWRITABLE, out(kind=Kind.WHISPER, under="p", thread_ts="1.1")).changed
    assert (changed.direct, changed.kind, changed.under, changed.thread_ts) == (True, Kind.SHOW, "", "")


def test_a_message_that_cannot_be_edited_is_posted_anew():
    assert after(Trouble.UNEDITABLE, out(sent=True)) == Instead(out(key="k+").entry)
    assert after(Trouble.UNWRITABLE, out(sent=True)) == Instead(out(key="k+").entry)


@pytest.mark.parametrize("kind", [Kind.ADDRESS, Kind.ATTACH])
def test_a_file_that_cannot_be_attached_is_told(kind):
    told = after(Trouble.REFUSED, out(kind=kind, file=FILE, under="p", job_id="J-1"))
    assert (told.entry.kind, told.entry.under, told.entry.file) == (Kind.SHOW, "p", None)
    assert told.entry.message.text == "The full output could not be attached: x."


def test_a_file_whose_attaching_was_not_seen_to_fail_is_not_told_of():
    assert after(Trouble.REFUSED, out(kind=Kind.ATTACH, file=FILE, ambiguous=True)) == GiveUp()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "trouble", [Trouble.UNSHOWABLE, Trouble.UNWRITABLE, Trouble.UNEDITABLE, Trouble.REFUSED]
)
@pytest.mark.parametrize("sent", [False, True])
def test_what_slack_refuses_ends_after_a_few_tries(kind, trouble, sent):
    file = FILE if kind in {Kind.ADDRESS, Kind.ATTACH} else None
    outgoing = out(kind=kind, message=TABLE, sent=sent, file=file)
    for _ in range(6):
        match after(trouble, outgoing):
            case GiveUp() | Instead():
                return
            case Again(changed=changed):
                assert changed is not None
                outgoing = out(sent=sent, **changed.model_dump())
    pytest.fail("it would go on for ever")


def test_what_is_a_day_old_is_given_up():
    assert after(Trouble.BUSY, out(made_at=NOW - GIVE_UP_SECONDS - 1)) == GiveUp()


def test_a_refused_token_is_tried_again_when_it_may_be_mended():
    assert after(Trouble.LOCKED_OUT, out()) == Again(NOW + 30.0)
