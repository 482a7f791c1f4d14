"""Acknowledgement of a signed slash command at 1, 20 and 100 clients: the bot against bare Bolt apps.

Each app is a process of its own on the same server; the clients are in this one, so that the load is equal.
"""

import asyncio
import hashlib
import hmac
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from bot.keys import HostKeys
from bot.standin.server import StandIn
from bot.store import embedded
from bot.trial.trial import EXAMPLE_POLICY

CLIENTS = {1: 400, 20: 2000, 100: 4000}
"""How many requests in all for that many clients."""

ROUNDS = int(os.environ.get("DOCKTALK_BENCH_ROUNDS", "3"))


async def measure_acks() -> None:
    standin = StandIn(rates=False)
    await standin.start()
    user = standin.world.add_user("admin", "U0ADMIN")
    channel = standin.world.add_channel("ops")
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as name, embedded.start(Path(name)) as store:
        # No worker: what is queued stays queued, as it does in the app that only enqueues.
        HostKeys.load_or_create(Path(name) / "host").publish(Path(name) / "trust", "local")
        took: dict[tuple[str, int], list[float]] = {}
        for _ in range(ROUNDS):
            for app in ("bare", "enqueue", "docktalk"):
                async with running(app, Path(name), store.url, standin) as url:
                    form = fields(standin, user.id, channel.id)
                    await load(url, standin.signing_secret, form, clients=1, total=50)
                    for clients, total in CLIENTS.items():
                        found = await load(url, standin.signing_secret, form, clients=clients, total=total)
                        took.setdefault((app, clients), []).extend(found)
    await standin.stop()
    print(f"\nacknowledgement of a signed `container ls`, milliseconds, p50 / p99, {ROUNDS} rounds\n")
    for app in ("bare", "enqueue", "docktalk"):
        cells = []
        for clients in CLIENTS:
            ordered = sorted(took[app, clients])
            p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]
            ratio = p50 / statistics.median(took["enqueue", clients])
            cells.append(f"{clients:>3} clients {p50:6.2f} / {p99:6.2f} ({ratio:.2f} x enqueue)")
        print(f"  {app:<10} {'   '.join(cells)}")


@asynccontextmanager
async def running(app: str, folder: Path, store: str, standin: StandIn) -> AsyncIterator[str]:
    """One of the apps on a port of its own."""
    port = 20_000 + os.getpid() % 10_000
    environ = {
        **os.environ,
        "REDIS_URL": store,
        "DOCKTALK_DATA_DIR": str(folder),
        "DOCKTALK_SLACK_BOT_TOKEN": standin.bot_token,
        "DOCKTALK_SLACK_SIGNING_SECRET": standin.signing_secret,
        "DOCKTALK_SLACK_MODE": "http",
        "DOCKTALK_SLACK_API_URL": standin.api_url,
        "DOCKTALK_HTTP_PORT": str(port),
        "DOCKTALK_POLICY_FILE": str(EXAMPLE_POLICY),
        "DOCKTALK_PARENT_DELAY": "3600",
        "DOCKTALK_LOG_LEVEL": "error",
    }
    module = ["bot.cli", "bot"] if app == "docktalk" else ["tests.bench.peers", app]
    process = subprocess.Popen([sys.executable, "-m", *module], env=environ)
    try:
        await listening(port)
        yield f"http://127.0.0.1:{port}/slack/events"
    finally:
        process.terminate()
        process.wait(20)


async def listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def fields(standin: StandIn, user_id: str, channel_id: str) -> dict[str, str]:
    return {
        "token": "x",
        "team_id": standin.team_id,
        "team_domain": "bench",
        "channel_id": channel_id,
        "channel_name": "ops",
        "user_id": user_id,
        "user_name": "admin",
        "command": "/docker",
        "text": "container ls",
        "api_app_id": "A0BENCH",
        "response_url": f"{standin.url}commands/none",
    }


async def load(url: str, secret: str, form: dict[str, str], *, clients: int, total: int) -> list[float]:
    """Milliseconds of every request of a closed loop of `clients`."""
    numbers = iter(range(total))
    took: list[float] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def client() -> None:
            for number in numbers:
                body, headers = signed(secret, {**form, "trigger_id": f"{time.time_ns()}.{number}"})
                begun = time.perf_counter()
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()
                    if answer.status != 200:
                        raise RuntimeError(f"{url} answered {answer.status}")
                took.append((time.perf_counter() - begun) * 1000)

        await asyncio.gather(*(client() for _ in range(clients)))
    return took


def signed(secret: str, form: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    body, stamp = urlencode(form).encode(), str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    return body, headers


if __name__ == "__main__":
    asyncio.run(measure_acks())
