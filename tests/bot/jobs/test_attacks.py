# ruff: noqa: ARG001 - every attack takes the same arguments
"""What somebody who can write to Redis may not get done: every attack is a test."""

import base64
import json
import time
from typing import Any

import pytest
import structlog

from bot.jobs.journal import Journal
from bot.jobs.names import AGAIN_SECONDS, bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import EVENT, CancelOrder, Ended, Late, Refused, SignedCancel
from bot.keys import BotKeys, HostKeys
from permissions.approval import Step, Terms, Threshold
from permissions.ticket import Approved, Effect, Ticket
from tests.bot.jobs.commands import Block, Echo, Touch
from tests.bot.jobs.conftest import NOTE, POLICY_SHA256

pytestmark = pytest.mark.store

SECRET = "swordfish-0123456789"


def put(store: Any, names: Any, job_id: str, ticket: str, effect: str = "read") -> None:
    """Adds an entry to the host's queue as an attacker would."""
    fields = {"job": job_id, "effect": effect, "attempt": 1, "ticket": ticket}
    store.xadd(names.stream("local", "normal"), fields)


async def refused(bot: Any, job_id: str) -> str:
    events = await bot.ends(job_id)
    assert [type(event) for event in events] == [Refused]
    return events[0].refusal


def _unsigned(ticket: Ticket, bot: Any) -> Ticket:
    return ticket.model_copy(update={"signature": ""})


def _unknown_key(ticket: Ticket, bot: Any) -> Ticket:
    return ticket.model_copy(update={"key_id": "0" * 16})


def _altered(ticket: Ticket, bot: Any) -> Ticket:
    return ticket.model_copy(update={"claims": ticket.claims.replace("U1", "U2")})


def _altered_seal(ticket: Ticket, bot: Any) -> Ticket:
    claims = json.loads(ticket.claims)
    claims["command"]["sealed"]["env"] = bot.keys.seal(
        bot.trust.host_key("local"), ["A=another value"]
    ).model_dump()
    return ticket.model_copy(update={"claims": json.dumps(claims, sort_keys=True, separators=(",", ":"))})


def _not_json(ticket: Ticket, bot: Any) -> Ticket:
    return ticket.model_copy(update={"claims": "{" * 5000})


def _record_signature(ticket: Ticket, bot: Any) -> Ticket:
    return ticket.model_copy(update={"signature": bot.keys.sign_record(ticket.claims.encode())})


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (_unsigned, "unsigned"),
        (_unknown_key, "unknown_key"),
        (_altered, "altered"),
        (_altered_seal, "altered"),
        (_not_json, "altered"),
        (_record_signature, "altered"),
    ],
)
async def test_a_ticket_that_was_tampered_with_runs_nothing(attack, reason, bot, new_worker, tmp_path):
    new_worker()
    file = tmp_path / "f"
    claims = await bot.claims(Touch(file=str(file)))
    sealed = {"env": bot.keys.seal(bot.trust.host_key("local"), ["A=first"])}
    claims = claims.model_copy(update={"command": claims.command.model_copy(update={"sealed": sealed})})
    job_id = await bot.send(claims, attack(bot.keys.sign(claims), bot))
    assert await refused(bot, job_id) == reason
    assert not file.exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host": "other"}, "other_host"),
        ({"issued_at": 9e9, "not_after": 9e9}, "not_yet"),
    ],
)
async def test_a_ticket_for_another_host_or_time_runs_nothing(
    changes, reason, bot, new_worker, tmp_path, store, names
):
    new_worker()
    file = tmp_path / "f"
    claims = await bot.claims(Touch(file=str(file)), **changes)
    put(store, names, claims.job_id, bot.keys.sign(claims).model_dump_json())
    assert await refused(bot, claims.job_id) == reason
    assert not file.exists()


async def test_a_ticket_that_is_too_late_runs_nothing_and_goes_back_to_be_decided_anew(
    bot, new_worker, tmp_path, store, names
):
    new_worker()
    file = tmp_path / "f"
    claims = await bot.claims(Touch(file=str(file)), not_after=1.0)
    ticket = bot.keys.sign(claims).model_dump_json()
    put(store, names, claims.job_id, ticket)
    [event] = await bot.ends(claims.job_id)
    assert isinstance(event, Late)
    assert event.ticket == ticket
    assert not file.exists()


async def test_a_seal_for_another_host_is_refused(bot, new_worker, tmp_path):
    new_worker()
    other = HostKeys.load_or_create(tmp_path / "other")
    claims = await bot.claims(Echo(words=("a",)))
    sealed = {"env": bot.keys.seal(other.public, ["A=b"])}
    claims = claims.model_copy(update={"command": claims.command.model_copy(update={"sealed": sealed})})
    assert await refused(bot, await bot.send(claims, bot.keys.sign(claims))) == "malformed"


async def test_a_ticket_under_another_jobs_id_is_refused(bot, new_worker, store, names):
    new_worker()
    ticket = bot.keys.sign(await bot.claims(Echo(words=("a",))))
    put(store, names, "J-999", ticket.model_dump_json())
    assert await refused(bot, "J-999") == "altered"


async def test_a_change_runs_once_whatever_is_replayed_and_whoever_restarts(
    bot, new_worker, tmp_path, store, names
):
    file = tmp_path / "f"
    worker = new_worker()
    claims = await bot.claims(Touch(file=str(file)))
    ticket = bot.keys.sign(claims)
    job_id = await bot.send(claims, ticket)
    await bot.ended(job_id)
    # A replay while its end is remembered is dropped.
    put(store, names, job_id, ticket.model_dump_json())
    await bot.ended(await bot.order(Echo(words=("a",))))
    worker.stop()
    new_worker()
    # And once the store has forgotten everything, the journal on the worker's disk has not.
    bot.events.clear()
    store.flushall()
    put(store, names, job_id, ticket.model_dump_json(), effect=Effect.READ)
    assert await refused(bot, job_id) == "nonce_used"
    assert file.read_text() == f"{job_id}\n"


async def test_what_people_may_decide_twice_runs_once_for_as_long_as_they_may(
    bot, new_worker, tmp_path, settings
):
    """Whoever brings an open approval back has people agree once more, to what has the number of before."""
    worker = new_worker()
    terms = Terms(any=(Threshold(steps=(Step(users=("U2",)),)),), expires=7 * 86_400.0)
    agreed = Approved(policy=POLICY_SHA256, terms=terms, bound=(), by=("U2",))
    claims = await bot.claims(Touch(file=str(tmp_path / "f")), approved=agreed)
    job_id = await bot.send(claims, bot.keys.sign(claims))
    await bot.ended(job_id)
    worker.stop()
    later = time.time() + terms.expires + AGAIN_SECONDS
    journal = Journal(settings.data_dir / "worker" / "local" / "nonces" / "journal", clock=lambda: later)
    assert not journal.consume(claims.nonce, later)
    journal.close()


async def test_a_replay_of_a_running_read_starts_no_second_run(bot, new_worker, store, names):
    new_worker()
    claims = await bot.claims(Block(), deadline=0.4)
    ticket = bot.keys.sign(claims)
    await bot.send(claims, ticket)
    await bot.began(claims.job_id)
    put(store, names, claims.job_id, ticket.model_dump_json())
    await bot.ended(await bot.order(Echo(words=("a",))))
    await bot.ended(claims.job_id)
    await bot.ended(await bot.order(Echo(words=("b",))))
    assert len([event for event in bot.events if event.job_id == claims.job_id]) == 2  # began, ended


async def test_a_forged_cancel_is_not_obeyed(bot, new_worker, tmp_path, store, names):
    new_worker()
    job_id = await bot.order(Block())
    await bot.began(job_id)
    order = json.dumps({"job_id": job_id, "host": "local", "reason": "cancelled", "at": time.time()})
    ours = BotKeys.load_or_create(tmp_path / "attacker")
    signed = SignedCancel(order=order, signature="", key_id="").model_dump()
    theirs = ours.sign_cancel(CancelOrder.model_validate_json(order))
    key_id, signature = theirs.key_id, theirs.signature
    forgeries = [
        b"not json",
        json.dumps(signed).encode(),
        json.dumps({**signed, "key_id": key_id, "signature": signature}).encode(),
        json.dumps({**signed, "key_id": bot.keys.key_id, "signature": signature}).encode(),
    ]
    with structlog.testing.capture_logs() as logs:
        for forgery in forgeries:
            store.publish(names.control("local"), forgery)
            store.set(f"{names.prefix}cancel:{job_id}", forgery)
            await bot.ended(await bot.order(Echo(words=("a",))))
        # A real order for another job does not serve either.
        await bot.queue.cancel(await bot.order(Echo(words=("a",))), "local")
    assert not bot.heard(job_id)
    assert {entry.get("refusal") for entry in logs} >= {"unsigned", "unknown_key", "altered"}
    assert await bot.queue.cancel(job_id, "local") == "told"
    await bot.ended(job_id)


async def test_an_old_cancel_does_not_end_a_new_job(bot, new_worker, store, names):
    new_worker()
    job_id = await bot.order(Block(), deadline=0.6)
    await bot.began(job_id)
    old = CancelOrder(job_id=job_id, host="local", at=time.time() - 3600)
    store.publish(names.control("local"), bot.keys.sign_cancel(old).model_dump_json())
    assert (await bot.ended(job_id)).result.reason == "timed_out"


@pytest.mark.parametrize(
    "fields",
    [
        {"nothing": "here"},
        {"job": "J-1"},
        {"job": "J-1\n", "ticket": "{}"},
        {"job": "../../etc/passwd", "ticket": "{}"},
        {"job": "J-1", "ticket": "{}" * 9000, "effect": "x"},
        {f"f{number}": "v" for number in range(9000)},
        {"job": b"\xff\xfe", "ticket": b"\xff"},
    ],
    ids=[
        "no job",
        "no ticket",
        "id with line end",
        "path as id",
        "no effect known",
        "many fields",
        "no text",
    ],
)
async def test_malformed_jobs_do_not_stop_the_queue(fields, bot, new_worker, store, names):
    new_worker()
    store.xadd(names.stream("local", "normal"), fields)
    await bot.queue.next_job_id()
    job_id = await bot.order(Echo(words=("alive",)))
    assert (await bot.ended(job_id)).result.stdout.text == "alive\n"


async def test_malformed_events_are_set_aside_and_counted(bot, store, names):
    good = Ended.model_validate(
        {"job_id": "J-7", "worker": "w", "result": {"exit_code": 0, "began_at": 1, "ended_at": 2}}
    )
    for raw in (b"{", b"", b'{"kind":"ended"}', b"\xff\xfe", b'{"kind":"boom","job_id":"J-1"}'):
        store.xadd(names.events, {"event": raw})
    store.xadd(names.events, {"other": "field"})
    store.xadd(names.events, {"event": EVENT.dump_json(good)})
    assert await bot.ended("J-7") == good
    assert bot.queue.malformed == 6
    assert store.xlen(names.malformed) == 6


async def test_an_altered_request_record_names_no_channel(bot, store, names, store_url, settings):
    claims, other = await bot.claims(Echo(words=("a",))), await bot.claims(Echo(words=("b",)))
    record = bot.record(claims)
    for one in (claims, other):
        await bot.queue.accept(bot.record(one), bot.keys.sign(one), NOTE)
    key = names.request(claims.job_id)
    # The bot that accepted it has it at hand; another one, or the same after a restart, reads it.
    async with bot_client(store_url) as client:
        another = BotQueue(client, settings.namespace, bot.keys)
        assert await another.request(claims.job_id) == record
        text = store.hget(key, "record")
        store.hset(key, "record", text.replace(b'"C1"', b'"C2"'))
        assert await another.request(claims.job_id) is None
        # The signed record of another job under this job's key is none either.
        store.copy(names.request(other.job_id), key, replace=True)
        assert await another.request(claims.job_id) is None
        store.delete(key)
        store.set(key, "a text")
        assert await another.request(claims.job_id) is None
    assert await bot.queue.request(claims.job_id) == record


async def test_secret_options_are_found_nowhere(bot, new_worker, store, tmp_path):
    with structlog.testing.capture_logs() as logs:
        waiting = await bot.order(Echo(words=("waiting",), env=(f"TOKEN={SECRET}",)))
        found = everything(store)
        new_worker()
        await bot.ended(waiting)
        login = bot.keys.seal(bot.trust.host_key("local"), {"username": "ada", "password": SECRET})
        running = await bot.order(Block(), deadline=0.3, logins={"docker.io": login})
        await bot.began(running)
        found += everything(store)
        await bot.ended(running)
    found += everything(store)
    on_disk = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert b"waiting" in b"".join(on_disk)
    assert len(found) > 10
    needles = [SECRET.encode(), *(base64.b64encode(b"x" * pad + SECRET.encode())[4:-4] for pad in range(3))]
    for needle in needles:
        assert not any(needle in text for text in (*found, *on_disk))
        assert needle.decode() not in repr(logs)
        assert needle.decode() not in repr(bot.events)


def everything(store: Any) -> list[bytes]:
    """Every key and value of the store, of every type."""
    found = []
    for key in store.scan_iter():
        kind = store.type(key).decode()
        read = {
            "string": store.get,
            "hash": store.hgetall,
            "list": lambda key: store.lrange(key, 0, -1),
            "set": store.smembers,
            "zset": lambda key: store.zrange(key, 0, -1),
            "stream": store.xrange,
        }[kind]
        found.append(key + repr(read(key)).encode())
    return found
