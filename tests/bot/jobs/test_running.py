"""Timers with a clock of their own, a job's single end, a context's closers and logins."""

import gc
import threading
import time
import weakref
from datetime import UTC

import pytest

from bot.jobs.context import HUB, JobContext, Login, WorkerClock, local_zone
from bot.jobs.host_queue import Claimed
from bot.jobs.live import Live
from bot.jobs.running import Job, Timers
from bot.jobs.spool import Spool
from handlers.faults import Cancelled, TimedOut
from handlers.redact import Masks


@pytest.fixture
def timers():
    timers = Timers()
    thread = threading.Thread(target=timers.run)
    thread.start()
    yield timers
    timers.stop()
    thread.join()


@pytest.fixture
def context(tmp_path):
    return JobContext(
        job_id="J-1",
        engine=None,
        clock=WorkerClock(5.0, UTC),
        logins={"docker.io": Login("ada", "hub-password"), "https://registry:5000/v2/": Login("bob", "p")},
        output=Spool(tmp_path, 1000, 1000).open("J-1"),
        masks=Masks(["swordfish"]),
        live=Live("J-1", 0.0),
    )


def test_timers_fire_in_order_and_not_when_cancelled(timers):
    fired = []
    done = threading.Event()
    timers.after(0.04, lambda: (fired.append("last"), done.set()))
    timers.after(0.02, lambda: fired.append("second"))
    cancelled = timers.after(0.01, lambda: fired.append("cancelled"))
    timers.after(0.0, lambda: fired.append("first"))
    timers.cancel(cancelled)
    assert done.wait(60)
    assert fired == ["first", "second", "last"]


def test_a_timer_that_fails_does_not_stop_the_others(timers):
    done = threading.Event()
    timers.after(0.0, lambda: 1 / 0)
    timers.after(0.01, done.set)
    assert done.wait(60)


def test_cancelled_timers_do_not_pile_up():
    timers = Timers()
    for _ in range(10_000):
        timers.cancel(timers.after(3600, lambda: None))
    assert len(timers._heap) < 200


def test_a_cancelled_timer_holds_nothing():
    class Held:
        """What a timer's call would need."""

    timers, held = Timers(), Held()
    gone = weakref.ref(held)
    number = timers.after(3600, lambda held=held: held)
    del held
    assert gone() is not None
    timers.cancel(number)
    gc.collect()
    assert gone() is None


def test_a_job_is_settled_once():
    job = Job(Claimed("J-1", "t", 1, ""))
    assert [job.settle() for _ in range(3)] == [True, False, False]


def test_the_first_end_closes_everything_and_stays(context):
    closed = []

    def broken():
        raise OSError

    context.on_cancel(broken)
    context.on_cancel(lambda: closed.append(1))
    context.check()
    context.end(TimedOut("late"))
    context.end(Cancelled("later"))
    context.on_cancel(lambda: closed.append(2))
    assert closed == [1, 2]
    with pytest.raises(TimedOut):
        context.check()


def test_output_is_masked_before_it_is_kept(context):
    context.stdout(b"a swordf")
    context.stdout(b"ish b\nrest sword")
    context.stderr(b"swordfish\n")
    context.stdout(b"fish")
    context.flush()
    stdout, stderr, _ = context.output.close()
    assert (stdout.text, stderr.text) == ("a [masked] b\nrest [masked]", "[masked]\n")
    assert context.masked("the swordfish") == "the [masked]"


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", HUB, "https://registry-1.docker.io"])
def test_the_hub_has_one_login_under_all_its_names(name, context):
    assert context.login(name).username == "ada"


def test_other_registries_are_found_by_their_address_and_no_password_prints(context):
    assert context.login("registry:5000").username == "bob"
    assert context.login("elsewhere") is None
    assert "hub-password" not in repr(context.login("docker.io"))


@pytest.mark.parametrize(
    ("name", "key"), [("Europe/Berlin", "Europe/Berlin"), (":UTC", "UTC"), ("", None), ("no such zone", None)]
)
def test_the_zone_is_that_of_tz(name, key, monkeypatch):
    monkeypatch.setenv("TZ", name)
    assert getattr(local_zone(), "key", None) == key


def test_the_clock_can_be_fixed(context, monkeypatch):
    assert context.clock.now == 5.0
    monkeypatch.delenv("TZ", raising=False)
    assert abs(WorkerClock(None, local_zone()).now - time.time()) < 5
