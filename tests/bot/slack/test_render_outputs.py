"""How much of an output the thread shows, and what is attached."""

import json

from bot.jobs.wire import Cells, Tail
from bot.slack import render
from tests.bot.slack.test_render import LOGS, LS, check, ending, live, long_log

from .conftest import record, result


def test_of_stats_the_last_refresh_alone_is_shown():
    tail = "NAME  CPU\nweb  1%\n\nNAME  CPU\nweb  2%\n"
    message = live(record(command="container stats"), tail=tail, total_lines=5)
    assert "web  2%" in json.dumps(message.blocks)
    assert "web  1%" not in json.dumps(message.blocks)


def test_a_table_of_three_hundred_columns_is_cut_and_attached():
    wide = Cells(header=tuple(map(str, range(300))), rows=(("x",) * 300,), total=1)
    whole = render.ended(LS, result("x\n", table=wide))
    [reply] = map(check, whole.replies)
    assert len(reply.blocks[0]["rows"][0]) == 20
    assert "20 of 300 columns" in json.dumps(reply.blocks)
    assert whole.attach == ("stdout",)


def test_a_row_that_is_too_short_is_filled():
    ragged = Cells(header=("A", "B"), rows=(("x",), ("x", "y")), total=2)
    [reply] = map(check, render.ended(LS, result("x\n", table=ragged)).replies)
    assert {len(row) for row in reply.blocks[0]["rows"]} == {2}


def test_a_log_shows_its_end_and_other_output_its_beginning():
    assert "last 40 of 2,310 lines" in json.dumps(ending(LOGS, long_log())[1].blocks)
    assert "first 40 of 2,310 lines" in json.dumps(ending(record(), long_log())[1].blocks)


def test_what_is_shown_whole_is_not_attached():
    assert render.ended(record(), result("a\nb\n")).attach == ()
    assert render.ended(record(), result("a\n" * 61)).attach == ("stdout",)
    assert render.ended(record(), result("", "e" * 5000 + "\nx\n")).attach == ("stderr",)


def test_what_the_worker_did_not_keep_is_not_attached():
    whole = render.ended(LOGS, long_log().model_copy(update={"kept": False}))
    assert whole.attach == ()
    assert "the whole was not kept" in json.dumps(whole.replies[0].blocks)


def test_an_output_that_begins_with_an_empty_line_is_shown():
    [_, reply] = ending(record(), result("\nsecond\nthird\n"))
    assert "second" in json.dumps(reply.blocks)


def test_an_output_of_which_nothing_was_kept_still_has_its_message():
    nothing = Tail(text="", total_bytes=9_000, total_lines=90)
    [_, reply] = ending(record(), result().model_copy(update={"stdout": nothing, "kept": False}))
    assert "last 0 of 90 lines" in json.dumps(check(reply).blocks)


def test_failures_stand_before_the_output():
    [_, reply] = ending(record(), result("fine\n", "broken\n", exit_code=1))
    text = json.dumps(reply.blocks)
    assert text.index("broken") < text.index("fine")
