"""The p50 of `container ls` beside 0 and beside 200 idle follows, on a real engine.

`logs -f` of a container that says nothing, by five people; with and without them in turn.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bot import logs
from bot.jobs.names import Names
from bot.standin.world import Channel, User
from bot.trial.trial import Trial
from tests.bench.latency import answered

FOLLOWS, PEOPLE = 200, 5
ROUNDS, LISTINGS, WARM_UP = 3, 60, 10
POLICY = """\
version: 1
roles:
  admin:
    rules:
      - commands: ["*"]
        max_danger: ROOT_EQUIVALENT
bindings:
  - {role: admin, users: [U0ADMIN, U0P0, U0P1, U0P2, U0P3, U0P4]}
"""
LIMIT = 1.25


async def main() -> None:
    logs.configure("error")
    # Room for all of them: 64 is the default, and nobody gets more than three quarters of it.
    environ = {**os.environ, "DOCKTALK_FOLLOW_SLOTS": "256"}
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as folder:
        policy = Path(folder) / "policy.yaml"
        policy.write_text(POLICY)
        async with Trial(environ=environ, policy=policy) as trial:
            admin, ops = trial.user(), trial.channel("ops")
            people = [trial.standin.world.add_user(f"p{n}", f"U0P{n}") for n in range(PEOPLE)]
            name = f"bench-idle-{os.getpid()}"
            line = f"docker run -d --rm --name {name} {os.environ['DOCKTALK_IMAGE']} sleep 900"
            await trial.ask(line, user=admin, channel=ops)
            try:
                await listings(trial, admin, ops, WARM_UP)
                for _ in range(ROUNDS):
                    took.setdefault("0", []).extend(await listings(trial, admin, ops, LISTINGS))
                    jobs = await follow(trial, people, ops, name)
                    took.setdefault(f"{FOLLOWS}", []).extend(await listings(trial, admin, ops, LISTINGS))
                    await stop(trial, jobs)
            finally:
                await trial.ask(f"docker rm -f {name}", user=admin, channel=ops)
    show(took)


async def listings(trial: Trial, user: User, channel: Channel, count: int) -> list[float]:
    """Milliseconds from the signed request to the output in Slack."""
    took = []
    for _ in range(count):
        calls, begun = len(trial.standin.calls), time.time()
        await trial.standin.slash(user.id, channel.id, "container ls")
        await trial.ended((await trial.reply()).job_id)
        posts = await trial.standin.until(lambda s, calls=calls: answered(s.calls[calls:]))
        took.append((posts[1] - begun) * 1000)
        await trial.settled()
    return took


async def follow(trial: Trial, people: list[User], channel: Channel, name: str) -> list[str]:
    jobs, before = [], len(trial.standin.calls)
    for number in range(FOLLOWS):
        await trial.standin.slash(people[number % len(people)].id, channel.id, f"logs -f {name}")
        jobs.append((await trial.reply()).job_id)
    claims = Names("docktalk").claims("local")
    async with asyncio.timeout(30):
        while await trial.bot.ground.redis.zcard(claims) < FOLLOWS:
            await asyncio.sleep(0.05)
    # Each has its message by then: none comes between what is measured.
    await trial.standin.until(lambda s: sum(posted(call) for call in s.calls[before:]) >= FOLLOWS, 60)
    await trial.settled()
    return jobs


def posted(call: Any) -> bool:
    return bool(call.method == "chat.postMessage")


async def stop(trial: Trial, jobs: list[str]) -> None:
    for job in jobs:
        await trial.bot.ground.queue.cancel(job, "local")
    for job in jobs:
        await trial.ended(job)
    await trial.settled()


def show(took: dict[str, list[float]]) -> None:
    print(f"\n`container ls` beside idle follows: ms p50 / p99, {ROUNDS} rounds of {LISTINGS} in turn\n")
    base = statistics.median(took["0"])
    for follows, times in took.items():
        ordered = sorted(times)
        p50, p99 = statistics.median(ordered), ordered[len(ordered) * 99 // 100]
        print(f"  {follows:>4} follows  {p50:6.2f} / {p99:6.2f}  ({p50 / base:.2f}, aim: at most {LIMIT:g})")


if __name__ == "__main__":
    uvloop.run(main())
