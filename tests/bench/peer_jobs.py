"""One job in each peer's own words: the module that their workers import, in the peers' environment.

DOCKTALK_BENCH_QUEUE names the peer, REDIS_URL its database on the store's unix socket.
"""

import os

from tests.bench.marks import work
from tests.bench.scenarios import LEASE

NAME, STORE = os.environ["DOCKTALK_BENCH_QUEUE"], os.environ["REDIS_URL"]

if NAME == "dramatiq":
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    app = RedisBroker(url=STORE, heartbeat_timeout=int(LEASE * 1000))
    dramatiq.set_broker(app)
    job = dramatiq.actor(work)
elif NAME == "taskiq":
    from taskiq_redis import RedisStreamBroker

    app = RedisStreamBroker(STORE, idle_timeout=int(LEASE * 1000))
    job = app.task(work)
elif NAME == "huey":
    from huey import RedisHuey

    app = RedisHuey(url=STORE, results=False)
    job = app.task()(work)
elif NAME == "celery":
    from celery import Celery

    path, _, database = STORE.removeprefix("unix://").partition("?db=")
    app = Celery(broker=f"redis+socket://{path}?virtual_host={database}")
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"visibility_timeout": LEASE},
    )
    job = app.task(work, name="work")
