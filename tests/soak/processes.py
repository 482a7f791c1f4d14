"""Bot and worker as processes that start at once: forked from one that has read all their code.

A killed process is a killed process; what is saved is the seconds in which Python reads modules.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from bot import cli, failpoints
from bot.jobs import process
from handlers import catalogue, engine
from tests.soak import unpaced

MAINS = {"bot": unpaced.main, "worker": lambda: cli.main(["worker"])}
READ_ALREADY = (process, engine)

catalogue.load()


def launch(name: str, environ: Mapping[str, str], failpoint: str, log: Path) -> BaseProcess:
    """Starts the bot or the worker with these variables, to die at ``failpoint`` if one is named."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])
    process = forks.Process(target=_run, args=(name, dict(environ), failpoint, str(log)), daemon=True)
    process.start()
    return process


def _run(name: str, environ: Mapping[str, str], failpoint: str, log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    threading.Thread(target=_end_with_the_test, daemon=True).start()
    os.environ.update(environ)
    failpoints._ARMED = failpoint
    sys.exit(MAINS[name]())


def _end_with_the_test() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
