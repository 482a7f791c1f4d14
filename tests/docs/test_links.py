"""Links in the documentation lead somewhere: to a file, and in the life of a command to a definition."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(#[^)]*)?\)")


def links(page: Path) -> list[tuple[str, str]]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [(label, target) for label, target, _ in LINK.findall(text) if "://" not in target]


def definitions(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{method.name}" for method in methods}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    missing = [target for _, target in links(page) if not (page.parent / target).exists()]
    assert missing == []


def test_the_life_of_a_command_names_what_is_there():
    page = ROOT / "docs" / "life-of-a-command.md"
    named = [(label.strip("`"), target) for label, target in links(page) if target.endswith(".py")]
    missing = [
        f"{label} in {target}"
        for label, target in named
        if label != Path(target).stem and label not in definitions(page.parent / target)
    ]
    assert len(named) > 20
    assert missing == []
