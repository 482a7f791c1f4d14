"""The users file of the deployment, in a real redis-server with the deployment's own configuration."""

import contextlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from bot.jobs.host_queue import Free, HostQueue
from bot.jobs.names import Names, script
from bot.jobs.queue import BotQueue
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Progress, Refused
from bot.keys import BotKeys
from bot.store.audit import AuditIntake
from bot.store.held_jobs import HeldJob, HeldStore
from bot.store.in_force import InForce, Standing
from bot.store.thread_targets import ThreadTarget, ThreadTargets
from permissions.audit import InForceChanged
from tests.services.store import Store

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SCRIPTS = Path(__file__).resolve().parents[2] / "bot" / "store"
Connect = Callable[[str], redis.Redis]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied = tmp_path_factory.mktemp("prepared") / "deploy"
    shutil.copytree(DEPLOY, copied, ignore=shutil.ignore_patterns("secrets", ".env"))
    subprocess.run([copied / "prepare"], check=True, capture_output=True)
    return copied


@pytest.fixture(scope="module")
def connect(prepared: Path, start_store: Callable[..., Store]) -> Iterator[Connect]:
    config = [str(prepared / "redis/redis.conf"), "--aclfile", str(prepared / "secrets/users.acl")]
    store = start_store("redis", config)
    with contextlib.ExitStack() as stack:

        def as_user(name: str) -> redis.Redis:
            url = (prepared / f"secrets/{name}.env").read_text()
            password = re.search(r"redis://[a-z]+:([0-9a-f]{48})@", url)
            assert password is not None
            client = redis.Redis.from_url(store.url, username=name, password=password[1])
            return stack.enter_context(contextlib.closing(client))

        yield as_user


@pytest.fixture
async def bot(connect: Connect) -> AsyncIterator[AsyncRedis]:
    made = connect("bot").connection_pool.connection_kwargs
    who = {key: made[key] for key in ("username", "password")}
    async with contextlib.aclosing(AsyncRedis(unix_socket_path=made["path"], protocol=2, **who)) as client:
        yield client


@pytest.fixture
def keys(tmp_path: Path) -> BotKeys:
    return BotKeys.load_or_create(tmp_path / "keys")


@pytest.mark.parametrize("user", ["bot", "worker"])
@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "FLUSHDB",
        "KEYS *",
        "SCAN 0",
        "RANDOMKEY",
        "CONFIG GET *",
        "CONFIG SET dir /tmp",
        "ACL LIST",
        "ACL SETUSER bot nopass",
        "CLIENT KILL TYPE normal",
        "CLIENT LIST",
        "MONITOR",
        "SHUTDOWN NOSAVE",
        "SCRIPT FLUSH",
        "FUNCTION LOAD x",
        "MODULE LIST",
        "REPLICAOF NO ONE",
        "GET {other}:key",
        "SET docktalk:key 1",
        "SWAPDB 0 1",
        "SORT {docktalk}:events",
    ],
)
def test_a_user_may_not(connect: Connect, user: str, command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect(user).execute_command(*command.split())


def test_without_a_password_there_is_a_ping_and_nothing_else(connect: Connect) -> None:
    socket = connect("bot").connection_pool.connection_kwargs["path"]
    with contextlib.closing(redis.Redis(unix_socket_path=socket)) as nobody:
        assert nobody.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            nobody.get("{docktalk}:events")


BOTS_OWN = [
    "approval:1",
    "approval-token:1",
    "audit",
    "delivery:1",
    "held:local",
    "in-force:lock",
    "in-force:grant:numbers",
    "outbox:C1",
    "request:J-1",
    "thread-target:C1:1.5",
]


@pytest.mark.parametrize("key", BOTS_OWN)
@pytest.mark.parametrize("command", ["SET", "GET"])
def test_the_bots_own_records_are_out_of_a_workers_reach(connect: Connect, key: str, command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect("worker").execute_command(command, f"{{docktalk}}:{key}", *["forged"] * (command == "SET"))


def test_a_worker_reads_policies_and_writes_none(connect: Connect) -> None:
    connect("bot").set("{docktalk}:policy:in-force", "signed")
    assert connect("worker").get("{docktalk}:policy:in-force") == b"signed"
    for command in ("SET", "APPEND"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            connect("worker").execute_command(command, "{docktalk}:policy:in-force", "forged")


def test_a_worker_orders_no_cancel_on_the_bots_channel(connect: Connect) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect("worker").publish("{docktalk}:control:local", "forged")


def test_a_script_cannot_do_what_its_caller_may_not(connect: Connect) -> None:
    with pytest.raises(redis.exceptions.ResponseError, match="access"):
        connect("worker").eval("return redis.call('SET', '{docktalk}:audit', 'forged')", 0)
    assert connect("bot").type("{docktalk}:audit") != b"string"


def test_bot_and_worker_can_do_their_work(connect: Connect, tmp_path: Path) -> None:
    bot, names = connect("bot"), Names("docktalk")
    queue = HostQueue(connect("worker"), "docktalk", "local", "worker-1", 6.0, UnsentFolder(tmp_path))
    accept = bot.register_script(script("accept"))

    def add(job: str) -> None:
        stream = names.stream("local", "normal")
        keys = [names.delivery(job), names.request(job), stream, names.audit, names.prefix]
        stored = [job, 60, 60, "record", "signature", "a ticket", "change"]
        rest = ["audit entry", "its mac", 10, 10_000, "normal", "U1", 0, "the same", 0]
        assert accept(keys, [*stored, *rest])[0] == job.encode()

    add("J-1")
    free = Free(quick=1, bulk=1, follow=1, share=1, follow_share=1)
    [claimed] = queue.claim(free, 0)
    assert (claimed.job_id, claimed.ticket) == ("J-1", "a ticket")
    assert queue.renew({"J-1": claimed.token}) == ([], [])
    assert queue.orphans() == []
    queue.hand_back("J-1", claimed.token)
    [again] = queue.claim(free, 0)
    assert queue.lock("J-1", again.token, ("container web",), 0)
    queue.finish("J-1", again.token, Refused(job_id="J-1", worker="worker-1", refusal="stale", at=0.0))
    assert queue.send_unsent()
    worker = connect("worker")
    queue.tell([Progress(job_id="J-2", tail="a line", began_at=0.0, at=0.0)])
    assert b"a line" in (bot.get(names.live("J-2")) or b"")
    worker.hset(names.inventory("local", "container"), "id", "seen")
    worker.set(names.inventory_at("local"), "1", ex=9)
    assert bot.hvals(names.inventory("local", "container")) == [b"seen"]
    assert bot.xlen(names.events) > 0
    assert not bot.exists(names.claims("local"))
    assert bot.publish(names.control("local"), "nobody listens yet") == 0
    stopped = threading.Event()
    stopped.set()
    assert list(queue.cancels(stopped)) == []


async def test_the_bot_keeps_what_is_in_force_and_what_its_threads_are_about(
    bot: AsyncRedis, keys: BotKeys
) -> None:
    audit = AuditIntake(bot, "docktalk", keys, time.time)
    locks = InForce(bot, "docktalk", keys, audit, Standing, kind="lock", letter="K")
    lock = Standing(id=await locks.next_id())
    told = InForceChanged(what="lock", id=lock.id, change="locked", about="local")
    assert await locks.begin(lock, told)
    assert await locks.change(lock, told)
    [changed], changes = await locks.as_of()
    assert (changed.revision, changes) == (1, 2)
    assert await locks.end(changed, told)

    targets = ThreadTargets(bot, "docktalk", keys, time.time)
    here = {"channel_id": "C1", "thread_ts": "1.5", "host": "local", "user_id": "U1", "user_name": "ana"}
    await targets.set(ThreadTarget.model_validate({**here, "used_at": time.time()}))
    assert await targets.of("C1", "1.5", used=True)
    assert await targets.clear("C1", "1.5")


async def test_the_bot_holds_jobs_queues_them_again_and_takes_them_back(
    bot: AsyncRedis, keys: BotKeys
) -> None:
    names, held, queue = Names("docktalk"), HeldStore(bot, "docktalk", keys), BotQueue(bot, "docktalk", keys)
    for job in ("J-91", "J-92"):
        assert await held.keep(HeldJob(job_id=job, host="idle", ticket="{}", lock="K-3"))
    where = [names.prefix, names.request("J-91")]
    again = bot.register_script(script("again"))
    assert await again(where, ["idle", "J-91", "change", "{}", "U1", "9000000000"]) == b"ok"
    assert [one.job_id for one in await held.on("idle")] == ["J-92"]
    assert await queue.cancel("J-92", "idle") == "removed"
    assert await held.on("idle") == []
    assert await queue.expire("idle") == 0


async def test_the_bot_keeps_approvals_by_its_scripts(bot: AsyncRedis) -> None:
    keep, settle = (
        bot.register_script((SCRIPTS / f"{name}.lua").read_text("utf-8"))
        for name in ("approval", "approval_settled")
    )
    kept, due, audit, token, delivery = (
        f"{{docktalk}}:{key}"
        for key in ("approval:J-5", "approvals-due", "audit", "approval-token:t", "delivery:d5")
    )
    new = ["J-5", "", "a blob", 60, 1, "an entry", "its mac", 10_000, 60]
    assert await keep([kept, due, audit, token, delivery], new) == [b"J-5", 0]
    assert await settle([kept, due], ["J-5", 0, ""]) == 1
    assert await bot.zscore(due, "J-5") is None


def test_what_was_written_is_on_disk_and_a_full_store_refuses(prepared: Path) -> None:
    lines = (prepared / "redis/redis.conf").read_text().splitlines()
    assert {"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} <= set(lines)


def test_preparing_again_keeps_passwords_and_edits(prepared: Path) -> None:
    env = prepared / "secrets/bot.env"
    env.write_text(env.read_text().replace("BOT_TOKEN=", "BOT_TOKEN=xoxb-mine"))
    before = {path: path.read_text() for path in (prepared / "secrets").iterdir()}
    subprocess.run([prepared / "prepare"], check=True, capture_output=True)
    assert {path: path.read_text() for path in (prepared / "secrets").iterdir()} == before
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in before} == {
        "bot.env": "0o600",
        "worker.env": "0o600",
        "users.acl": "0o644",
    }
