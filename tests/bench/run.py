"""`make bench`: all parts, each in a process of its own. `python -m tests.bench.PART` measures one.

Each part measures itself and its peers in one run on one machine, so that the ratios mean something;
figures are printed and never asserted.
"""

import subprocess
import sys
import time

PARTS = ("grammar", "decide", "audit", "rendering", "latency", "ack", "idle_follows", "depth", "queues")


def main(parts: list[str]) -> int:
    failed = []
    for part in parts or PARTS:
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"tests.bench.{part}"], check=False)
        print(f"\n({part}: {time.monotonic() - begun:.0f} s)", flush=True)
        if done.returncode:
            failed.append(part)
    if failed:
        print(f"\nnot measured: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
