import random

import pytest

from handlers.format.order import natural


@pytest.mark.parametrize(
    "ordered",
    [
        ["net1", "net9", "net10", "net010", "net11"],
        ["N1", "a", "a-1", "n1", "n1a", "n01", "n9", "n10", "n010", "é"],
        ["", "1", "1.5", "2", "a"],
        ["label!=x", "label=a9", "label=a10", "until=1h"],
    ],
)
def test_numbers_in_names_are_in_the_order_of_numbers(ordered):
    shuffled = random.sample(ordered, len(ordered))
    assert sorted(shuffled, key=natural) == ordered


def test_a_number_may_have_more_digits_than_a_number_of_ours():
    long = "9" * 10_000
    assert sorted([f"a1{long}", f"a{long}"], key=natural) == [f"a{long}", f"a1{long}"]
