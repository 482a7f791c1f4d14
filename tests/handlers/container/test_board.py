"""When the rows of `stats` are shown, and with what."""

import pytest

from handlers.container.board import PATIENCE, Board


@pytest.fixture
def shown():
    return []


@pytest.fixture
def board(shown):
    def show(rows):
        shown.append({row.container: "--" if row.stale else row.data["n"] for row in rows})

    return Board(show, truncate=True)


def speak(board, row, *numbers):
    for number in numbers:
        board.take(row, {"n": number})


def test_one_row_is_shown_with_every_sample(board, shown):
    web = board.add("web")
    speak(board, web, 1, 2)
    assert shown == [{"web": 1}, {"web": 2}]


def test_several_rows_are_shown_when_all_have_spoken(board, shown):
    web, db = board.add("web"), board.add("db")
    speak(board, web, 1)
    assert shown == []
    speak(board, db, 1)
    speak(board, db, 2)
    speak(board, web, 2)
    assert shown == [{"web": 1, "db": 1}, {"web": 2, "db": 2}]


def test_the_first_table_waits_for_everyone(board, shown):
    web, db = board.add("web"), board.add("db")
    speak(board, web, *range(1, PATIENCE + 1))
    assert shown == []
    speak(board, db, 9)
    assert shown == [{"web": PATIENCE, "db": 9}]


def test_but_not_for_ever(board, shown):
    web, _ = board.add("web"), board.add("db")
    speak(board, web, *range(1, PATIENCE + 2))
    assert shown == [{"web": PATIENCE, "db": "--"}]


def test_a_row_that_is_late_keeps_its_numbers_once_and_then_has_none(board, shown):
    web, db = board.add("web"), board.add("db")
    speak(board, db, 1)
    speak(board, web, 1, 2, 3, 4, 5)
    assert [table["web"] for table in shown] == [1, 2, 3, 4, 5]
    assert [table["db"] for table in shown] == [1, 1, "--", "--", "--"]
    speak(board, db, 7)
    speak(board, web, 6)
    assert shown[-1] == {"web": 6, "db": 7}


def test_silence_is_shown_once(board, shown):
    web, _ = board.add("web"), board.add("db")
    board.silence()
    board.silence()
    assert shown == [{"web": "--", "db": "--"}]
    speak(board, web, 1)
    assert shown[-1] == {"web": 1, "db": "--"}


def test_silence_after_a_sample_shows_the_sample(board, shown):
    web, _ = board.add("web"), board.add("db")
    speak(board, web, 1)
    board.silence()
    assert shown == [{"web": 1, "db": "--"}]


def test_a_container_is_there_once(board):
    web = board.add("web")
    assert board.add("web") is None
    assert board.has(web)


def test_a_row_that_was_taken_off_is_waited_for_no_more(board, shown):
    web, db = board.add("web"), board.add("db")
    board.remove("db")
    board.remove("db")
    assert not board.has(db)
    speak(board, web, 1)
    assert shown == [{"web": 1}]
    assert board.has(board.add("db"))
