"""None"""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.policy.file import MAX_BYTES, Mistake, PolicyError, load
from permissions.bundle import bundle, unbundled
from permissions.policy import Policy
from permissions.verbs import Danger, Verb
from tests.bot.policy.policy_written import COMMANDS, GOOD, ROLE


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "policy.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def mistakes(path: Path, **known) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load(path, **known)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    assert len(lines) == len(caught.value.mistakes)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_a_file_becomes_a_policy_whose_rules_know_their_lines(written):
    path = written(GOOD)
    loaded = load(path)
    assert loaded.path == path
    assert unbundled(bundle(loaded.policy)) == loaded.policy
    assert loaded.policy.contact == "#ops-help"
    assert [rule.source for rule in loaded.policy.roles["operator"].rules] == [
        "policy.yaml:10",
        "policy.yaml:13",
    ]
    assert loaded.policy.roles["operator"].rules[1].max_danger is Danger.LOSES_DATA
    assert loaded.policy.deny[0].source == "policy.yaml:21"
    assert loaded.policy.bindings[1].hosts == ("prod-*",)


def test_the_smallest_policy_is_its_version(written):
    assert load(written("version: 1\n")).policy == Policy(version=1)
    assert load(written("version: 1\nroles: {a: {rules: []}}\nbindings: []\ndeny: []\n")).policy.deny == ()


FIND_USER = "open the person's profile in Slack, then ⋮ and “Copy member ID” (U… or W…)"


FIND_GROUP = "open the user group in Slack, then ⋮ and “Copy group ID” (S…)"


FIND_CHANNEL = "open the channel's details in Slack; its id (C…) stands at the very bottom"


DANGERS = ", ".join(Danger.__members__)


VERBS = ", ".join(Verb)


LEND = "version: 1\nroles: {r: {}}\n"


GLASS = (
    LEND.replace("{", "{{").replace("}", "}}")
    + "break_glass: [{{role: r, users: [U1], "
    + "verbs: [{verbs}], hosts: [h], tell: [C1], reviewers: {{roles: [r]}}}}]"
)


BIND = "version: 1\nroles: {r: {}}\nbindings:\n  - "


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "1:1: is empty; the smallest policy is `version: 1`"),
        ("# nothing\n", "1:1: is empty; the smallest policy is `version: 1`"),
        ("text", "1:1: `the policy` takes keys, each with a value"),
        ("- a", "1:1: `the policy` takes keys, each with a value"),
        ("roles: {}", "1:1: `version` is missing"),
        ("version: 2", "1:10: `version` can only be 1"),
        ('version: "1"', "1:10: `version` can only be 1"),
        ("version: 1.0", "1:10: `version` can only be 1"),
        ("version: true", "1:10: `version` can only be 1"),
        ("version: 1\nversion: 1", "2:1: `version` stands twice (before in line 1)"),
        ("version: 1\nrols: {}", "2:1: unknown key `rols` (did you mean `roles`?)"),
        ("version: 1\nzzz: {}", "2:1: unknown key `zzz`"),
        ("version: 1\nroles:\n", "2:1: `roles` has no value; give one or leave it out"),
        ("version: 1\nroles: []", "2:8: `roles` is empty; list something or leave it out"),
        ("version: 1\nroles: [a]", "2:8: `roles` takes keys, each with a value"),
        ("version: 1\nroles: {a: b}", "2:12: `a` takes keys, each with a value"),
        ("version: 1\nroles:\n  a: {}\n  a: {}", "4:3: `a` stands twice (before in line 3)"),
        ("version: 1\nroles: {A b: {}}", "2:9: `A b` is not a role's name: small letters, digits and dashes"),
        ("version: 1\nroles: {r: {rules: {}}}", "2:20: `rules` is a list: write `[…]`"),
        ("version: 1\ncontact: 2026-01-01", "2:10: `contact` takes text; put it in quotes"),
        ("version: 1\ncontact: 1.5", "2:10: `contact` takes text; put it in quotes"),
        ("version: 1\ncontact: 7", "2:10: `contact` takes text; put it in quotes"),
        ("version: 1\n? [a]\n: b", "2:3: a key is a plain word"),
        ("version: 1\n<<: {}", "2:1: unknown key `<<`"),
        (ROLE + "{}", '5:9: a rule names `verbs` or `commands` (`commands: ["*"]` for all)'),
        (ROLE + "verbs: list", "5:16: `verbs` is a list: write `[…]`"),
        (ROLE + "verbs: []", "5:16: `verbs` is empty; list something or leave it out"),
        (ROLE + "verbs: [zzz]", f"5:17: `zzz` is not one of {VERBS}"),
        (ROLE + "verbs: [lst]", f"5:17: `lst` is not one of {VERBS} (did you mean `list`?)"),
        (ROLE + "verbs: [List]", f"5:17: `List` is not one of {VERBS} (did you mean `list`?)"),
        (ROLE + "verbs: [1]", "5:17: `verbs` takes text; put it in quotes"),
        (
            ROLE + 'verbs: ["*"]',
            f'5:17: `*` is not one of {VERBS}; for everything write `commands: ["*"]`',
        ),
        (
            ROLE + "{verbs: [list], max_danger: loses_data}",
            f"5:37: `loses_data` is not one of {DANGERS} (did you mean `LOSES_DATA`?)",
        ),
        (ROLE + "{verbs: [list], max_danger: 3}", "5:37: `max_danger` takes text; put it in quotes"),
        (ROLE + "{verb: [list]}", "5:10: unknown key `verb` (did you mean `verbs`?)"),
        (ROLE + "{verbs: [list], source: x}", "5:25: unknown key `source`"),
        (ROLE + "{verbs: [list], effect: deny}", "5:25: unknown key `effect`"),
        (
            ROLE + "{verbs: [list], min_danger: SAFE}",
            "5:25: unknown key `min_danger` (did you mean `max_danger`?)",
        ),
        (
            ROLE + "{verbs: [list], targets: {containers: [web]}}",
            "5:35: unknown key `containers` (did you mean `container`?)",
        ),
        (
            ROLE + "{verbs: [list], targets: {}}",
            "5:34: `targets` names nothing; leave it out to mean any target",
        ),
        (
            ROLE + "{verbs: [list], targets: {container: [web, w\u0435b]}}",
            "5:52: `w\u0435b` holds U+0435, which only looks like a letter Docker would accept",
        ),
        (ROLE + "{verbs: [list], flags: {alow: [x]}}", "5:33: unknown key `alow` (did you mean `allow`?)"),
        (
            ROLE + "{verbs: [list], flags: {deny: [--x]}}",
            "5:40: `--x` is not an option's long name, written without dashes, or NAME=VALUE",
        ),
        (ROLE + "{verbs: &v [list]}", "5:17: anchors (`&v`) are not read; write it out each time"),
        (ROLE + "{&k verbs: [list]}", "5:10: a key is a plain word"),
        (ROLE + "{verbs: !x [list]}", "5:17: the tag !x is not read"),
        (ROLE + "verbs: [list]\n        hosts: *h", "6:16: is not YAML: found undefined alias 'h'"),
        (BIND + "{role: q, users: [U1]}", "4:12: role `q` is not defined"),
        (BIND + "{role: rr, users: [U1]}", "4:12: role `rr` is not defined (did you mean `r`?)"),
        (BIND + "{role: r}", "4:5: the binding is for nobody: list `users`, `groups` or `oncall`"),
        (BIND + "{users: [U1]}", "4:5: `role` is missing"),
        (BIND + "{rol: r, users: [U1]}", "4:6: unknown key `rol` (did you mean `role`?)"),
        (BIND + "{role: [r], users: [U1]}", "4:12: `role` takes text; put it in quotes"),
        (
            BIND + "{role: r, users: [U1], channels: []}",
            "4:38: `channels` is empty; list something or leave it out",
        ),
        (
            BIND + "{role: r, users: ['@ana']}",
            "4:23: `@ana` is not the id of a user: " + FIND_USER,
        ),
        (
            BIND + "{role: r, groups: [oncall]}",
            "4:24: `oncall` is not the id of a group: " + FIND_GROUP,
        ),
        (
            BIND + "{role: r, users: [U1], channels: ['#ops']}",
            "4:39: `#ops` is not the id of a channel: " + FIND_CHANNEL,
        ),
        (BIND + "text", "4:5: `bindings` takes keys, each with a value"),
        (
            LEND + "elevations: [{role: q, users: [U1], approval: {any: [{steps: [{roles: [r]}]}]}}]",
            "3:21: role `q` is not defined",
        ),
        (
            LEND + "elevations: [{role: r, users: [U1], approval: {any: [{steps: [{roles: [zz]}]}]}}]",
            "3:72: role `zz` is not defined",
        ),
        (
            LEND + "elevations: [{role: r, approval: {any: [{steps: [{roles: [r]}]}]}}]",
            "3:14: nobody may ask for it: list `users`, `groups`, `oncall` or `roles`",
        ),
        (LEND + "elevations: [{role: r, users: [U1]}]", "3:14: `approval` is missing"),
        (
            GLASS.format(verbs="admin"),
            "3:15: the verb `admin` is lent to nobody: break-glass reads no records",
        ),
        (GLASS.format(verbs="lst"), f"3:46: `lst` is not one of {VERBS} (did you mean `list`?)"),
        (GLASS.replace("tell: [C1], ", "").format(verbs="list"), "3:15: `tell` is missing"),
        (
            GLASS.replace("hosts: [h]", "hosts: []").format(verbs="list"),
            "3:60: `hosts` is empty; list something or leave it out",
        ),
        (
            GLASS.replace("roles: [r]", "roles: [r], rols: [r]").format(verbs="list"),
            "3:101: unknown key `rols` (did you mean `roles`?)",
        ),
        (
            "version: 1\nroles: {r: {rules: [{verbs: [list], approval: {any: [{steps: [{roles: [q]}]}]}}]}}",
            "2:72: role `q` is not defined",
        ),
        ("version: 1\ndeny: [{verbs: [list], unless: [x]}]", "2:33: role `x` is not defined"),
        ("version: 1\ndeny: [{verbs: [list], flags: {deny: [x]}}]", "2:31: `flags` is a list: write `[…]`"),
        ("version: 1\ndeny: [{}]", '2:8: a rule names `verbs` or `commands` (`commands: ["*"]` for all)'),
        ("version: [", "1:11: is not YAML: expected the node content, but found '<stream end>'"),
        ("version: 1\n\troles: {}", "2:1: is not YAML: found character '\\t' that cannot start any token"),
        ("version: 1\n--- \nversion: 1", "2:1: is not YAML: but found another document"),
        ("version: 1\ncontact: \x00", "1:1: is not YAML: it holds letters no text has"),
        (b"version: 1\ncontact: \xff", "2:1: is not UTF-8 text"),
        ("[" * 1000, "1:1: is nested too deeply"),
        ("version: 1\ncontact: " + "x" * MAX_BYTES, f"1:1: is longer than {MAX_BYTES} bytes"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_mistake_is_told_with_its_line_and_column(written, text, mistake: str):
    assert mistakes(written(text)) == [mistake]


def test_every_mistake_is_listed_in_the_order_of_the_file(written):
    text = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [operat]
        comands: [ps]
        hosts: ["a b"]
  viewer:
    rules:
      - commands: ["container re*"]
bindings:
  - role: oprator
    users: ["@ana", U1, '#x']
  - {role: viewer, group: [S1]}
deny:
  - verbs: []
    unless: [viwer]
"""
    assert [mistake.split(":")[:2] for mistake in mistakes(written(text))] == [
        ["5", "17"],
        ["6", "9"],
        ["7", "17"],
        ["10", "20"],
        ["12", "11"],
        ["13", "13"],
        ["13", "25"],
        ["14", "20"],
        ["16", "12"],
        ["17", "14"],
    ]


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor(written):
    lines = ["version: 1", 'a0: &a0 ["x"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    lines += ["roles: *a29"]
    assert (
        mistakes(written("\n".join(lines)))[-1]
        == "31:6: anchors (`&a29`) are not read; write it out each time"
    )


def test_a_long_text_is_not_repeated_whole(written):
    text = (
        f"version: 1\n{'k' * 5000}: 1\nroles: {{{'R' * 5000}: {{}}}}\n"
        f"bindings: [{{role: {'q' * 5000}, users: [U1]}}]\n"
    )
    assert max(map(len, mistakes(written(text)))) < 400


def test_a_file_that_is_not_there_and_an_empty_folder_cannot_be_read(tmp_path: Path):
    assert mistakes(tmp_path / "none.yaml") == ["1:1: cannot be read: No such file or directory"]
    assert mistakes(tmp_path) == ["1:1: holds no *.yaml file"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            ROLE + "commands: [container stp]",
            "5:20: there is no command `container stp` (did you mean `container stop`?)",
        ),
        (ROLE + "commands: [ps]", "5:20: there is no command `ps` (did you mean `container ls`?)"),
        (
            ROLE + 'commands: ["containers *"]',
            "5:20: there is no command `containers *` (did you mean `container ls`?)",
        ),
        (
            ROLE + "{verbs: [list], commands: [container stop]}",
            "5:9: the rule can never match: none of its commands has one of its verbs",
        ),
        (
            ROLE + '{commands: ["*"], flags: {deny: [tim]}}',
            "5:42: no command of this rule has an option --tim (did you mean `time`?)",
        ),
        (
            ROLE + "{verbs: [list], flags: {allow: [all, time]}}",
            "5:46: no command of this rule has an option --time",
        ),
        (
            "version: 1\ndeny: [{verbs: [list], flags: [all, force]}]",
            "2:37: no command of this rule has an option --force",
        ),
        (
            ROLE + "{verbs: [list], hosts: [prod-1, lcal]}",
            "5:41: there is no host `lcal` (did you mean `local`?)",
        ),
        (BIND + "{role: r, users: [U1], hosts: ['ci-*']}", "4:36: there is no host `ci-*`"),
    ],
)
def test_a_rule_that_can_never_match_is_a_mistake_where_commands_and_hosts_are_known(written, text, mistake):
    path = written(text)
    assert mistakes(path, commands=COMMANDS, hosts=("local", "prod-1")) == [mistake]
    load(path)


def test_a_policy_that_fits_the_known_commands_and_hosts_is_read(written):
    text = (
        ROLE + 'commands: ["container *"]\n        flags: {allow: ["*", no-redact], deny: [signal]}\n'
        "        hosts: [prod-*]\n      - verbs: [list, exec]\n      - verbs: [exec]\n"
        "deny:\n  - {commands: ['*'], flags: [no-redact]}\n"
    )
    load(written(text), commands=COMMANDS, hosts=("local", "prod-1"))


def test_the_mistakes_of_one_rule_do_not_hide_those_of_another(written):
    text = ROLE + "verbs: [lst]\n      - commands: [ps]\n"
    assert [mistake.split(":")[0] for mistake in mistakes(written(text), commands=COMMANDS)] == ["5", "6"]


@given(
    st.text(st.sampled_from("abrolesvin:1[]{}-,&*!?|>'\"% #\n\t\\~<"), max_size=60) | st.text() | st.binary()
)
@example("a: !!binary x")
@example("!!set {a}")
@example("? a\n? b")
@example("%TAG ! tag:x,2026:\n---\n!a b")
@example("version: 0o7")
@example("version: 1_0")
@example("\ufeffversion: 1")
def test_any_file_is_a_policy_or_a_list_of_mistakes(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "policy.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    found = [Mistake(1, 1, "none")]
    try:
        load(path)
    except PolicyError as error:
        found = list(error.mistakes)
    assert found
    assert all(line > 0 and column > 0 and sentence for line, column, sentence, _ in found)
