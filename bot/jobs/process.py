"""The process of one worker: started by settings, ended by a signal."""

import signal
import threading

from bot import metrics
from bot.jobs.names import worker_client
from bot.jobs.worker import Worker, WorkerRefused
from bot.settings import WorkerSettings


def main(settings: WorkerSettings) -> None:
    """Runs a worker until SIGTERM or SIGINT; raises WorkerRefused when it cannot start."""
    if settings.redis_url is None:
        raise WorkerRefused("REDIS_URL is not set: a worker alone needs the store that the bot uses")
    from handlers import catalogue, engine  # noqa: PLC0415 - docker is loaded where it is used

    worker = Worker(
        settings,
        client=worker_client(settings.redis_url.get_secret_value()),
        catalogue=catalogue.load(),
        engine=engine.DockerEngine(settings.docker_host, slots=settings.slots + settings.follow_slots),
    )
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    worker.start()
    probes = (
        metrics.serve(settings.metrics_host, settings.metrics_port, worker.ready, worker.healthy)
        if settings.metrics_port
        else None
    )
    told.wait()
    worker.stop()
    if probes is not None:
        probes.shutdown()
