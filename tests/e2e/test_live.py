"""Streams that run: seen in one message, narrowed, paused, stopped, and read again, on a real engine."""

import asyncio
import hashlib
import json
import os

import pytest
import pytest_asyncio

from bot.trial.trial import Trial

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRINTER = "i=0; while true; do echo line $i of $((i % 5)); i=$((i + 1)); sleep 0.05; done"


def message_of(workspace, job_id):
    """The job's parent message."""
    return next(
        m
        for m in workspace.trial.standin.messages(workspace.ops.id)
        if m.thread_ts is None and not m.ephemeral_to and job_id in json.dumps(m.blocks[-1:])
    )


def text_of(message):
    return json.dumps(message.blocks, ensure_ascii=False)


async def begin(workspace, line):
    """Types a line that goes on; its job's id."""
    await workspace.trial.say(line, workspace.admin, workspace.ops, "")
    return (await workspace.trial.reply()).job_id


async def until(workspace, job_id, predicate, seconds=60):
    """The job's message, once its text satisfies the predicate."""

    def found(_):
        try:
            message = message_of(workspace, job_id)
        except StopIteration:
            return None
        return message if predicate(text_of(message)) else None

    async with asyncio.timeout(seconds):
        return await workspace.trial.standin.until(found, seconds)


async def click(workspace, message, action, user=None):
    await workspace.trial.standin.click((user or workspace.admin).id, message, action)
    return await workspace.trial.reply()


@pytest_asyncio.fixture(loop_scope="module")
async def printer(workspace, unique, image):
    name = unique("printer")
    answer = await workspace.ask(f"/docker run -d --name {name} {image} sh -c '{PRINTER}'")
    assert answer.exit_code == 0, answer.stderr
    yield name
    await workspace.ask(f"/docker rm -f {name}")


async def test_a_follow_is_seen_narrowed_paused_and_stopped(workspace, printer):
    job_id = await begin(workspace, f"/docker logs -f {printer}")
    message = await until(workspace, job_id, lambda text: "of 2" in text)
    await workspace.trial.standin.click(workspace.admin.id, message, "job.narrow")
    view = await workspace.trial.standin.until(lambda s: next(iter(s.world.views.values()), None))
    await workspace.trial.standin.submit(
        workspace.admin.id, view, {"pattern": {"pattern": {"value": "of 3$"}}}
    )
    assert "only lines" in (await workspace.trial.reply()).text
    message = await until(workspace, job_id, lambda text: "of 3" in text and "of 2" not in text)
    await click(workspace, message, "job.pause")
    message = await until(workspace, job_id, lambda text: "Resume display" in text)
    edits = message.revisions
    await asyncio.sleep(4)
    assert message.revisions == edits
    await click(workspace, message, "job.stop")
    end = await workspace.trial.ended(job_id)
    assert (end.result.exit_code, end.result.reason) == (130, "cancelled")
    message = await until(workspace, job_id, lambda text: "Stopped" in text)
    assert workspace.admin.id in text_of(message)


async def test_others_may_neither_stop_nor_read_what_they_may_not_run(workspace, printer):
    job_id = await begin(workspace, f"/docker logs -f {printer}")
    message = await until(workspace, job_id, lambda text: "job.stop" in text)
    for line in (f"cancel {job_id}", f"grep {job_id} x", f"display --pause {job_id}", f"show {job_id}"):
        answer = await workspace.ask(f"/docktalk {line}", user=workspace.viewer)
        assert answer.exit_code == 1, line
        assert "jobs of others" in answer.picture
    refused = await click(workspace, message, "job.stop", user=workspace.viewer)
    assert refused.reason == "denied"
    listed = await workspace.ask("/docktalk jobs", user=workspace.viewer)
    assert job_id in listed.stdout
    elsewhere = workspace.trial.channel("elsewhere")
    assert (
        job_id not in (await workspace.ask("/docktalk jobs", user=workspace.viewer, channel=elsewhere)).stdout
    )
    assert (
        job_id
        not in (await workspace.ask("/docktalk jobs --all", user=workspace.viewer, channel=elsewhere)).stdout
    )
    assert job_id in (await workspace.ask("/docktalk jobs --all", channel=elsewhere)).stdout
    assert (await workspace.ask(f"/docktalk cancel {job_id}")).exit_code == 0
    await workspace.trial.ended(job_id)
    assert (await workspace.ask(f"/docktalk cancel {job_id}")).exit_code == 1


async def test_an_output_is_read_again_by_pages_without_running_again(workspace, unique, image):
    name = unique("once")
    script = "i=1; while [ $i -le 400 ]; do echo line $i; i=$((i + 1)); done; echo oops >&2"
    await workspace.ask(f"/docker run --name {name} {image} sh -c '{script}'")
    ran = workspace.trial.requests[-1]
    job_id = next(m for m in reversed(workspace.trial.standin.messages(workspace.ops.id)) if not m.thread_ts)
    job_id = job_id.blocks[-1]["elements"][0]["text"].split()[0]
    await workspace.ask(f"/docker rm -f {name}")
    answer = await workspace.ask(f"/docktalk show {job_id} --grep 'line 3[0-9]*0$' -C1 --tail 10")
    assert "400:" not in answer.picture
    assert "390:line 390" in answer.picture
    assert ran.text in str(workspace.trial.requests[-3])
    shown = [m for m in workspace.trial.standin.messages(workspace.ops.id) if "page.older" in text_of(m)][-1]
    reply = await click(workspace, shown, "page.older")
    await workspace.trial.ended(reply.job_id)
    await workspace.trial.settled()
    assert "360:line 360" in text_of(shown)
    assert "390:line 390" not in text_of(shown)
    reply = await click(workspace, shown, "page.file")
    await workspace.trial.ended(reply.job_id)
    await workspace.trial.settled()
    files = await workspace.trial.standin.until(
        lambda s: [f for m in s.thread(workspace.ops.id, shown.ts) for f in m.files]
    )
    assert files[0].content.decode() == "".join(f"line {n}\n" for n in range(1, 401))
    reply = await click(workspace, shown, "page.stderr")
    await workspace.trial.ended(reply.job_id)
    await workspace.trial.settled()
    assert "There is no" not in text_of(shown)


async def test_a_page_is_shown_in_no_message_but_its_own(workspace, image):
    answers = [await workspace.ask(f"/docker run --rm {image} echo {word} {word}") for word in ("one", "two")]
    first, second = (a.picture.split("J-")[-1].split()[0] for a in answers)
    await workspace.ask(f"/docktalk show J-{first}")
    page = [m for m in workspace.trial.standin.messages(workspace.ops.id) if "looked at" in text_of(m)][-1]
    page_id = page.blocks[-1]["elements"][0]["text"].split()[0]
    await workspace.ask(f"/docktalk show J-{second} --instead {page_id}")
    assert "one one" in text_of(page)
    await workspace.ask(f"/docktalk show J-{second} --instead J-{first}")
    assert "two two" not in text_of(message_of(workspace, f"J-{first}"))


async def test_a_flood_is_kept_whole_and_says_what_it_skipped(workspace, image):
    script = "yes 0123456789012345678901234567890123456789012345678 | head -n 400000; sleep 4"
    job_id = await begin(workspace, f"/docker run --rm {image} sh -c '{script}'")
    await until(workspace, job_id, lambda text: "skipped" in text)
    await workspace.trial.ended(job_id)
    await workspace.trial.settled()
    files = [f for m in workspace.trial.standin.messages(workspace.ops.id) for f in m.files]
    wanted = b"0123456789012345678901234567890123456789012345678\n" * 400_000
    assert hashlib.sha256(files[-1].content).digest() == hashlib.sha256(wanted).digest()
    edits = [c for c in workspace.trial.standin.calls if c.method == "chat.update"]
    assert len(json.dumps(edits[-1].arguments)) < 20_000


async def test_a_follow_ends_with_its_container_and_says_its_code(workspace, unique, image):
    name = unique("short")
    await workspace.ask(f"/docker run -d --name {name} {image} sh -c 'echo hi; sleep 1; exit 7'")
    answer = await workspace.ask(f"/docker logs -f {name}")
    assert (answer.exit_code, answer.stdout) == (0, "hi\n")
    assert "exited with code `7`" in answer.picture or "exited with code 7" in answer.picture
    await workspace.ask(f"/docker rm -f {name}")


async def test_a_stream_ends_at_its_limits_and_says_which(docker_host, policy, unique, image):
    environ = {
        **os.environ,
        "DOCKER_HOST": docker_host,
        "DOCKTALK_STREAM_SECONDS": "1.5",
        "DOCKTALK_STREAM_LINES": "300",
    }
    async with Trial(policy=policy, environ=environ) as trial:
        user, ops = trial.user("admin"), trial.channel("ops")
        name = unique("limited")
        await trial.ask(f"/docker run -d --name {name} {image} sh -c '{PRINTER}'", user=user, channel=ops)
        by_time = await trial.ask(f"/docker logs -f --tail 0 {name}", user=user, channel=ops)
        await trial.ask(f"/docker rm -f {name}", user=user, channel=ops)
        await trial.ask(f"/docker run -d --name {name} {image} sh -c 'yes; sleep 9'", user=user, channel=ops)
        by_lines = await trial.ask(f"/docker logs -f {name}", user=user, channel=ops)
        await trial.ask(f"/docker rm -f {name}", user=user, channel=ops)
    assert by_time.exit_code == by_lines.exit_code == 124
    assert "1.5 s, the limit here" in by_time.picture
    assert "300 lines, the limit here" in by_lines.picture
    assert "Ended at its limit" in by_lines.picture
