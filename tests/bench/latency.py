"""How long a line takes, stage by stage, against the floors and a `docker container ls` process."""

import asyncio
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable

import aiohttp
import redis.asyncio
import uvloop

from bot import logs
from bot.jobs.wire import Ended
from bot.trial.trial import Trial
from handlers.engine import DockerEngine

ROUNDS = 200
WARM_UP = 20


class EndsSeen:
    """Keeps the last Ended event, whose result carries the worker's own times."""

    def __init__(self) -> None:
        self.last: Ended | None = None

    def __call__(self, event: object) -> None:
        if isinstance(event, Ended):
            self.last = event


async def main() -> None:
    logs.configure("error")
    docker_host = os.environ["DOCKER_HOST"]
    async with Trial(environ={**os.environ, "DOCKER_HOST": docker_host}) as trial:
        name = f"bench-{os.getpid()}"
        listed = f"docker run -d --rm --name {name} {os.environ['DOCKTALK_IMAGE']} sleep 600"
        await trial.ask(listed, user=trial.user(), channel=trial.channel("ops"))
        try:
            stages = await slash_to_result(trial)
            floors = await all_floors(trial, docker_host)
        finally:
            await trial.ask(f"docker rm -f {name}", user=trial.user(), channel=trial.channel("ops"))
    cli = cli_processes(docker_host)
    show_latency(stages, floors, cli)


async def slash_to_result(trial: Trial) -> dict[str, list[float]]:
    """Milliseconds of each stage of `container ls`, from the signed request on."""
    user, channel = trial.user(), trial.channel("ops")
    stages: dict[str, list[float]] = {}
    for number in range(WARM_UP + ROUNDS):
        calls = len(trial.standin.calls)
        begun = time.time()
        ack = await trial.standin.slash(user.id, channel.id, "container ls")
        reply = await trial.reply()
        end = await trial.ended(reply.job_id)
        posts = await trial.standin.until(lambda s, calls=calls: answered(s.calls[calls:]))
        await trial.settled()
        if number < WARM_UP:
            continue
        result = end.result
        took = {
            "acknowledged": ack.elapsed,
            "begun on the worker": result.began_at - begun,
            "ended on the worker": result.ended_at - begun,
            "parent posted": posts[0] - begun,
            "output posted": posts[1] - begun,
        }
        for stage, seconds in took.items():
            stages.setdefault(stage, []).append(seconds * 1000)
    return stages


def answered(calls: list) -> list[float] | None:
    """When the parent and the output were posted, once both are."""
    posts = [call.at for call in calls if call.method == "chat.postMessage"]
    return posts if len(posts) == 2 else None


async def all_floors(trial: Trial, docker_host: str) -> dict[str, list[float]]:
    """Milliseconds of the least that each stage could cost, measured alone."""
    client = trial.bot.ground.redis
    engine = DockerEngine(docker_host, slots=1)
    session = aiohttp.ClientSession()
    url = f"{trial.standin.api_url}chat.postMessage"
    head = {"Authorization": f"Bearer {trial.standin.bot_token}"}
    message = {"channel": trial.channel("ops").id, "text": "x"}

    async def post() -> None:
        async with session.post(url, json=message, headers=head) as answer:
            await answer.read()

    async def list_containers() -> None:
        await asyncio.to_thread(engine.get, "/containers/json")

    floors = {
        "store: one round trip": await timed(client.ping),
        "store: hand a job to a blocked reader": await timed(hand_over(client)),
        "engine: GET /containers/json": await timed(list_containers),
        "stand-in: one bare post": await timed(post),
    }
    await session.close()
    return floors


def hand_over(client: redis.asyncio.Redis) -> Callable[[], Awaitable[None]]:
    last = ["0"]

    async def once() -> None:
        reading = asyncio.create_task(client.xread({"bench": "$"}, block=1000))
        await asyncio.sleep(0.001)
        last[0] = await client.xadd("bench", {"x": "y"}, maxlen=10)
        await reading

    return once


async def timed(call: Callable[[], Awaitable[object]]) -> list[float]:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await call()
        took.append((time.perf_counter() - begun) * 1000)
    return took


def cli_processes(docker_host: str) -> list[float]:
    """Milliseconds of a `docker container ls` process; none where there is no CLI."""
    docker = shutil.which("docker")
    if docker is None:
        return []
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        command = [docker, "container", "ls"]
        subprocess.run(
            command, env={**os.environ, "DOCKER_HOST": docker_host}, capture_output=True, check=True
        )
        took.append((time.perf_counter() - begun) * 1000)
    return took


def show_latency(stages: dict[str, list[float]], floors: dict[str, list[float]], cli: list[float]) -> None:
    print(f"\n`container ls`, {ROUNDS} times, milliseconds from the signed request: p50 / p99\n")
    for stage, took in stages.items():
        print(f"  {stage:<24} {spread(took)}")
    print("\nfloors, each alone (the hand-over includes 1 ms of waiting for the reader to block)\n")
    for name, took in floors.items():
        print(f"  {name:<40} {spread(took)}")
    whole = statistics.median(stages["output posted"])
    parts = [statistics.median(took) for took in floors.values()]
    # Two posts and two hand-overs (job there, event back), each without its 1 ms of waiting.
    least = parts[0] + 2 * (parts[1] - 1) + parts[2] + 2 * parts[3]
    print(f"\n  sum of the floors {least:.1f} ms; the whole is {whole / least:.1f} times that")
    if cli:
        ratio = whole / statistics.median(cli)
        print(f"  `docker container ls` process {spread(cli)}; the whole is {ratio:.2f} times that")


def spread(took: list[float]) -> str:
    ordered = sorted(took)
    return f"{statistics.median(ordered):6.2f} / {ordered[int(len(ordered) * 0.99) - 1]:6.2f}"


if __name__ == "__main__":
    uvloop.run(main())
