"""Many streams and a fast one, on a real engine: what they cost, and that nothing of them stays."""

import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import docker
import pytest
import pytest_asyncio

from bot.slack.report import LIVE_SECONDS
from bot.trial.trial import HOST, Trial

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS = int(os.environ.get("DOCKTALK_STREAMS", "60"))
"""How many are cancelled; the soak says 500."""
WARM = STREAMS if STREAMS >= 500 else 80
"""How many come before what is compared: the allocator's share of many threads fills up in some hundreds."""
FLOOD_SECONDS = int(os.environ.get("DOCKTALK_FLOOD_SECONDS", "6"))
"""How long a container floods; the soak says 30."""

AT_ONCE = 20
POOLED = AT_ONCE // 2
"""The connections kept for later grow with the busiest moment, not with the streams that there were."""
WITHIN = 60.0
"""Generous, for a slow machine."""
PER_SECOND = 10_000
FLOOD_MB = 24
"""What a flood may cost the worker, however long it lasts; it prints 1.5 MB a second."""


@pytest.fixture(scope="module")
def engine(docker_host):
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def roomy(docker_host, policy):
    """A trial whose streams end at no limit of ours."""
    environ = {**os.environ, "DOCKER_HOST": docker_host, "DOCKTALK_STREAM_LINES": str(10**8)}
    async with Trial(policy=policy, environ=environ) as trial:
        yield trial


def measured(capsys, text):
    """Tells whoever runs the soak."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def started(engine, image, name, script):
    engine.start(engine.create_container(image, ["sh", "-c", script], name=name))
    return name


async def begin(trial, line):
    """Types a line; its job's id."""
    await trial.say(line, trial.user("admin"), trial.channel("ops"), "")
    return (await trial.reply()).job_id


def status(trial, what):
    """A number of the worker's /proc/PID/status; memory is in kB."""
    text = Path(f"/proc/{trial.worker.pid}/status").read_text(encoding="utf-8")
    return int(re.search(rf"^{what}:\s+(\d+)", text, re.MULTILINE)[1])


def descriptors(trial):
    return len(list(Path(f"/proc/{trial.worker.pid}/fd").iterdir()))


async def at_rest(trial, threads):
    """Threads, descriptors and memory (kB) of the worker, once it has no more threads than that."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN):
            while status(trial, "Threads") > threads:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.05)
    return status(trial, "Threads"), descriptors(trial), status(trial, "VmRSS")


async def prints(trial, job_id):
    """Waits until the job has printed something."""
    async with asyncio.timeout(WITHIN):
        while not trial.printed(job_id, "stdout", 0, 1):  # noqa: ASYNC110 - the worker's file rings no bell
            await asyncio.sleep(0.01)


async def cancelled(trial, lines):
    """Begins a job for each line, and cancels all once all print; how long each took to end, in seconds."""
    jobs = [await begin(trial, line) for line in lines]
    for job_id in jobs:
        await prints(trial, job_id)

    async def end(job_id):
        begun = time.monotonic()
        await trial.bot.ground.queue.cancel(job_id, HOST)
        event = await trial.ended(job_id)
        assert event.result.reason == "cancelled"
        return time.monotonic() - begun

    return await asyncio.gather(*map(end, jobs))


async def test_after_many_cancelled_streams_nothing_of_them_is_left(roomy, engine, image, unique, capsys):
    name = started(engine, image, unique("ticking"), "while true; do echo tick; sleep 0.2; done")
    kinds = itertools.cycle([f"logs -f {name}", f"stats {name}", f"logs -f --tail 3 {name}"])

    async def rounds(count, at_once=AT_ONCE):
        took = []
        for start in range(0, count, at_once):
            lines = [f"/docker {next(kinds)}" for _ in range(min(at_once, count - start))]
            took += await cancelled(roomy, lines)
        await roomy.settled()
        return took

    threads = status(roomy, "Threads")
    # More at once than later: whatever is pooled is as large as it will be.
    await rounds(WARM, 2 * AT_ONCE)
    threads, files, memory = await at_rest(roomy, threads)
    took = sorted(await rounds(STREAMS))
    threads_now, files_now, after = await at_rest(roomy, threads)
    assert threads_now <= threads
    assert files_now <= files + POOLED
    assert after <= memory * 1.05
    middle, last = took[len(took) // 2], took[-1]
    measured(
        capsys,
        f"{STREAMS} cancelled: p50 {middle:.3f} s, max {last:.3f} s; "
        f"{threads} -> {threads_now} threads, {files} -> {files_now} files, {memory} -> {after} kB",
    )
    engine.remove_container(name, force=True)


async def test_a_fast_container_is_followed_whole_within_the_budgets(roomy, engine, image, unique, capsys):
    line = "GET /healthz 200 " + "0123456789" * 13
    lines = FLOOD_SECONDS * PER_SECOND
    script = (
        f"i=0; while [ $i -lt {lines} ]; do seq $((i + 1)) $((i + 1000)) | sed 's|$| {line}|'; "
        f"i=$((i + 1000)); sleep 0.07; done"
    )
    warm = await begin(roomy, f"/docker logs -f {started(engine, image, unique('warm'), 'echo hi; sleep 1')}")
    await roomy.ended(warm)
    before, peak = status(roomy, "VmRSS"), 0
    calls = len(roomy.standin.calls)
    name = started(engine, image, unique("flood"), script)
    begun = time.monotonic()
    job_id = await begin(roomy, f"/docker logs -f {name}")
    end = roomy._watch.end(job_id)
    while not (await asyncio.wait({end}, timeout=0.1))[0]:
        peak = max(peak, status(roomy, "VmRSS"))
    lasted = time.monotonic() - begun
    result = end.result().result
    await roomy.settled()
    assert (result.exit_code, result.stdout.total_lines) == (0, lines)

    edits = [c for c in roomy.standin.calls[calls:] if c.method == "chat.update"]
    assert len(edits) <= lasted / LIVE_SECONDS + 3
    assert all(len(json.dumps(edit.arguments)) < 20_000 for edit in edits)

    files = [f for m in roomy.standin.messages(roomy.channel("ops").id) for f in m.files if job_id in f.name]
    own = hashlib.sha256()
    for piece in engine.logs(name, stdout=True, stderr=True, stream=True):
        own.update(piece)
    assert hashlib.sha256(files[-1].content).hexdigest() == own.hexdigest()

    assert peak - before < FLOOD_MB * 1024
    speed = f"{lines} lines, {lines / lasted:.0f} a second"
    measured(capsys, f"{speed}; {len(edits)} edits; {before} -> at most {peak} kB")
    engine.remove_container(name, force=True)


async def test_a_terminal_sees_a_stream_as_it_comes_and_ends_it(docker_host, engine, image, unique, policy):
    name = started(
        engine, image, unique("ticking"), "i=0; while true; do i=$((i+1)); echo t$i; sleep 0.2; done"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.cli", "try", "--policy", str(policy), f"/docker logs -f {name}"),
        env={**os.environ, "DOCKER_HOST": docker_host},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN):
            while await process.stdout.readline() != b"t3\n":
                pass
            process.send_signal(signal.SIGINT)
            rest = (await process.stdout.read()).decode()
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()
    assert "Stopped" in rest
    assert engine.inspect_container(name)["State"]["Running"]
    engine.remove_container(name, force=True)
