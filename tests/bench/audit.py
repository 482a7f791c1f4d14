"""What the audit costs: a record before the acknowledgement, a batch beside its sync, a million verified."""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.audit.segments import ChainFile
from bot.audit.tools import verify
from bot.jobs.names import bot_client
from bot.keys import BotKeys
from bot.store import embedded
from bot.store.audit import AuditIntake
from bot.trust import Trust
from permissions.audit import ENTRY, Entry, Place, Refused
from permissions.operation import Principal, Standing

RECORDS = int(os.environ.get("DOCKTALK_BENCH_RECORDS", "1000000"))
ROUNDS = 2_000
AT = 1_790_000_000.0

WHAT = Refused(
    who=Principal(
        team_id="T0", user_id="U0ANA", name="ana", standing=Standing.MEMBER, groups=("S0A",), as_of=AT
    ),
    place=Place(origin="slash", delivery_id="slash:1.2.3", channel_id="C0OPS"),
    program="docker",
    line="docker container restart --timeout 2 web",
    reason="denied",
    rule="default",
    policy="a" * 64,
    exit_code=1,
)


async def measure_audit() -> None:
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as name:
        folder = Path(name)
        keys = BotKeys.load_or_create(folder / "keys")
        keys.publish(folder / "trust")
        print("\naudit\n")
        with embedded.start(folder) as store:
            await intake(keys, store.url)
        appends(keys, folder)
        millions(keys, folder)


async def intake(keys: BotKeys, url: str) -> None:
    redis = bot_client(url)
    audit = AuditIntake(redis, "bench", keys, time.time)
    begun = time.process_time()
    for _ in range(ROUNDS):
        with audit.entry(WHAT):
            pass
    made = (time.process_time() - begun) / ROUNDS * 1e6
    begun = time.process_time()
    for _ in range(ROUNDS):
        await audit.append(WHAT, bounded=False)
    stored = (time.process_time() - begun) / ROUNDS * 1e6
    await redis.aclose()
    print(f"  a record made                {made:8.1f} µs of the bot's CPU")
    print(f"  a record made and stored     {stored:8.1f} µs of the bot's CPU")


def appends(keys: BotKeys, folder: Path) -> None:
    signed = Trust(folder / "trust").signed
    chain = ChainFile(folder / "appends", keys, signed, AT)
    numbers = iter(range(1, 10**9))
    took: dict[int, list[float]] = {1: [], 100: []}
    for size, times in took.items():
        for _ in range(100):
            batch = [entry(next(numbers)) for _ in range(size)]
            begun = time.perf_counter()
            chain.append(batch, AT)
            times.append((time.perf_counter() - begun) * 1e6)
    chain.close()
    handle, bare = os.open(folder / "bare", os.O_RDWR | os.O_CREAT), []
    for _ in range(100):
        os.write(handle, entry(1)[0])
        begun = time.perf_counter()
        os.fsync(handle)
        bare.append((time.perf_counter() - begun) * 1e6)
    os.close(handle)
    for size, times in took.items():
        print(f"  a batch of {size:<3} on disk       {statistics.median(times):8.1f} µs")
    print(f"  the bare sync of one record  {statistics.median(bare):8.1f} µs")


def entry(number: int) -> tuple[bytes, Entry]:
    made = Entry(source="a1", number=number, at=AT, what=WHAT)
    return ENTRY.dump_json(made), made


def millions(keys: BotKeys, folder: Path) -> None:
    chain = ChainFile(folder / "many", keys, Trust(folder / "trust").signed, AT)
    for start in range(1, RECORDS, 1_000):
        chain.append([entry(number) for number in range(start, start + 1_000)], AT)
        chain.sign_checkpoint(AT)
    chain.close()
    begun = time.perf_counter()
    subprocess.run([sys.executable, __file__, str(folder)], check=True)
    print(f"  {RECORDS:,} records verified  {time.perf_counter() - begun:8.1f} s")


def main() -> None:
    """A process of its own verifies, so that its memory is its own."""
    folder = Path(sys.argv[1])
    report = verify(folder / "many", Trust(folder / "trust").signed)
    if report.outcome != "sound":
        raise RuntimeError(report.findings[:3])
    print(
        f"  memory to verify             {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.1f} MiB"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main()
    else:
        asyncio.run(measure_audit())
