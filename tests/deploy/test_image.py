"""Rules for the Dockerfile, each shown to catch what it is for."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()


def instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text))
    return [
        (word.upper(), rest)
        for word, _, rest in (line.partition(" ") for line in joined.splitlines())
        if word
    ]


def broken_rules(text: str) -> list[str]:
    steps = instructions(text)
    final = steps[max(index for index, (word, _) in enumerate(steps) if word == "FROM") :]
    users = [rest for word, rest in final if word == "USER"]
    pips = [
        rest for word, rest in steps if word == "RUN" for rest in rest.split("&&") if "pip install" in rest
    ]
    rules = {
        "the base has an exact tag and can be pinned by digest": all(
            re.fullmatch(r"\S+:\d+\.\d+[\w.-]*\$\{BASE_DIGEST\}( AS \w+)?", rest)
            for word, rest in steps
            if word == "FROM"
        ),
        "the process is not root": bool(users) and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]) is not None,
        "nothing is added from an address": not any(word == "ADD" for word, _ in steps)
        and not re.search(r"\b(curl|wget)\b|https?://(?!127\.0\.0\.1)", text),
        "every package is checked by its hash": all(
            "--require-hashes" in command or {"--no-deps", "--no-index"} <= set(command.split())
            for command in pips
        ),
        "nothing is copied whole": not any(
            rest.split()[0] == "." for word, rest in steps if word == "COPY" and "--from" not in rest
        ),
        "there is a health check": any(word == "HEALTHCHECK" for word, _ in final),
        "the process gets its signals itself": all(
            rest.startswith("[") for word, rest in final if word in {"ENTRYPOINT", "CMD"}
        ),
        "no secret is baked in": not re.search(r"(?i)(token|password|secret)\s*=", text),
    }
    return [rule for rule, kept in rules.items() if not kept]


def test_the_dockerfile_keeps_every_rule() -> None:
    assert broken_rules(DOCKERFILE) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (
            "python:3.13-slim-bookworm${BASE_DIGEST}",
            "python:latest",
            "the base has an exact tag and can be pinned by digest",
        ),
        ("USER 10001:10001", "USER 0:0", "the process is not root"),
        ("COPY bot bot", "ADD https://example.com/bot.tar bot", "nothing is added from an address"),
        ("--require-hashes --only-binary", "--only-binary", "every package is checked by its hash"),
        ("COPY bot bot", "COPY . .", "nothing is copied whole"),
        ("HEALTHCHECK", "LABEL", "there is a health check"),
        ('ENTRYPOINT ["docktalk"]', "ENTRYPOINT docktalk", "the process gets its signals itself"),
        ("USER", "ENV SLACK_TOKEN=x\nUSER", "no secret is baked in"),
    ],
)
def test_a_broken_rule_is_found(old: str, new: str, rule: str) -> None:
    assert old in DOCKERFILE
    assert broken_rules(DOCKERFILE.replace(old, new)) == [rule]


def test_everything_that_is_copied_exists_and_is_let_in() -> None:
    let_in = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        source
        for word, rest in instructions(DOCKERFILE)
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists() or f"!{source}" not in let_in] == []


def test_every_package_of_ours_is_in_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"scripts", "tests"}
    copied = {rest.split()[0] for word, rest in instructions(DOCKERFILE) if word == "COPY"}
    assert packages <= copied
