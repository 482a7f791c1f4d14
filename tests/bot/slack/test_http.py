"""Only what Slack signed, and just now, is heard."""

import time

import aiohttp
import pytest

from bot.standin.delivery import sign

pytestmark = pytest.mark.store


async def delivered(served):
    """A genuine command, as it was sent."""
    await served.standin.slash("U01ALICE", "C01OPS", "ps")
    served.pipeline.asked.clear()
    return served.standin.deliveries[-1]


async def test_a_tampered_body_is_refused(served):
    genuine = await delivered(served)
    ack = await served.standin.raw_post(
        genuine.url, genuine.headers, genuine.body.replace(b"U01ALICE", b"U02BOB")
    )
    assert ack.status == 401
    assert served.pipeline.asked == []


async def test_a_forged_signature_is_refused(served):
    genuine = await delivered(served)
    timestamp = genuine.headers["X-Slack-Request-Timestamp"]
    forged = genuine.headers | {"X-Slack-Signature": sign("another secret", timestamp, genuine.body)}
    assert (await served.standin.raw_post(genuine.url, forged, genuine.body)).status == 401
    assert served.pipeline.asked == []


async def test_no_signature_is_refused(served):
    genuine = await delivered(served)
    bare = {"Content-Type": genuine.headers["Content-Type"]}
    assert (await served.standin.raw_post(genuine.url, bare, genuine.body)).status == 401
    assert served.pipeline.asked == []


@pytest.mark.parametrize(("age", "status"), [(290, 200), (310, 401), (-310, 401)])
async def test_a_stale_timestamp_is_refused_after_five_minutes(served, age, status):
    genuine = await delivered(served)
    timestamp = str(int(time.time()) - age)
    signed = genuine.headers | {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(served.standin.signing_secret, timestamp, genuine.body),
    }
    assert (await served.standin.raw_post(genuine.url, signed, genuine.body)).status == status
    assert len(served.pipeline.asked) == (status == 200)


async def test_slacks_own_check_of_the_certificate_is_answered_and_not_run(served):
    genuine = await delivered(served)
    body = genuine.body + b"&ssl_check=1"
    timestamp = str(int(time.time()))
    signed = genuine.headers | {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(served.standin.signing_secret, timestamp, body),
    }
    assert (await served.standin.raw_post(genuine.url, signed, body)).status == 200
    assert served.pipeline.asked == []


@pytest.mark.parametrize("path", ["/", "/slack/install", "/slack/oauth_redirect", "/slack/events/x"])
async def test_there_is_no_other_door(served, path):
    async with aiohttp.ClientSession() as session, session.post(served.url + path) as answer:
        assert answer.status == 404


async def test_says_whether_it_lives_and_whether_it_is_ready(served):
    url = served.url
    async with aiohttp.ClientSession() as session:
        for path, status in (("/healthz", 200), ("/readyz", 200)):
            async with session.get(url + path) as answer:
                assert answer.status == status
        served.url = "down"
        async with session.get(url + "/readyz") as answer:
            assert answer.status == 503
        async with session.get(url + "/healthz") as answer:
            assert answer.status == 200


async def test_metrics_are_told_to_who_may_alone(served):
    async with aiohttp.ClientSession() as session:
        for given, status in (("Bearer right", 200), ("Bearer wrong", 404), ("", 404)):
            async with session.get(f"{served.url}/metrics", headers={"Authorization": given}) as answer:
                assert answer.status == status
