"""The policies that are shipped and those of the guide: they load, and decide as they say."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.own.operations import OWN_VERBS
from bot.policy import tools as policy_tools
from bot.policy.file import KnownCommand, PolicyError, load
from handlers.catalogue import load as load_catalogue
from handlers.grammar.parser import HelpAsked, parse
from permissions.decide import decide
from permissions.decision import Decision
from permissions.operation import Operation, Principal, Standing
from permissions.policy import UNMASKED_FLAG, Policy

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "policy.md"
SHIPPED = [ROOT / "deploy" / "policy.example.yaml", *sorted((ROOT / "deploy" / "policies").glob("*.yaml"))]
COMMANDS = [
    *(KnownCommand.of(command) for command in load_catalogue().commands),
    *(KnownCommand(path=path, verb=verb) for path, verb in OWN_VERBS.items()),
]
AT = datetime(2025, 6, 1, tzinfo=UTC).timestamp()
"""When the examples are decided."""

HOSTS = ["local", "prod-1", "test-1"]


def operation(line: str) -> Operation:
    """The operation of a real command line; a last word `(unmasked)` turns redaction off."""
    text = line.removesuffix(" (unmasked)")
    parsed = parse(text, load_catalogue())
    assert not isinstance(parsed, HelpAsked)
    found = parsed.command.operation(parsed.host or "local")
    return found if text == line else found.model_copy(update={"flags": (*found.flags, UNMASKED_FLAG)})


def verdict(policy: Policy, who: str, channel: str, line: str) -> Decision:
    user, *groups = who.split()
    principal = Principal(
        team_id="T0", user_id=user, name="", standing=Standing.MEMBER, groups=tuple(groups), as_of=0.0
    )
    return decide(policy, principal, channel, operation(line), AT)


def shown(decision: Decision) -> str:
    """The verdict as the guide's tables have it."""
    return policy_tools.verdict(decision)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_policy_loads_against_the_catalogue(path: Path):
    loaded = load(path, commands=COMMANDS, hosts=HOSTS)
    assert loaded.policy.contact
    assert {binding.role for binding in loaded.policy.bindings} == set(loaded.policy.roles)


CASES = {
    "policy.example.yaml": [
        ("U0ADMIN", "C0ANY", "container ls", True),
        ("U0ADMIN", "C0ANY", "restart web -t 2", True),
        ("U0ADMIN", "C0ANY", "run --privileged -v /:/host nginx", True),
        ("U0ADMIN", "C0ANY", "logs web (unmasked)", True),
        ("U0ANA S0OPERATORS", "C0ANY", "logs web", True),
        ("U0ANA S0OPERATORS", "C0ANY", "restart web", True),
        ("U0ANA S0OPERATORS", "C0ANY", "logs web (unmasked)", False),
        ("U0ANA S0OPERATORS", "C0ANY", "rm web", False),
        ("U0ANA S0OPERATORS", "C0ANY", "run nginx", False),
        ("U0ANA S0OPERATORS", "C0ANY", "run --privileged nginx", False),
        ("U0BEN S0VIEWERS", "C0ANY", "ps", True),
        ("U0BEN S0VIEWERS", "C0ANY", "version", True),
        ("U0BEN S0VIEWERS", "C0ANY", "logs web", False),
        ("U0BEN S0VIEWERS", "C0ANY", "restart web", False),
        ("U0BEN", "C0ANY", "ps", False),
        ("S0OPERATORS", "C0ANY", "ps", False),
    ],
    "small-team.yaml": [
        ("U0SARA", "C0ANY", "rm -f postgres", True),
        ("U0SARA", "C0ANY", "run -d --name dev-x nginx", True),
        ("U0SARA", "C0ANY", "run -v /:/host nginx", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "restart web", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "restart postgres", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "restart web postgres-2", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "restart 3f2a9c", "worker"),
        ("U0ANA S0DEVELOPERS", "C0ANY", "logs postgres", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d --name tmp-1 nginx:1.27", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d --name web nginx:1.27", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d registry.example.com/shop/cart:3", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d registry.example.org/shop/cart:3", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d redis:7.4", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d redis", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -d redis:8", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run -v /etc:/etc nginx", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "run --privileged nginx", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "rm -f tmp-1 dev-ana", True),
        ("U0ANA S0DEVELOPERS", "C0ANY", "rm tmp-1 web", False),
        ("U0ANA S0DEVELOPERS", "C0ANY", "logs web (unmasked)", False),
        ("U0ZOE", "C0ANY", "ps", False),
    ],
    "on-call.yaml": [
        ("U0ANA S0ENGINEERS", "C0ANY", "ps", True),
        ("U0ANA S0ENGINEERS", "C0INCIDENTS", "logs web", False),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "logs web", True),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0ANY", "logs web", False),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "-H prod-1 restart web api-2", True),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "restart web cart", "approval"),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "restart 3f2a9c", "approval"),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "start 3f2a9c", "approval"),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0ANY", "restart cart", False),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "kill -s STOP web", False),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "logs vault", False),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "logs 3f2a9c", "worker"),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "rm web", "approval"),
        ("U0ANA S0ENGINEERS S0ONCALL", "C0INCIDENTS", "rm -v web", False),
        ("U0MAYA", "C0INCIDENTS", "rm -f web", True),
        ("U0MAYA", "C0INCIDENTS", "rm -v web", False),
        ("U0MAYA", "C0INCIDENTS", "stop 3f2a9c", True),
        ("U0MAYA", "C0INCIDENTS", "run --privileged nginx", False),
        ("U0MAYA", "C0ANY", "rm -f web", False),
    ],
    "regulated.yaml": [
        ("U0AUD S0AUDIT", "C0ANY", "-H prod-1 ps", True),
        ("U0AUD S0AUDIT", "C0CHANGES", "logs shop-web", False),
        ("U0AUD S0AUDIT", "C0CHANGES", "restart shop-web", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "-H prod-1 restart -t 5 shop-web", True),
        ("U0OPS S0OPERATIONS", "C0ANY", "-H prod-1 restart shop-web", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "-H prod-1 restart -s KILL shop-web", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "-H prod-1 restart shop-ledger-1", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "-H test-1 restart shop-ledger-1", True),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "restart other", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "logs shop-web", True),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "logs shop-web (unmasked)", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "container inspect shop-web", False),
        ("U0OPS S0OPERATIONS", "C0CHANGES", "pull registry.example.com/approved/shop:1", False),
        ("U0REL S0RELEASE", "C0CHANGES", "-H prod-1 pull registry.example.com/approved/shop:1", True),
        ("U0REL S0RELEASE", "C0CHANGES", "pull -a registry.example.com/approved/shop", False),
        (
            "U0REL S0RELEASE",
            "C0CHANGES",
            "-H prod-1 run -d --name shop-2 registry.example.com/approved/shop:1",
            True,
        ),
        ("U0REL S0RELEASE", "C0CHANGES", "run --name other registry.example.com/approved/shop:1", False),
        ("U0REL S0RELEASE", "C0CHANGES", "run --rm registry.example.com/approved/shop:1", False),
        ("U0REL S0RELEASE", "C0CHANGES", "run -v data:/d registry.example.com/approved/shop:1", False),
        ("U0REL S0RELEASE", "C0CHANGES", "run registry.example.com/other/shop:1", False),
        ("U0REL S0RELEASE", "C0CHANGES", "restart shop-web", False),
        ("U0DEV S0ENGINEERING", "C0ANY", "-H test-1 run -d registry.example.com/approved/shop:1", True),
        ("U0DEV S0ENGINEERING", "C0ANY", "-H prod-1 run -d registry.example.com/approved/shop:1", False),
        ("U0OWNER", "C0CHANGES", "-H prod-1 rm shop-web", True),
        ("U0OWNER", "C0CHANGES", "-H prod-1 rm shop-ledger", False),
        ("U0OWNER", "C0CHANGES", "-H prod-1 rm other", False),
        ("U0OWNER", "C0ANY", "-H prod-1 rm shop-web", False),
        ("U0OWNER", "C0CHANGES", "logs shop-web", False),
    ],
}


@pytest.mark.parametrize(
    ("name", "who", "channel", "line", "passes"),
    [(name, *case) for name, cases in CASES.items() for case in cases],
)
def test_a_shipped_policy_decides_as_its_comments_say(
    name: str, who: str, channel: str, line: str, passes: bool | str
):
    path = next(path for path in SHIPPED if path.name == name)
    decision = verdict(load(path).policy, who, channel, line)
    assert shown(decision) == {True: "allow", False: "deny"}.get(passes, passes), decision


def test_every_shipped_policy_is_decided_on():
    assert set(CASES) == {path.name for path in SHIPPED}


EXAMPLE = re.compile(
    r"```yaml(?P<rules> rules)?\n(?P<yaml>.*?)```\n\n"
    r"(?:```text\n(?P<errors>.*?)```|(?P<table>(?:\|[^\n]*\n)+))?",
    re.DOTALL,
)
EXAMPLES = list(EXAMPLE.finditer(GUIDE.read_text(encoding="utf-8")))
WITH_TABLE = [example for example in EXAMPLES if example["table"]]
WITH_ERRORS = [example for example in EXAMPLES if example["errors"]]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[re.Match[str]], Path]:
    def write(example: re.Match[str]) -> Path:
        text = example["yaml"]
        if example["rules"]:
            indented = "".join(f"      {line}\n" for line in text.splitlines())
            bindings = "bindings: [{role: operator, users: [U0ANA]}]\n"
            text = f"version: 1\nroles:\n  operator:\n    rules:\n{indented}{bindings}"
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_example_of_the_guide_shows_verdicts_or_mistakes():
    assert len(EXAMPLES) == GUIDE.read_text(encoding="utf-8").count("```yaml")
    assert len(WITH_TABLE) + len(WITH_ERRORS) == len(EXAMPLES)


@pytest.mark.parametrize("example", WITH_TABLE, ids=lambda example: f"at-{example.start()}")
def test_an_example_of_the_guide_decides_as_its_table_says(example: re.Match[str], written):
    policy = load(written(example), commands=COMMANDS, hosts=HOSTS).policy
    rows = [
        [cell.strip(" `") for cell in row.strip("|").split("|")] for row in example["table"].splitlines()[2:]
    ]
    told = []
    for who, where, line, *_ in rows:
        said = verdict(policy, who, where, line)
        told.append([who, where, line, shown(said), said.rule])
    assert told == rows


@pytest.mark.parametrize("example", WITH_ERRORS, ids=lambda example: f"at-{example.start()}")
def test_an_example_of_the_guide_has_the_mistakes_it_lists(example: re.Match[str], written):
    path = written(example)
    with pytest.raises(PolicyError) as caught:
        load(path)
    assert str(caught.value).replace(str(path), path.name) + "\n" == example["errors"]
