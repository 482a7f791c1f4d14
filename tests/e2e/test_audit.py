"""The whole path leaves its records, the rules named; what cannot be recorded does not run."""

import asyncio
import json
import os

import docker
import pytest

from bot.audit import segments as audit_segments
from bot.audit.reading import Filters, scan
from bot.audit.tools import verify
from bot.jobs.names import Names
from bot.store.audit import AuditIntake
from bot.store.intake import NotRecorded
from bot.trial.trial import Trial
from bot.trust import Trust
from permissions import audit

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "correct-horse-battery"
NAMES = Names("docktalk")


async def records(workspace, after: int = 0) -> list[tuple[int, audit.What]]:
    """What is chained after a record's number, once the chainer has everything."""
    async with asyncio.timeout(60):
        while await workspace.trial.bot.ground.redis.xlen(NAMES.audit):  # noqa: ASYNC110 - the store rings no bell
            await asyncio.sleep(0.02)
    found = scan(workspace.trial.folder / "audit", Filters())
    return [(one.seq, one.entry.what) for one in found if one.seq > after]


async def last(workspace) -> int:
    return (await records(workspace))[-1][0]


def verified(workspace):
    return verify(workspace.trial.folder / "audit", Trust(workspace.trial.folder / "trust").signed)


async def test_a_run_a_denial_a_usage_error_and_an_answer_leave_their_records_in_order(
    workspace, unique, image
):
    before, name = await last(workspace), unique("audited")
    ran = await workspace.ask(f"/docker run -d --name {name} -e TOKEN={SECRET} {image} sleep 300")
    assert ran.exit_code == 0
    await workspace.ask(f"/docker rm -f {name}", user=workspace.viewer)
    await workspace.ask(f"/docker restrat {name} -e TOKEN={SECRET}")
    await workspace.ask("/docker ps --help", user=workspace.viewer)
    await workspace.ask("/docktalk whoami")
    told = [what for _, what in await records(workspace, before)]
    assert [what.kind for what in told] == [
        *("accepted", "started", "ended"),
        *("refused", "refused"),
        *("answered", "answered"),
    ]
    accepted, started, ended, denied, mistyped, _, whoami = told
    assert (accepted.who.user_id, accepted.operation.command) == (workspace.admin.id, "container run")
    assert accepted.rule.startswith("role admin, rule 1 (policy.yaml:")
    assert name in accepted.line
    assert list(accepted.sealed) == ["env"]
    assert accepted.ticket.nonce
    assert accepted.ticket.key_id
    assert accepted.job_id == started.job_id == ended.job_id
    assert (ended.exit_code, ended.reason) == (0, "")
    assert ended.stdout_bytes > 0
    assert (denied.reason, denied.rule, denied.who.user_id) == ("denied", "default", workspace.viewer.id)
    assert [resource.name for resource in denied.operation.resources] == [name]
    assert (mistyped.reason, mistyped.operation) == ("unknown_command", None)
    assert "restrat" in mistyped.line
    assert (whoami.program, whoami.line) == ("docktalk", "whoami")
    assert verified(workspace).outcome == "sound"


async def test_the_policy_in_force_begins_the_audit(workspace):
    opened, policy, *_ = [what for _, what in await records(workspace)]
    assert (opened.kind, policy.kind, policy.old) == ("opened", "policy", "")
    jobs = [what for _, what in await records(workspace) if isinstance(what, audit.Accepted)]
    assert {job.policy for job in jobs} <= {policy.new}


async def test_a_failed_command_s_exit_code_is_kept_and_its_output_is_not(workspace, unique, image):
    before, name = await last(workspace), unique("talks")
    await workspace.ask(f"/docker run --name {name} {image} sh -c 'echo not-for-the-audit; exit 7'")
    await workspace.ask(f"/docker inspect {unique('nobody')}")
    ends = [what for _, what in await records(workspace, before) if isinstance(what, audit.Ended)]
    assert [end.exit_code for end in ends] == [7, 1]
    assert [bool(end.reason) for end in ends] == [False, True]
    text = (workspace.trial.folder / "audit" / "segment-000001.jsonl").read_text()
    output = [line for line in text.splitlines() if "not-for-the-audit" in line]
    assert [json.loads(line)["entry"]["what"]["kind"] for line in output] == ["accepted"]


async def test_an_uploaded_output_leaves_the_order_and_the_upload(workspace, unique, image):
    before, name = await last(workspace), unique("long")
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i of a long log; i=$((i+1)); done"
    await workspace.ask(f"/docker run --name {name} {image} sh -c '{script}'")
    told = [what for _, what in await records(workspace, before)]
    [ordered] = [what for what in told if isinstance(what, audit.Ordered)]
    [uploaded] = [what for what in told if isinstance(what, audit.Uploaded)]
    assert (ordered.command, ordered.for_job) == ("docktalk upload", uploaded.job_id)
    assert uploaded.ok


async def test_no_file_and_no_key_of_the_store_holds_the_secret(workspace, unique, image):
    await workspace.ask(f"/docker run -d --name {unique('sealed')} -e TOKEN={SECRET} {image} true")
    await workspace.ask(f"/docker run --pasword={SECRET} {image}")
    await workspace.ask(f"/docktalk whoami --password {SECRET}")
    await records(workspace)
    files = [path for path in (workspace.trial.folder / "audit").rglob("*") if path.is_file()]
    assert files
    for path in [
        *files,
        *workspace.trial.folder.glob("*.aof"),
        *workspace.trial.folder.rglob("appendonly*/*"),
    ]:
        assert SECRET.encode() not in path.read_bytes(), path


async def test_the_audit_is_shown_in_slack_to_whom_the_policy_allows_and_that_is_recorded(
    workspace, unique, image
):
    name = unique("seen")
    await workspace.ask(f"/docker run -d --name {name} {image} true")
    await records(workspace)
    shown = await workspace.ask(f"/docktalk audit --target {name}")
    assert name in shown.stdout
    assert "role admin, rule 1" in shown.stdout
    wrong = await workspace.ask("/docktalk audit --since yesterday")
    assert (wrong.exit_code, "not a time" in wrong.stderr) == (wrong.exit_code or 1, True)
    denied = await workspace.ask("/docktalk audit", user=workspace.viewer)
    assert denied.exit_code == 1
    assert "audit" in (await workspace.ask("/docktalk help")).stdout
    assert "audit" not in (await workspace.ask("/docktalk help", user=workspace.viewer)).stdout
    told = [what for _, what in await records(workspace)]
    asked = [what for what in told if getattr(what, "program", "") == "docktalk" and "audit" in what.line]
    assert [(what.kind, what.rule.split(" (")[0]) for what in asked][-3:] == [
        ("answered", "role admin, rule 1"),
        ("refused", ""),
        ("refused", "default"),
    ]


def containers(docker_host: str, name: str) -> list:
    client = docker.APIClient(base_url=docker_host, version="auto")
    try:
        return client.containers(all=True, filters={"name": f"^/{name}$"})
    finally:
        client.close()


async def test_a_change_whose_record_cannot_be_written_does_not_run(
    workspace, unique, image, docker_host, monkeypatch
):
    name = unique("unrecorded")
    # The oldest entry has waited too long for the disk, as when the disk is full.
    monkeypatch.setattr("bot.jobs.queue.INTAKE_MS", 200)
    with monkeypatch.context() as patch:
        patch.setattr(audit_segments.ChainFile, "append", full_disk)
        assert (await workspace.ask("/docker version")).exit_code == 0
        await asyncio.sleep(0.3)
        refused = await workspace.ask(f"/docker run -d --name {name} {image} sleep 300")
        read = await workspace.ask("/docker version")
    assert (refused.exit_code, "cannot be recorded" in refused.stderr) == (1, True)
    assert containers(docker_host, name) == []
    assert read.exit_code == 0  # what changes nothing goes on until the intake is full
    await records(workspace)
    monkeypatch.undo()
    assert (await workspace.ask(f"/docker run -d --name {name} {image} true")).exit_code == 0
    assert verified(workspace).outcome == "sound"


def full_disk(*_):
    raise OSError(28, "no space")


async def test_nothing_is_told_that_cannot_be_recorded_but_docker_s_own_help(workspace, monkeypatch):
    async def full(*_, **__):
        raise NotRecorded

    before = await last(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(AuditIntake, "append", full)
        for line in ("/docker rm -f x", "/docker restrat", "/docktalk hosts", "/docktalk audit"):
            answer = await workspace.ask(line, user=workspace.viewer)
            assert "cannot be recorded" in answer.stderr, line
        helped = await workspace.ask("/docker ps --help")
    assert "Usage" in helped.stdout
    assert await records(workspace, before) == []


async def test_with_a_full_intake_not_even_a_read_is_accepted(workspace, monkeypatch):
    monkeypatch.setattr("bot.jobs.queue.INTAKE_ENTRIES", 0)
    answer = await workspace.ask("/docker version")
    assert "cannot be recorded" in answer.stderr


async def test_what_the_bot_did_not_write_into_the_store_is_no_record(workspace):
    before = await last(workspace)
    await workspace.trial.bot.ground.redis.xadd(NAMES.audit, {"entry": b"{}", "mac": b"x"})
    [(_, what)] = await records(workspace, before)
    assert (what.kind, what.entries) == ("intake_refused", 1)


async def test_a_changed_policy_is_recorded_and_a_bot_that_stops_signs_for_all(docker_host, policy, tmp_path):
    changing = tmp_path / "policy.yaml"
    changing.write_text(policy.read_text())
    environ = {**os.environ, "DOCKER_HOST": docker_host}
    async with Trial(policy=changing, environ=environ) as trial:
        folder, trust = trial.folder / "audit", Trust(trial.folder / "trust")
        changing.write_text(policy.read_text().replace("the owner", "another"))
        await until(folder, 2)
        changing.write_text("version: 2\n")
        await until(folder, 3)
        await trial.bot.stop()
        kinds = [one.entry.what for one in scan(folder, Filters())]
        report = verify(folder, trust.signed)
    assert [what.kind for what in kinds] == ["opened", "policy", "policy", "policy_refused", "stopped"]
    assert kinds[2].old == kinds[1].new == kinds[2].old
    assert kinds[3].in_force == kinds[2].new
    assert (report.outcome, report.tail) == ("sound", 0)


async def until(folder, count: int) -> None:
    async with asyncio.timeout(60):
        while sum(1 for _ in scan(folder, Filters())) < count + 1:  # noqa: ASYNC110 - a file rings no bell
            await asyncio.sleep(0.05)
