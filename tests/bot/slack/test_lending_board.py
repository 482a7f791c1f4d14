"""Where a broken glass is shown: each channel once, edited in order; one reply a day at most, edited."""

import pytest

from bot.slack.lending_board import LendingBoard
from bot.store.grants import glass_key
from bot.store.outbox import Entry
from permissions.operation import Principal, Standing

from .approval_cards import ASKED
from .test_lending_cards import review

DAY = 86_400


class Box:
    """Keeps what is put into it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def put(self, *entries: Entry) -> None:
        self.entries += entries

    def of(self, channel_id: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.channel_id == channel_id]


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def board(box: Box) -> LendingBoard:
    return LendingBoard(box)


async def test_every_later_state_is_a_later_revision_of_one_message_in_a_channel(
    board: LendingBoard, box: Box
):
    begun = review()
    used = begun.model_copy(update={"revision": 1, "jobs": ("J-7", "J-8"), "ran": 2})
    revoked = used.model_copy(update={"revision": 2, "ended_at": ASKED + 60, "ended_by": "U0LEA"})
    await board.tell(begun, ASKED)
    await board.tell(used, ASKED + 30)
    await board.tell(revoked, ASKED + 60)
    lea = Principal(team_id="T1", user_id="U0LEA", name="lea", standing=Standing.MEMBER, as_of=ASKED)
    await board.reviewed(revoked, lea, "it was right")
    for channel_id in ("C1", "C0SEC"):
        shown = box.of(channel_id)
        assert len({entry.key for entry in shown}) == 1
        revisions = [entry.revision for entry in shown]
        assert revisions == sorted(set(revisions))
        assert len(revisions) == 4


async def test_it_is_told_in_the_thread_where_it_was_broken(board, box: Box):
    await board.tell(review(thread_ts="17.5"), ASKED)
    assert [entry.thread_ts for entry in box.of("C1")] == ["17.5"]
    assert [entry.thread_ts for entry in box.of("C0SEC")] == [""]


async def test_an_open_review_is_reminded_of_below_what_was_told_by_one_reply(board, box: Box):
    for days in (0, 1, 2):
        await board.tell(review(), ASKED + 1801 + days * DAY)
    replies = [entry for entry in box.entries if entry.under]
    assert [(entry.channel_id, entry.revision) for entry in replies] == [("C0SEC", 1), ("C0SEC", 2)]
    assert len({entry.key for entry in replies}) == 1
    [told] = {entry.key for entry in box.of("C0SEC") if not entry.under}
    assert {entry.under for entry in replies} == {told}


async def test_where_only_the_channel_itself_is_told_the_reply_stands_there(board, box: Box):
    await board.tell(review(tell=()), ASKED + 2 * DAY)
    [reply] = [entry for entry in box.entries if entry.under]
    assert (reply.channel_id, reply.under) == ("C1", glass_key("G-4"))


async def test_in_a_thread_the_reply_stands_in_that_thread(board, box: Box):
    await board.tell(review(tell=(), thread_ts="17.5"), ASKED + 2 * DAY)
    assert [(entry.thread_ts, entry.under) for entry in box.of("C1")] == [("17.5", ""), ("17.5", "")]
