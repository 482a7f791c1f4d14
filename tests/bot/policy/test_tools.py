"""Cases, replays and the words of `docktalk policy`."""

import time
from pathlib import Path

import pytest

from bot.cli import main
from bot.policy.tools import Asked, CasesError, asked_of, changes, failures, read_cases, verdict
from handlers.catalogue import load
from permissions import audit
from permissions.approval import Step, Terms, Threshold
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.policy import Binding, Policy, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb
from tests.bot.audit.chains import Installation

CATALOGUE = load()
POLICY = """\
version: 1
roles:
  viewer: {rules: [{verbs: [list]}]}
  operator:
    rules: [{verbs: [operate], targets: {container: [web]}}, {commands: [docktalk can-i]}]
bindings:
  - {role: viewer, groups: [S0STAFF]}
  - {role: operator, users: [U0ANA], channels: [C0OPS], until: 2026-01-01T00:00:00Z}
"""
CASES = """\
cases:
  - {groups: [S0STAFF], line: ps, verdict: allow, rule: role viewer}
  - {line: ps, verdict: deny, rule: default}
  - {user: U0ANA, channel: C0OPS, line: "/docker restart -t 2 web", verdict: allow, at: 2025-12-31T23:59:59Z}
  - {user: U0ANA, channel: C0OPS, line: "docker restart 3f2a", verdict: worker, at: "2025-12-31T23:59:59Z"}
  - {user: U0ANA, channel: C0OPS, line: restart web, verdict: deny, at: 2026-01-01T00:00:00Z}
  - {user: U0ANA, channel: C0OPS, line: restart web, verdict: deny}
"""


STAFF = "U0ANYBODY S0STAFF in C0ANYWHERE: ps"


@pytest.fixture
def files(tmp_path: Path):
    def write(**texts: str) -> dict[str, str]:
        paths = {}
        for name, text in texts.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(text, encoding="utf-8")
            paths[name] = str(path)
        return paths

    return write


def test_check_counts_what_is_right_and_lists_what_is_wrong(files, capsys):
    paths = files(good=POLICY, bad=POLICY.replace("[list]", "[lst]"))
    assert main(["policy", "check", paths["good"]]) == 0
    assert capsys.readouterr().out.endswith("good.yaml: 2 roles, 2 bindings, no mistakes\n")
    assert main(["policy", "check", paths["bad"]]) == 2
    assert "bad.yaml:3:29: `lst` is not one of" in capsys.readouterr().err


def test_check_knows_the_commands_there_are(files, capsys):
    paths = files(bad=POLICY.replace("docktalk can-i", "container fly"))
    assert main(["policy", "check", paths["bad"]]) == 2
    assert "there is no command `container fly`" in capsys.readouterr().err


def test_cases_that_come_out_as_they_say_pass(files, capsys):
    paths = files(policy=POLICY, cases=CASES)
    assert main(["policy", "test", paths["policy"], paths["cases"]]) == 0
    assert capsys.readouterr().out == "6 cases, 0 come out otherwise\n"


def test_cases_that_come_out_otherwise_are_listed(files, capsys):
    wrong = CASES.replace("rule: role viewer", "rule: role operator").replace(
        "verdict: worker", "verdict: deny"
    )
    paths = files(policy=POLICY, cases=wrong)
    assert main(["policy", "test", paths["policy"], paths["cases"]]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{STAFF}: allow (role viewer, rule 1 (policy.yaml:3)), not allow (role operator)",
        "U0ANA in C0OPS: docker restart 3f2a: worker (role operator, rule 1 (policy.yaml:5)), not deny",
        "6 cases, 2 come out otherwise",
    ]


def test_a_difference_of_two_policies_is_listed_case_by_case(files, capsys):
    paths = files(old=POLICY, new=POLICY.replace("[S0STAFF]", "[S0ALL]"), cases=CASES)
    assert main(["policy", "diff", paths["old"], paths["old"], "--cases", paths["cases"]]) == 0
    assert capsys.readouterr().out == "0 come out otherwise\n"
    assert main(["policy", "diff", paths["old"], paths["new"], "--cases", paths["cases"]]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{STAFF}: allow (role viewer, rule 1 (old.yaml:3)) becomes deny (default)",
        "1 come out otherwise",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a list of `cases`"),
        ("cases: 7", "not a list of `cases`"),
        ("[", "not a list of `cases`"),
        ("cases: [{line: ps}]", "case 1: verdict: Field required"),
        ("cases: [{line: ps, verdict: allow}, {line: ps, verdict: maybe}]", "case 2: verdict: "),
        ("cases: [{line: ps, verdict: allow, user: '@ana'}]", "Copy member ID"),
        ("cases: [{line: ps, verdict: allow, at: 2026-01-01}]", "a moment is written with its zone"),
        ("cases: [{line: ps, verdict: allow, to: x}]", "case 1: to: "),
    ],
)
def test_cases_that_cannot_be_read_are_refused_with_their_number(files, text: str, says: str):
    path = Path(files(cases=text)["cases"])
    with pytest.raises(CasesError) as caught:
        read_cases(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("line", ["psx", "ps --help", "", "stop"])
def test_a_line_that_is_no_command_is_refused_with_its_number(files, line: str):
    cases = read_cases(Path(files(cases=f'cases: [{{line: "{line}", verdict: deny}}]')["cases"]))
    with pytest.raises(CasesError, match="case 1: "):
        asked_of(cases, CATALOGUE)


def test_a_file_of_cases_that_is_not_there_is_said(files, capsys):
    paths = files(policy=POLICY)
    assert main(["policy", "test", paths["policy"], paths["policy"] + ".no"]) == 2
    assert "not a list of `cases` (FileNotFoundError)" in capsys.readouterr().err


def test_a_replay_takes_whatever_was_asked():
    """The audit's records come as (who, where, operation, when)."""
    old = Policy(
        version=1,
        roles={"r": Role(rules=(Rule(verbs=(Verb.OPERATE,), targets=Targets(container=("web",))),))},
        bindings=(Binding(role="r", users=("U1",), until=10.0),),
    )
    new = old.model_copy(update={"bindings": (Binding(role="r", users=("U1",), until=20.0),)})
    principal = Principal(team_id="T", user_id="U1", name="", standing=Standing.MEMBER, as_of=0.0)
    operation = Operation(
        command="container start",
        verb=Verb.OPERATE,
        danger=Danger.SAFE,
        resources=(Resource(kind=Kind.CONTAINER, name="web"),),
        host="local",
    )
    everything = (Asked(principal, "C1", operation, at, f"at {at}") for at in (5.0, 15.0, 25.0, None))
    [change] = changes(old, new, everything)
    assert change.asked.shown == "at 15.0"
    assert (change.old.outcome, change.new.outcome) == ("deny", "allow")


DAY = 86400.0
STOP = Operation(
    command="container stop",
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    resources=(Resource(kind=Kind.CONTAINER, name="web"),),
    host="local",
)


def told_of(line: str, operation: Operation | None = STOP, **more) -> dict[str, object]:
    """What the records of everything that was asked for have in common."""
    who = Principal(
        team_id="T", user_id="U0ANA", name="ana", standing=Standing.MEMBER, groups=("S0STAFF",), as_of=0.0
    )
    place = audit.Place(origin="slash", delivery_id="d", channel_id="C0OPS")
    return {"who": who, "place": place, "line": line, "operation": operation, "policy": "p", **more}


def refused(line: str, operation: Operation | None = STOP) -> audit.Refused:
    more = {"program": "docker", "reason": "denied", "exit_code": 1}
    return audit.Refused.model_validate(told_of(line, operation, **more))


def accepted(line: str) -> audit.Accepted:
    ticket = audit.TicketNote(nonce="n", claims="c", key_id="k", not_after=0.0, deadline=1.0)
    more = {"job_id": "J-1", "effect": "change", "mode": "run", "rule": "r", "ticket": ticket}
    return audit.Accepted.model_validate(told_of(line, **more))


def test_what_was_asked_in_the_last_days_is_decided_again_by_a_new_policy(files, tmp_path, capsys):
    now = time.time()
    installation = Installation(tmp_path)
    chain = installation.open(now - 60 * DAY)
    asked = [
        (40, refused("stop before")),
        (5, refused("stop refused")),
        (4, accepted("stop accepted")),
        (3, refused("not understood", None)),
        (2, audit.Stopped()),
    ]
    for days, what in asked:
        at = now - days * DAY
        chain.append([installation.entry(what, at=at)], at)
    chain.close()
    wide = POLICY.replace(", until: 2026-01-01T00:00:00Z", "")
    paths = files(narrow=POLICY, wide=wide)
    line = ["policy", "diff", paths["narrow"], paths["wide"], "--audit", str(installation.folder)]
    assert main([*line, "--since", "30d"]) == 1
    told = "deny (default) becomes allow (role operator, rule 1 (wide.yaml:5))\n"
    assert capsys.readouterr().out == (
        f"U0ANA in C0OPS: stop refused: {told}U0ANA in C0OPS: stop accepted: {told}2 come out otherwise\n"
    )
    assert main([*line, "--since", "100d"]) == 1
    assert "stop before" in capsys.readouterr().out
    assert main([*line, "--since", "1h"]) == 0


def test_a_verdict_is_a_word():
    assert verdict(Allow(rule="r")) == "allow"
    assert verdict(Allow(rule="r", provisional=True)) == "worker"
    assert verdict(Deny(rule="r", reason="", hint="")) == "deny"
    terms = Terms(any=(Threshold(steps=(Step(users=("U0LEA",)),)),))
    assert verdict(NeedsApproval(rule="r", terms=terms)) == "approval"


def test_failures_name_the_case_and_the_decision(files):
    cases = read_cases(Path(files(cases="cases: [{line: ps, verdict: allow}]")["cases"]))
    [failure] = failures(Policy(version=1), cases, CATALOGUE)
    assert failure.case.line == "ps"
    assert failure.decision.rule == "default"
