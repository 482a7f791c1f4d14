"""Whether enqueue and claim stay flat from 10 to 100,000 queued jobs, and what a long line costs others.

The jobs are real ones, signed and with their record; those that only lie there are copies of one another.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bot import logs
from bot.jobs.host_queue import Free, HostQueue
from bot.jobs.names import Names, script, worker_client
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Ended, Result
from bot.store import embedded
from tests.bench.our_bot import OurBot, worker_settings
from tests.bench.our_queue import Read

DEPTHS = (10, 100, 1_000, 10_000, 100_000)
ROUNDS, AT_ONCE = 200, 1_000
ONE = Free(quick=1, bulk=1, follow=0, share=12, follow_share=48)
BUSY = Free(quick=4, bulk=2, follow=0, share=12, follow_share=48)


async def main() -> None:
    logs.configure("critical")
    rows = []
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as name, embedded.start(Path(name)) as store:
        settings = worker_settings(Path(name), store.url)
        async with OurBot(settings) as bot:
            queue = HostQueue(
                worker_client(store.url),
                settings.namespace,
                "local",
                "bench",
                60.0,
                UnsentFolder(Path(name) / "unsent"),
            )
            queue.claim(ONE, 0.0)
            depth = 0
            for wanted in DEPTHS:
                await fill(bot, settings.namespace, range(depth, wanted))
                depth = wanted
                rows.append((wanted, await rounds(bot, queue)))
            waited, calls = await other_person(bot, queue)
    print(
        f"\nthe queue by its depth: ms p50 of {ROUNDS} calls, in brackets the ratio to {DEPTHS[0]} queued\n"
    )
    print("  queued      enqueue (ticket, record, audit)   claim               end")
    first = rows[0][1]
    for wanted, took in rows:
        cells = [
            f"{took[name]:6.2f} ({took[name] / first[name]:.2f})" for name in ("enqueue", "claim", "end")
        ]
        print(f"  {wanted:>7,}     {cells[0]:<33} {cells[1]:<19} {cells[2]}")
    print(f"\n  somebody else's job behind {DEPTHS[-1]:,} of one person: {waited:.0f} ms, {calls} claims")


async def fill(bot: OurBot, namespace: str, numbers: range) -> None:
    """Queues copies of a job, many in a call; what the audit would chain meanwhile is left out."""
    names = Names(namespace)
    claims = bot.claims("J-1", Read(key="k"), "U0")
    record, ticket = bot.record(claims).model_dump_json(), bot.keys.sign(claims).model_dump_json()
    accept = await bot.redis.script_load(script("accept"))
    for start in range(numbers.start, numbers.stop, AT_ONCE):
        async with bot.redis.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + AT_ONCE, numbers.stop)):
                job = f"J-{10_000_000 + number}"
                keys = [
                    names.delivery(job),
                    names.request(job),
                    names.stream("local", "normal"),
                    "none",
                    names.prefix,
                ]
                more = [ticket, "read", "{}", "", 10**9, 10**9, "normal", "U0", "9999999999", "", "0"]
                pipe.evalsha(accept, len(keys), *keys, job, 3600, 3600, record, "s", *more)
            pipe.delete("none")
            await pipe.execute()


async def rounds(bot: OurBot, queue: HostQueue) -> dict[str, float]:
    """A job is queued, one is claimed, and it ends: the depth stays what it is."""
    took: dict[str, list[float]] = {"enqueue": [], "claim": [], "end": []}
    for number in range(ROUNDS):
        begun = time.perf_counter()
        await bot.order(Read(key=f"k{number}"), "U0")
        ordered = time.perf_counter()
        claimed = queue.claim(ONE, 0.0)[0]
        got = time.perf_counter()
        end(queue, claimed)
        took["enqueue"].append((ordered - begun) * 1000)
        took["claim"].append((got - ordered) * 1000)
        took["end"].append((time.perf_counter() - got) * 1000)
        await asyncio.sleep(0)
    return {name: statistics.median(times) for name, times in took.items()}


async def other_person(bot: OurBot, queue: HostQueue) -> tuple[float, int]:
    """Somebody else's job behind everything, while the first person has all that one may have."""
    held = 0
    while held < ONE.share:
        held += len(queue.claim(ONE, 0.0))
    job_id, begun, calls = await bot.order(Read(key="other"), "U1"), time.perf_counter(), 0
    while True:
        calls += 1
        if any(claimed.job_id == job_id for claimed in queue.claim(BUSY, 0.0)):
            return (time.perf_counter() - begun) * 1000, calls


def end(queue: HostQueue, claimed: Any) -> None:
    now = time.time()
    result = Result(exit_code=0, began_at=now, ended_at=now)
    queue.finish(claimed.job_id, claimed.token, Ended(job_id=claimed.job_id, worker="bench", result=result))


if __name__ == "__main__":
    uvloop.run(main())
