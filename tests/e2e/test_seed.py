"""Every row of the seed table, on a real engine, with the result that is expected of it."""

import csv
import os
import re
import secrets
import shlex
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.seed_rows import ROWS, SEARCH

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests" / "facts" / "seed_table.csv"
PAGE = ROOT / "docs" / "seed.md"


@pytest.fixture(scope="module")
def names(image, registry):
    return {
        "image": image,
        "reg": registry.address,
        "user": registry.username,
        "password": shlex.quote(registry.password),
        "net4": f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(25)}",
        "net6": f"fd00:{secrets.token_hex(2)}",
    }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def web(workspace, unique, image):
    name = unique("web")
    await workspace.ask(f"docker run -d --name {name} {image} sleep 300")
    return name


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("expected", ROWS, ids=lambda row: "+".join(map(str, row.rows)))
async def test_a_row_does_what_is_expected(workspace, unique, registry, names, web, expected):
    login = {"username": registry.username, "password": registry.password}
    await workspace.trial.log_in(workspace.admin, {registry.address: login})
    known = {**names, "web": web, "n": unique("row")}
    for line in expected.before:
        prepared = await workspace.ask(line.format(**known))
        assert prepared.exit_code == 0, prepared.picture
    answer = await workspace.ask(expected.line.format(**known))
    seen = f"{answer.picture}\n{answer.stdout}\n{answer.stderr}"
    assert answer.exit_code == expected.exit, seen
    for pattern in expected.shows:
        assert re.search(pattern.format(**known), seen), f"{pattern} is not in\n{seen}"


def test_every_row_of_the_seed_is_there_once():
    counted = sorted([number for row in ROWS for number in row.rows] + list(SEARCH))
    assert counted == list(range(1, len(seed()) + 1))


def test_the_page_is_of_today():
    page = rendered()
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "GOLDEN=write pytest tests/e2e/test_seed.py"


def seed() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rendered() -> str:
    by_number = {number: row for row in ROWS for number in row.rows}
    lines = [
        "# The seed table, row by row",
        "",
        "Each row of the table that the product grew from, the line that tests it, and what is expected.",
        "",
        "| # | command | option or form | line | exit | |",
        "|---|---|---|---|---|---|",
    ]
    for number, fact in enumerate(seed(), start=1):
        row = by_number.get(number)
        form = (
            fact["option"]
            if fact["option"].strip("()") not in {"syntax", "example"}
            else fact["argument_form"]
        )
        line, code, note = ("docker search …", 0, "") if row is None else (row.line, row.exit, row.note)
        if row is not None and row.waits:
            note = f"waiting: {row.waits.removeprefix('waits for ')}"
        cells = [
            str(number),
            fact["command"],
            form,
            f"`{line}`".replace("{{", "{").replace("}}", "}"),
            str(code),
            note,
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
