import pytest

from handlers.format.tabs import align


@pytest.mark.parametrize(
    ("lines", "aligned"),
    [
        (["NAME\tX", "a\tb"], ["NAME      X", "a         b"]),
        (["A LONG TITLE\tX", "a\t"], ["A LONG TITLE   X", "a              "]),
        (["한글한글한글\tx", "a\ty"], ["한글한글한글   x", "a              y"]),
        (["a\tb\tc", "plain", "long long cell\tb"], ["a         b         c", "plain", "long long cell   b"]),
        (["a\tb\tc", "x\ty"], ["a         b         c", "x         y"]),
        ([], []),
    ],
)
def test_a_column_is_as_wide_as_its_neighbours_need(lines, aligned):
    assert align(lines) == aligned


def test_other_widths_can_be_asked_for():
    assert align([" Version:\t1"], min_width=20, padding=1) == [" Version:           1"]
