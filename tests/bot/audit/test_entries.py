"""What goes into the audit: bounded, whoever wrote the event, and free of secrets."""

import math

import pytest

from bot.audit import entries as audit_entries
from bot.audit.entries import Known
from bot.jobs.wire import Began, Ended, Expired, Late, Progressed, Refused, Result, Tail, Uploaded, Waits
from bot.reply import Help, PasswordNeeded, Refusal
from bot.request import Origin, Request
from permissions import audit
from permissions.audit import ENTRY, Entry
from permissions.operation import Operation, Principal, Standing
from permissions.verbs import Danger, Verb

SECRET = "hunter2-and-more"


def result(**changes) -> Result:
    output = Tail(text=SECRET, total_bytes=16, total_lines=1)
    values = {"exit_code": 3, "reason": "engine", "stdout": output, "stderr": output, "head": SECRET}
    return Result.model_validate({**values, "hint": SECRET, "began_at": 1.0, "ended_at": 2.0, **changes})


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (Began(job_id="J-1", worker="w", at=1.0), audit.Started(job_id="J-1", worker="w", began_at=1.0)),
        (
            Refused(job_id="J-1", worker="w", refusal="too_late", at=1.0),
            audit.NotRun(job_id="J-1", worker="w", refusal="too_late"),
        ),
        (
            Late(job_id="J-1", worker="w", ticket=SECRET, at=1.0),
            audit.NotRun(job_id="J-1", worker="w", refusal="late"),
        ),
        (
            Expired(job_id="J-1", worker="", at=1.0),
            audit.NotRun(job_id="J-1", worker="", refusal="expired"),
        ),
        (
            Uploaded(job_id="J-1", worker="w", upload_id="F1", ok=False, error=SECRET),
            audit.Uploaded(job_id="J-1", worker="w", upload_id="F1", ok=False),
        ),
        (
            Ended(job_id="J-1", worker="w", result=result()),
            audit.Ended(
                job_id="J-1",
                worker="w",
                exit_code=3,
                reason="engine",
                began_at=1.0,
                ended_at=2.0,
                stdout_bytes=16,
                stderr_bytes=16,
            ),
        ),
        (Progressed(job_id="J-1", worker="w"), None),
        (Waits(job_id="J-1", worker="w", behind="J-0", at=1.0), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_is_kept_without_its_output(said, kept):
    assert audit_entries.event(said) == kept


def test_a_forged_event_can_be_neither_endless_nor_unreadable():
    ended = Ended(
        job_id="J-1",
        worker="w" * 10_000,
        result=result(exit_code=10**4000, reason="r" * 10_000, began_at=math.inf, ended_at=math.nan),
    )
    text = ENTRY.dump_json(Entry(source="a", number=1, at=1.0, what=audit_entries.event(ended)))
    assert len(text) < 1_000
    assert ENTRY.validate_json(text).what.began_at == 0.0


def request(**changes) -> Request:
    values = {
        "origin": Origin.SLASH,
        "delivery_id": "d",
        "team_id": "T1",
        "user_id": "U1",
        "user_name": "ana",
        "channel_id": "C1",
        "text": f"run -e TOKEN={SECRET}",
        "received_at": 1.0,
    }
    return Request.model_validate(values | changes)


OPERATION = Operation(
    command="container run",
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    host="local",
    values={"label": (f"api_token={SECRET}", "team=web"), "publish": ("80:80",)},
)


def known(**changes) -> Known:
    who = Principal(team_id="T1", user_id="U1", name="ana", standing=Standing.MEMBER, as_of=1.0)
    return Known(who=who, policy="ab", **changes)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Refusal(reason="denied", message=SECRET, line=SECRET, hint=SECRET, rule="default"), "refused"),
        (Help(text=SECRET), "answered"),
        (PasswordNeeded(server="docker.io", username="ana", correction_id="x"), "answered"),
    ],
    ids=["refusal", "help", "password"],
)
def test_a_reply_is_kept_without_what_it_says(reply, kind):
    what = known(operation=OPERATION).outcome(request(), reply, "run -e TOKEN=••••")
    assert what.kind == kind
    text = ENTRY.dump_json(Entry(source="a", number=1, at=1.0, what=what)).decode()
    assert SECRET not in text
    assert what.line == "run -e TOKEN=••••"
    assert what.operation.values["label"][1] == "team=web"
    assert what.operation.values["publish"] == ("80:80",)


def test_a_line_that_was_understood_is_kept_as_people_see_it():
    what = known(line="docker container run -e TOKEN=••••").outcome(request(), Help(text=""), "other")
    assert what.line == "docker container run -e TOKEN=••••"


def test_a_long_line_is_cut():
    what = known().outcome(request(), Refusal(reason="too_long", message=""), "x" * 50_000)
    assert len(what.line) == audit.MAX_LINE
