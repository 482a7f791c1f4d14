"""How long the catalogue takes to import, and a line to parse: every command's own example."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from handlers import catalogue
from handlers.grammar.parser import parse

IMPORTS, ROUNDS, WARM_UP = 15, 60, 10
TIMED = """\
import time
begun, used = time.perf_counter(), time.process_time()
{}
print((time.perf_counter() - begun) * 1000, (time.process_time() - used) * 1000)
"""


def imported(code: str, compiled: str) -> tuple[float, float]:
    """Milliseconds of ``code`` in new interpreters and of their own time, medians.

    What is imported was compiled before, as it is where the project is installed: into ``compiled``.
    """
    command = [sys.executable, "-X", f"pycache_prefix={compiled}", "-c", TIMED.format(code)]
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    took = []
    for _ in range(1 + IMPORTS):
        run = subprocess.run(command, env=environ, capture_output=True, check=True)
        took.append([float(word) for word in run.stdout.split()])
    wall, own = zip(*took[1:], strict=True)
    return statistics.median(wall), statistics.median(own)


def parsed() -> list[float]:
    """Milliseconds of every line in every round."""
    commands = catalogue.load()
    lines = [command.example for command in commands.commands]
    took = []
    for number in range(WARM_UP + ROUNDS):
        for line in lines:
            begun = time.perf_counter()
            parse(line, commands)
            if number >= WARM_UP:
                took.append((time.perf_counter() - begun) * 1000)
    return took


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as compiled:
        whole = imported("from handlers import catalogue; catalogue.load()", compiled)
        pydantic = imported("from pydantic import BaseModel", compiled)
    took = sorted(parsed())
    print("\ncatalogue and grammar\n")
    p50, p99 = statistics.median(took), took[len(took) * 99 // 100]
    print(f"  import and check of the catalogue  {whole[0]:7.0f} ms, {whole[1]:.0f} of our own time")
    print(f"  of that pydantic alone             {pydantic[0]:7.0f} ms, {pydantic[1]:.0f}")
    print(f"  parsing a line                     {p50:7.3f} ms p50, {p99:.3f} p99")


if __name__ == "__main__":
    main()
