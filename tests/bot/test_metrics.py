"""What Prometheus reads is true, says nothing of people or objects, and is not for everybody."""

import asyncio
import contextlib
import re
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot import metrics
from bot.hosts import Host, Hosts
from bot.jobs.queue import StoreDown
from bot.jobs.wire import Ended, Refused, Result
from bot.probes import BotProbes
from bot.reply import Accepted, Help, Refusal
from bot.request import Origin, Request
from bot.slack.client import SlackTrouble, call


def request(origin=Origin.SLASH):
    return Request(
        origin=origin,
        delivery_id="d",
        team_id="T1",
        user_id="U0PERSON",
        user_name="ana-person",
        channel_id="C0PLACE",
        text="run -e PASSWORD=hunter2 web-object",
        received_at=0.0,
    )


def value(name, **labels):
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


REPLIES = {
    "accepted": Accepted(job_id="J-1"),
    "duplicate": Accepted(job_id="J-1", duplicate=True),
    "denied": Refusal(reason="denied", message="no"),
    "other": Refusal(reason="made up", message="no"),
    "help": Help(text="x"),
}


@pytest.mark.parametrize(("what", "reply"), REPLIES.items())
def test_counts_replies(what, reply):
    before = value("docktalk_replies_total", origin="slash", reply=what)
    metrics.replied(request(), reply)
    assert value("docktalk_replies_total", origin="slash", reply=what) == before + 1


def ended(reason="", exit_code=0):
    result = Result(exit_code=exit_code, reason=reason, began_at=10.0, ended_at=12.5)
    return Ended(job_id="J-1", worker="w", result=result)


ENDS = {
    "done": ended(),
    "failed": ended(exit_code=3),
    "not_found": ended("not_found", 1),
    "cancelled": ended("cancelled", 130),
    "outcome_unknown": ended("outcome_unknown", 1),
    "other": ended("invented by somebody", 1),
    "ticket_refused": Refused(job_id="J-1", worker="w", refusal="altered", at=0.0),
}


@pytest.mark.parametrize(("outcome", "event"), ENDS.items())
def test_counts_jobs_by_outcome(outcome, event):
    before = value("docktalk_jobs_total", outcome=outcome)
    metrics.happened(event)
    assert value("docktalk_jobs_total", outcome=outcome) == before + 1


def test_measures_how_long_jobs_ran():
    before = value("docktalk_job_seconds_sum", outcome="done")
    metrics.happened(ended())
    assert value("docktalk_job_seconds_sum", outcome="done") == pytest.approx(before + 2.5)


def test_says_nothing_of_people_or_objects():
    metrics.replied(request(), Accepted(job_id="J-4711"))
    for secret in (b"person", b"PERSON", b"PLACE", b"object", b"hunter2", b"J-4711"):
        assert secret not in metrics.text()


class Store:
    """A queue, its listing and an outbox that answer."""

    since = 0.0

    async def answers(self):
        return True

    async def alive(self, _host):
        return True

    async def depth(self, _host):
        return 3, 2, self.since

    async def waiting(self, _now):
        return ["C1", "C2"]


def probes(token="", *, open_metrics=True, connected=True):
    async def is_connected():
        return connected

    store = Store()
    hosts = Hosts(default="prod-1", known=(Host(name="prod-1"),))
    return BotProbes(store, store, store, hosts, is_connected, token, open_metrics)


async def test_tells_the_depth_of_the_queues_and_of_the_outbox():
    text = (await probes().metrics("")).decode()
    assert 'docktalk_queue_jobs{host="prod-1",state="running"} 3.0' in text
    assert 'docktalk_queue_jobs{host="prod-1",state="waiting"} 2.0' in text
    assert "docktalk_outbox_channels 2.0" in text
    assert 'docktalk_worker_alive{host="prod-1"} 1.0' in text


@pytest.mark.parametrize(
    ("token", "open_metrics", "given", "told"),
    [
        ("", True, "", True),
        ("", False, "", False),
        ("", False, "Bearer ", False),
        ("s3cret", True, "", False),
        ("s3cret", False, "Bearer s3cret", True),
        ("s3cret", False, "Bearer s3cre", False),
        ("s3cret", False, "s3cret", False),
        ("s3cret", True, "Bearer é", False),
    ],
)
async def test_metrics_are_for_who_may(token, open_metrics, given, told):
    assert (await probes(token, open_metrics=open_metrics).metrics(given) is not None) is told


async def test_a_process_one_of_whose_tasks_ended_is_neither_healthy_nor_ready():
    asked = probes()
    assert asked.healthy()
    assert await asked.ready()
    over = asyncio.get_running_loop().create_future()
    asked.tasks.append(over)
    assert asked.healthy()
    over.set_result(None)
    assert not asked.healthy()
    assert not await asked.ready()


async def test_a_process_that_slack_cannot_reach_is_not_ready():
    assert not await probes(connected=False).ready()


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("healthy", "ready", "answers"),
    [(True, True, (200, 200)), (True, False, (200, 503)), (False, True, (503, 503))],
)
def test_a_worker_answers_on_its_own_port(healthy, ready, answers):
    server = metrics.serve("127.0.0.1", 0, lambda: ready, lambda: healthy)
    with contextlib.closing(server.socket):
        port = server.server_address[1]
        assert (get(port, "/healthz")[0], get(port, "/readyz")[0]) == answers
        assert b"docktalk_jobs_total" in get(port, "/metrics")[1]
        assert get(port, "/")[0] == 404
        server.shutdown()


async def test_tells_how_long_the_first_has_waited():
    asked = probes()
    asked.listing.since = time.time() - 90
    text = (await asked.metrics("")).decode()
    [age] = re.findall(r'docktalk_queue_oldest_seconds{host="prod-1"} ([0-9.]+)', text)
    assert 90 <= float(age) < 150


async def test_what_a_store_that_is_down_would_tell_is_not_guessed():
    asked = probes()
    await asked.metrics("")

    async def down(_):
        raise StoreDown(unsure=False)

    asked.listing.depth = down
    text = (await asked.metrics("")).decode()
    assert "docktalk_queue_jobs{" not in text
    assert "docktalk_outbox_channels NaN" in text
    assert "docktalk_jobs_total" in text


async def test_a_process_whose_store_is_down_is_not_ready():
    asked = probes()

    async def silent():
        return False

    asked.queue.answers = silent
    assert asked.healthy()
    assert not await asked.ready()


async def test_calls_that_slack_does_not_take_are_counted_by_kind():
    async def refused():
        raise SlackApiError("no", SimpleNamespace(status_code=200, data={"error": "channel_not_found"}))

    async def lost():
        raise aiohttp.ClientConnectionError

    before = [value("docktalk_slack_errors_total", kind=kind) for kind in ("unwritable", "shaken")]
    calls = value("docktalk_slack_calls_total")
    for call_of in (refused, lost):
        with pytest.raises(SlackTrouble):
            await call(call_of())
    after = [value("docktalk_slack_errors_total", kind=kind) for kind in ("unwritable", "shaken")]
    assert after == [count + 1 for count in before]
    assert value("docktalk_slack_calls_total") == calls + 2
