"""The pages an operator follows name nothing that is not there."""

import re
from pathlib import Path

import pytest

from bot.settings import BotSettings, WorkerSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs/deploy.md", ROOT / "docs/runbook.md"]
KNOWN = {f"DOCKTALK_{name}".upper() for model in (BotSettings, WorkerSettings) for name in model.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_variable_is_a_setting(page: Path) -> None:
    assert set(re.findall(r"DOCKTALK_[A-Z_]+", page.read_text())) - KNOWN == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_is_there(page: Path) -> None:
    made = {"deploy/policy.yaml", "deploy/secrets", "deploy/.env"}  # by the reader and by deploy/prepare
    named = set(re.findall(r"(?<![\w/.-])(?:deploy|scripts)/[\w./-]*\w", page.read_text()))
    assert {
        path
        for path in named
        if not any(path.startswith(start) for start in made) and not (ROOT / path).exists()
    } == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists():
            dead.append(target)
        elif anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", file.read_text())
            if anchor not in {
                re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
            }:
                dead.append(target)
    assert dead == []
