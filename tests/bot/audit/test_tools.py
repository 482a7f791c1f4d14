"""What people do with the audit: filter, read, export, verify from the command line."""

import inspect
import json
from datetime import UTC, datetime
from typing import get_args

import pytest

from bot import cli
from bot.audit import reading as audit_reading
from bot.audit.reading import Filters, markdown, moment, parse_filters, plain, scan, slack_view
from permissions import audit
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.verbs import Danger, Kind, Verb
from tests.bot.audit.chains import NOW, Installation

HOUR = 3600.0


def asked(name: str, job: str, line: str, target: str, thread: str = "") -> audit.Accepted:
    return audit.Accepted(
        job_id=job,
        who=Principal(
            team_id="T1", user_id=f"U0{name.upper()}", name=name, standing=Standing.MEMBER, as_of=1.0
        ),
        place=audit.Place(origin="slash", delivery_id="d", channel_id="C1", thread_ts=thread),
        line=line,
        operation=Operation(
            command="container restart",
            verb=Verb.OPERATE,
            danger=Danger.INTERRUPTS,
            host="local",
            resources=(Resource(kind=Kind.CONTAINER, name=target),),
        ),
        effect="change",
        mode="run",
        rule="role operator, rule 1",
        policy="ab",
        ticket=audit.TicketNote(nonce="n", claims="c", key_id="k", not_after=1.0, deadline=1.0),
    )


def ended(job: str) -> audit.Ended:
    return audit.Ended(
        job_id=job,
        worker="w",
        exit_code=1,
        reason="not_found",
        began_at=1.0,
        ended_at=2.5,
        stdout_bytes=0,
        stderr_bytes=9,
    )


RECORDS = [
    (0, audit.PolicyInForce(file="policy.yaml", old="", new="ab" * 32)),
    (1, asked("ana", "J-1", "docker container restart web", "web")),
    (1, asked("bob", "J-2", "docker container restart `db`", "db", thread="17.1")),
    (2, ended("J-1")),
    (3, audit.NotRun(job_id="J-2", worker="w", refusal="too_late")),
    (
        3,
        audit.Ordered(
            job_id="J-3",
            command="docktalk upload",
            for_job="J-1",
            host="local",
            ticket=audit.TicketNote(nonce="n", claims="c", key_id="k", not_after=1.0, deadline=1.0),
        ),
    ),
    (3, audit.Uploaded(job_id="J-1", worker="w", upload_id="F1", ok=True)),
    (30, asked("ana", "J-4", "docker container restart web-2", "web-2")),
]


@pytest.fixture
def made(tmp_path, monkeypatch) -> Installation:
    monkeypatch.setenv("DOCKTALK_DATA_DIR", str(tmp_path))
    made = Installation(tmp_path)
    for hours, what in RECORDS:
        at = NOW + hours * HOUR
        chain = made.open(at)
        chain.append([made.entry(what, at=at)], at)
        chain.sign_checkpoint(at)
        chain.close()
    return made


def found(made, *words: str) -> list[str]:
    records = scan(made.folder, parse_filters(words, NOW + 30 * HOUR))
    return [one.entry.what.kind + getattr(one.entry.what, "job_id", "") for one in records]


OF_ONE = ["acceptedJ-1", "endedJ-1", "orderedJ-3", "uploadedJ-1"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--user", "bob"], ["acceptedJ-2", "not_runJ-2"]),
        (["--user", "@bob"], ["acceptedJ-2", "not_runJ-2"]),
        (["--user=<@U0BOB|bob>"], ["acceptedJ-2", "not_runJ-2"]),
        (["--user", "U0BOB"], ["acceptedJ-2", "not_runJ-2"]),
        (["--user", "bo"], []),
        (["--target", "web"], OF_ONE),
        (["--target", "web*"], [*OF_ONE, "acceptedJ-4"]),
        (["--job", "J-1"], OF_ONE),
        (["--job", "1"], OF_ONE),
        (["--job", "J-2", "--user", "ana"], []),
        (["--incident", "17.1"], ["acceptedJ-2", "not_runJ-2"]),
        (["--since", "10h"], ["opened", "acceptedJ-4"]),
        (["--target", "web", "--since", "28h"], OF_ONE[1:]),
        (["--user", "ana", "--until", "28h"], ["acceptedJ-1", "endedJ-1"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_filters(made, words, expected):
    assert found(made, *words) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--usr", "x"], "unknown option: --usr"),
        (["user", "x"], "unknown option: user"),
        (["--user"], "--user needs a value"),
        (["--since", "yesterday"], "yesterday: not a time"),
    ],
)
def test_a_wrong_filter_is_told(words, says):
    with pytest.raises(ValueError, match=says):
        parse_filters(words, NOW)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90s", NOW - 90),
        ("2h", NOW - 2 * HOUR),
        ("400d", NOW - 400 * 86_400),
        ("1w", NOW - 7 * 86_400),
        ("2026-09-21", datetime(2026, 9, 21, tzinfo=UTC).timestamp()),
        ("2026-09-21T10:00+02:00", datetime(2026, 9, 21, 8, tzinfo=UTC).timestamp()),
    ],
)
def test_times(text, at):
    assert moment(text, NOW) == at


def test_the_timeline_says_who_did_what_and_by_which_rule(made):
    text = "".join(markdown(scan(made.folder, Filters())))
    assert text.startswith("# Audit\n\n## 2026-09-21 (UTC)\n\n- ")
    assert "**ana (U0ANA)** `docker container restart web` on local → J-1, role operator, rule 1\n" in text
    assert "`` docker container restart `db` ``" in text
    assert "J-1 failed: exit 1 (not\\_found) after 1.5 s" in text
    assert "J-2 not run by w: too\\_late" in text
    assert "J-3 ordered by the bot: docktalk upload for J-1" in text


IN_FORCE = {
    "an incident has its name": (
        {"what": "incident", "id": "I-1", "change": "opened"},
        "the bot: incident INC-12 opened, until 09-",
    ),
    "its end has no time to come": (
        {"what": "incident", "id": "I-1", "change": "closed"},
        "incident INC-12 closed, a channel",
    ),
    "anything else has its id, and its incident": (
        {"what": "budget", "id": "B-9", "change": "began", "of": "U0ANA"},
        "the bot: budget B-9 of U0ANA began, until 09-",
    ),
}


@pytest.mark.parametrize(("fields", "told"), IN_FORCE.values(), ids=IN_FORCE)
def test_what_is_in_force_is_told_by_the_name_that_people_know(made, fields, told):
    what = audit.InForceChanged(about="a channel", incident="INC-12", until=NOW + HOUR, **fields)
    [some, *_] = scan(made.folder, Filters())
    line = plain(some._replace(entry=some.entry.model_copy(update={"what": what})))
    assert told in line
    assert ("[INC-12]" in line) == (fields["what"] != "incident")


def told_of(made, what: audit.What) -> str:
    [some, *_] = scan(made.folder, Filters())
    return plain(some._replace(entry=some.entry.model_copy(update={"what": what})))


@pytest.mark.parametrize(
    ("exit_code", "reason", "told"),
    [
        (0, "", "J-1 done: exit 0 after"),
        (1, "not_found", "J-1 failed: exit 1 (not_found) after"),
        (130, "cancelled", "J-1 stopped: exit 130 after"),
        (124, "timed_out", "J-1 timed out: exit 124 after"),
        (1, "moved", "J-1 not run, its targets are others by now: exit 1 after"),
    ],
)
def test_what_was_stopped_has_not_failed(made, exit_code, reason, told):
    [found] = [
        one for one in scan(made.folder, Filters(job="J-1")) if isinstance(one.entry.what, audit.Ended)
    ]
    what = found.entry.what.model_copy(update={"exit_code": exit_code, "reason": reason})
    assert told in told_of(made, what)


def test_a_look_before_an_approval_does_not_read_as_if_the_bot_had_ordered_the_change(made):
    [found] = [one for one in scan(made.folder, Filters()) if isinstance(one.entry.what, audit.Ordered)]
    what = found.entry.what.model_copy(update={"command": "container stop", "for_job": "J-9"})
    said = told_of(made, what)
    assert said.endswith("ordered by the bot: a look at what would be done by container stop for J-9")


@pytest.mark.parametrize(
    ("revision", "told", "approves", "says"),
    [
        (1, (), None, "J-1 approval: open"),
        (2, (), None, "J-1 approval: open, reminded"),
        (2, ("U0BEN",), None, "J-1 approval: open, asked U0BEN"),
        (2, (), True, "J-1 approval: the bot agrees, open"),
    ],
)
def test_a_reminder_is_told_as_one(made, revision, told, approves, says):
    what = audit.ApprovalChanged(job_id="J-1", revision=revision, state="open", told=told, approves=approves)
    assert told_of(made, what).endswith(says)


def test_what_people_typed_cannot_break_the_timeline(made):
    line = "docker run `` x\n## faked\x1b[31m"
    [one] = [
        found
        for found in scan(made.folder, Filters(job="J-1"))
        if isinstance(found.entry.what, audit.Accepted)
    ]
    what = one.entry.what.model_copy(update={"line": line, "rule": "**x** [y](z)"})
    record = one._replace(entry=one.entry.model_copy(update={"what": what}))
    text = "".join(markdown([record]))
    assert text.count("\n## ") == 1
    assert "\x1b" not in text
    assert "\\*\\*x\\*\\* \\[y\\](z)" in text
    assert "\n" not in plain(record)


def test_slack_sees_the_newest_first_and_one_day_by_default(made):
    now = NOW + 30 * HOUR
    lines = slack_view(made.folder, Filters(), now).splitlines()
    assert lines[0] == "1 records (UTC), the newest first"
    assert "restart web-2" in lines[2]
    lines = slack_view(made.folder, Filters(since=NOW - HOUR), now).splitlines()
    assert lines[0].startswith("8 records")
    assert "restart web-2" in lines[2]
    assert "in force" in lines[9]
    assert "nothing that fits" in slack_view(made.folder, Filters(user="eve"), now)


def test_slack_reads_no_more_than_the_newest_segments(made, monkeypatch):
    monkeypatch.setattr("bot.audit.reading.SLACK_BYTES", 10)
    assert slack_view(made.folder, Filters(since=NOW - HOUR), NOW + 30 * HOUR).startswith("1 records")


def test_the_export_is_lines_of_the_chain(made, capsys):
    assert cli.main(["audit", "show", "--json", "--job", "J-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["entry"]["what"]["kind"] for line in lines] == [
        "accepted",
        "ended",
        "ordered",
        "uploaded",
    ]
    assert f"{lines[0]}\n".encode() in made.lines()


def test_verify_exits_by_what_it_finds(made, capsys):
    assert cli.main(["audit", "verify"]) == 0
    out = capsys.readouterr().out
    assert "all of them are" in out
    known = out.split("ends with ")[1].strip()
    assert cli.main(["audit", "verify", str(made.folder), "--against", known]) == 0
    assert cli.main(["audit", "verify", "--against", f"99:{known.split(':')[1]}"]) == 1
    capsys.readouterr()
    lines = made.lines()
    made.replace([*lines[:2], *lines[3:]])
    assert cli.main(["audit", "verify"]) == 1
    assert "segment-000001.jsonl:3: 1 records are missing before record 4" in capsys.readouterr().out


def test_verify_needs_public_keys_and_nothing_else(made, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKTALK_DATA_DIR", str(tmp_path / "nowhere"))
    keys = str(tmp_path / "trust")
    assert cli.main(["audit", "verify", str(made.folder), "--keys", keys]) == 0
    assert cli.main(["audit", "verify", str(made.folder), "--keys", str(tmp_path / "nowhere")]) == 1


def test_gaps_have_a_status_of_their_own(made):
    made.number += 1
    chain = made.open(NOW + 31 * HOUR)
    chain.append([made.entry(at=NOW + 31 * HOUR), made.entry(at=NOW + 32 * HOUR)], NOW + 31 * HOUR)
    chain.close()
    assert cli.main(["audit", "verify"]) == 3


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "/no/such/folder"],
        ["verify", "--against", "12"],
        ["show", "--since", "soon"],
        ["prune", "--older-than", "soon"],
    ],
)
@pytest.mark.usefixtures("made")
def test_what_cannot_be_used_is_told(words, capsys):
    assert cli.main(["audit", *words]) == 2
    assert capsys.readouterr().err


@pytest.mark.usefixtures("made")
def test_prune_from_the_command_line(tmp_path, capsys):
    (tmp_path / "bot").mkdir(mode=0o700)
    (tmp_path / "keys").rename(tmp_path / "bot" / "keys")
    assert cli.main(["audit", "prune", "--older-than", "2026-09-22T12:00"]) == 0
    assert "removed what came before record 9" in capsys.readouterr().out
    assert cli.main(["audit", "verify"]) == 0
    assert cli.main(["audit", "prune", "--older-than", "2026-09-22T12:00"]) == 0
    assert "no segment is as old" in capsys.readouterr().out


@pytest.mark.parametrize("kind", get_args(get_args(audit.What)[0]), ids=lambda kind: kind.__name__)
def test_every_kind_of_record_has_words_of_its_own(kind):
    assert f"audit.{kind.__name__}" in inspect.getsource(audit_reading)
