"""The card of a prune: how many objects would go and how heavy, the first few; in its details all of them."""

import pytest

from bot.jobs.bound import MOST_AT_ONCE
from bot.jobs.wire import Target
from bot.slack import cards
from permissions.approval import Bound
from permissions.verbs import Kind

from .approval_cards import PROBED, asked, check, check_view, said, texts


def one(kind, number, *, name="", weight=0):
    bound = Bound(kind=kind, name=name or f"{kind}-{number}", id=f"{number:064}", of_set=True, bytes=weight)
    return Target(bound=bound)


def pruned(*targets):
    return asked(probed=PROBED.model_copy(update={"targets": targets}))


MIXED = (
    *(one(Kind.CONTAINER, number, weight=1_000) for number in range(3)),
    one(Kind.IMAGE, 9, weight=8_400_000_000),
    one(Kind.SYSTEM, 7, name="rec7"),
    one(Kind.SYSTEM, 8, name="rec8"),
)


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        (MIXED, " 3 containers, 1 image, 2 build cache records (up to 8.4GB): "),
        (MIXED[3:4], " 1 image (up to 8.4GB): "),
        ((one(Kind.NETWORK, 1),), " 1 network: "),
    ],
)
def test_the_card_counts_what_would_go(targets, sentence):
    shown = said(cards.card(pruned(*targets)))
    assert sentence in shown
    assert "Nothing else goes, and what is used by then stays." in shown


def test_the_card_names_the_first_few_and_counts_the_rest():
    shown = said(cards.card(pruned(*MIXED)))
    assert "container-2" in shown
    assert "and 3 more" in shown
    assert "rec8" not in shown


@pytest.mark.parametrize("stem", ["c", "c" * 255, "ü<&>`\n" * 50], ids=["short", "long", "hostile"])
def test_the_details_list_every_one_of_as_many_as_can_be_asked_about(stem):
    targets = tuple(one(Kind.CONTAINER, number, name=f"{number:03}{stem}") for number in range(MOST_AT_ONCE))
    check(cards.card(pruned(*targets)))
    view = cards.details(pruned(*targets))
    check_view(view)
    shown = "".join(texts(view))
    assert all(f"container {number:03}c"[:13] in shown for number in range(MOST_AT_ONCE))
