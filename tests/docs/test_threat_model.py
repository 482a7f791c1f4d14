"""Every invariant of the threat model is numbered and names tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
INVARIANT = re.compile(r"^\*\*(\d+)\. [^*]+\*\*", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NAMED = sorted(set(TEST.findall(PAGE)))


def test_the_invariants_are_numbered_and_each_names_a_test():
    numbers = [int(number) for number in INVARIANT.findall(PAGE)]
    assert numbers == list(range(1, len(numbers) + 1))
    parts = re.split(r"^(?=\*\*\d+\. |## )", PAGE, flags=re.MULTILINE)
    without = [part[:60] for part in parts if INVARIANT.match(part) and not TEST.search(part)]
    assert (len(numbers) > 5, without) == (True, [])


def test_every_test_stands_under_an_invariant():
    assert len(NAMED) == PAGE.count("`tests/")


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_is_there(file: str, name: str):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in tree.body if isinstance(node, functions)}
