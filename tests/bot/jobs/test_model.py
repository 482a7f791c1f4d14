"""A model of claim, lease, lock and orphan beside the scripts on a real server: they always agree."""

import contextlib
import json
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.jobs.host_queue import Free, HostQueue, Orphan
from bot.jobs.names import Names, script, worker_client
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Ended, Result

pytestmark = pytest.mark.store

HOST = "local"
TARGETS = [("a",), ("b",), ("a", "b"), ("b", "c"), ()]
"""What changes have in hand; () is the whole host."""
SHARE = 3
LONG = 10**7


class Job:
    def __init__(self, user: str, effect: str, targets: tuple[str, ...]) -> None:
        self.user, self.effect, self.targets = user, effect, targets
        self.state = "waiting"  # waiting, ready, parked by share or lock, claimed, done
        self.token = ""
        self.attempt = 1
        self.number: int | None = None  # the moment from which it stands in line
        self.began = 0
        self.in_hand = False


class Agreement(RuleBasedStateMachine):
    """``store`` and ``folder`` are set by the test."""

    store: Any
    folder: Any

    def __init__(self) -> None:
        super().__init__()
        self.client = worker_client(self.store.url)
        self.client.flushall()
        self.names = Names("docktalk")
        self.accept_script = self.client.register_script(script("accept"))
        self.queues = {
            name: HostQueue(self.client, "docktalk", HOST, name, LONG, UnsentFolder(self.folder / name))
            for name in ("w1", "w2")
        }
        self.jobs: dict[str, Job] = {}
        self.lines = 0
        self.lapsed: set[str] = set()
        self.shares: dict[str, list[str]] = {}
        self.ready: list[str] = []

    def teardown(self) -> None:
        self.client.close()

    # What people do.

    @rule(user=st.sampled_from("xy"), effect=st.sampled_from(["read", "change"]), on=st.sampled_from(TARGETS))
    def ask(self, user: str, effect: str, on: tuple[str, ...]) -> None:
        job_id = f"J-{len(self.jobs) + 1}"
        names = self.names
        stream = names.stream(HOST, "normal")
        keys = [names.delivery(job_id), names.request(job_id), stream, names.audit, names.prefix]
        args = [job_id, 60, 60, "record", "mac", "ticket", effect, "{}", "", 10**6, 10**9]
        assert self.accept_script(keys, [*args, "normal", user, 10**12, "", 0]) == [job_id.encode(), 0]
        self.jobs[job_id] = Job(user, effect, on)

    # What workers do.

    @rule(worker=st.sampled_from(["w1", "w2"]), slots=st.integers(1, 4))
    def claim(self, worker: str, slots: int) -> None:
        free = Free(quick=slots, bulk=slots, follow=slots, share=SHARE, follow_share=SHARE)
        taken = self.queues[worker].claim(free, 0)
        assert [one.job_id for one in taken] == self._to_be_taken(slots)
        for one in taken:
            job = self.jobs[one.job_id]
            assert one.attempt == job.attempt
            job.state, job.token = "claimed", one.token
            job.began += job.effect == "read"

    def _to_be_taken(self, slots: int) -> list[str]:
        taken = self.ready[:slots]
        del self.ready[:slots]
        work = {
            user: sum(j.state == "claimed" and j.user == user for j in self.jobs.values()) for user in "xy"
        }
        for job_id in taken:
            work[self.jobs[job_id].user] += 1
        for job_id, job in self.jobs.items():
            if len(taken) == slots:
                break
            if job.state != "waiting":
                continue
            if work[job.user] >= SHARE:
                job.state = "parked by share"
                self.shares.setdefault(job.user, []).append(job_id)
            else:
                taken.append(job_id)
                work[job.user] += 1
        return taken

    def _claimed(self, effect: str | None = None, *, begun: bool | None = None) -> list[str]:
        return [
            job_id
            for job_id, job in self.jobs.items()
            if job.state == "claimed"
            and effect in {None, job.effect}
            and (begun is None or begun == (job.number is not None))
        ]

    @precondition(lambda self: self._claimed("change"))
    @rule(data=st.data(), worker=st.sampled_from(["w1", "w2"]))
    def lock(self, data: Any, worker: str) -> None:
        job_id = data.draw(st.sampled_from(self._claimed("change")))
        job = self.jobs[job_id]
        if job.number is None:
            self.lines += 1
            job.number = self.lines
        free = self._may_go(job)
        assert self.queues[worker].lock(job_id, job.token, job.targets, 0) == free
        if free:
            job.began += not job.in_hand
            job.in_hand = True
        else:
            job.state, job.token = "parked by lock", ""
            self.lapsed.discard(job_id)
            self._share_goes_on(job.user)

    def _may_go(self, job: Job) -> bool:
        before = [
            other
            for other in self.jobs.values()
            if other.number is not None and job.number is not None and other.number < job.number
        ]
        return not any(
            not other.targets or not job.targets or set(other.targets) & set(job.targets) for other in before
        )

    def _share_goes_on(self, user: str) -> None:
        line = self.shares.get(user, [])
        if line:
            job_id = line.pop(0)
            self.jobs[job_id].state = "ready"
            self.ready.append(job_id)

    def _over(self, job_id: str, *, was_claimed: bool) -> None:
        """It gives its place to the asker's next, then its locks to whoever may go now."""
        job = self.jobs[job_id]
        job.state, job.number, job.token = "done", None, ""
        self.lapsed.discard(job_id)
        if was_claimed:
            self._share_goes_on(job.user)

    def _wake(self) -> None:
        free = {
            job_id: job
            for job_id, job in self.jobs.items()
            if job.state == "parked by lock" and self._may_go(job)
        }
        for job_id, job in free.items():
            job.state = "ready"
            self.ready.append(job_id)

    @precondition(lambda self: self._claimed())
    @rule(data=st.data(), honest=st.booleans())
    def finish(self, data: Any, honest: bool) -> None:
        job_id = data.draw(st.sampled_from(self._claimed()))
        token = self.jobs[job_id].token if honest else "w9/J-1/1/1"
        self.queues["w1"].finish(job_id, token, _ended(job_id))
        if honest:
            self._over(job_id, was_claimed=True)
            self._check_order()

    @precondition(lambda self: self._claimed(begun=False))
    @rule(data=st.data())
    def hand_back(self, data: Any) -> None:
        job_id = data.draw(st.sampled_from(self._claimed(begun=False)))
        job = self.jobs[job_id]
        self.queues["w1"].hand_back(job_id, job.token)
        job.token = ""
        self.lapsed.discard(job_id)
        self._share_goes_on(job.user)
        job.state = "ready"
        self.ready.append(job_id)

    @precondition(lambda self: self._claimed())
    @rule(data=st.data())
    def die(self, data: Any) -> None:
        """The lease of one lapses."""
        job_id = data.draw(st.sampled_from(self._claimed()))
        self.client.zadd(self.names.claims(HOST), {job_id: 1})
        self.lapsed.add(job_id)

    @precondition(lambda self: self.lapsed)
    @rule(data=st.data())
    def come_back(self, data: Any) -> None:
        """It only slept, and renews."""
        job_id = data.draw(st.sampled_from(sorted(self.lapsed)))
        assert self.queues["w2"].renew({job_id: self.jobs[job_id].token}) == ([], [])
        self.lapsed.discard(job_id)

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def settle(self, worker: str) -> None:
        queue = self.queues[worker]
        orphans = {orphan.job_id: orphan for orphan in queue.orphans()}
        assert set(orphans) == self.lapsed
        for job_id, orphan in orphans.items():
            job = self.jobs[job_id]
            assert (orphan.effect, orphan.attempt, orphan.ticket) == (job.effect, job.attempt, "ticket")
            if job.effect == "read":
                assert queue.run_again(orphan) == "ok"
                assert queue.run_again(orphan) == "lost"
                job.attempt += 1
                job.token = ""
                self.lapsed.discard(job_id)
                self._share_goes_on(job.user)
                job.state = "ready"
                self.ready.append(job_id)
            else:
                assert queue.settle(orphan, _ended(job_id)) == "ok"
                self._over(job_id, was_claimed=True)
                self._check_order()

    @precondition(lambda self: self._claimed())
    @rule(data=st.data())
    def settle_what_lives(self, data: Any) -> None:
        alive = [job_id for job_id in self._claimed() if job_id not in self.lapsed]
        if not alive:
            return
        job_id = data.draw(st.sampled_from(alive))
        orphan = self._as_orphan(job_id)
        assert self.queues["w1"].settle(orphan, _ended(job_id)) == "alive"
        assert self.queues["w1"].run_again(orphan) == "alive"

    def _as_orphan(self, job_id: str) -> Any:
        job = self.jobs[job_id]
        return Orphan(job_id, job.token, job.effect, job.attempt, 0.0, "ticket")

    def _check_order(self) -> None:
        """The store woke the same ones; among several, its order is the one that counts."""
        woken = {
            job_id: job
            for job_id, job in self.jobs.items()
            if job.state == "parked by lock" and self._may_go(job)
        }
        told = [fields[b"job"].decode() for _, fields in self.client.xrange(self.names.ready(HOST, "quick"))]
        assert sorted(told) == sorted([*self.ready, *woken])
        for job in woken.values():
            job.state = "ready"
        self.ready = told

    @invariant()
    def the_store_agrees(self) -> None:
        for job_id, job in self.jobs.items():
            held = self.client.hgetall(f"{self.names.prefix}claim:{job_id}")
            lease = self.client.zscore(self.names.claims(HOST), job_id)
            state = held.get(b"state", b"").decode()
            assert state == ("" if job.state in {"waiting", "done"} else job.state.split()[0])
            assert (lease is not None) == (job.state == "claimed")
            assert held.get(b"token", b"").decode() == job.token
            assert json.loads(held.get(b"targets", b"null")) == (
                None if job.number is None else list(job.targets)
            )
            assert (self.client.exists(f"{self.names.prefix}done:{job_id}") == 1) == (job.state == "done")

    @invariant()
    def no_object_is_in_two_hands_and_no_change_begins_twice(self) -> None:
        for job in self.jobs.values():
            if job.state == "claimed" and job.number is not None:
                assert self._may_go(job)
            assert job.effect == "read" or job.began <= 1


def _ended(job_id: str) -> Ended:
    return Ended(job_id=job_id, worker="w", result=Result(exit_code=0, began_at=1, ended_at=2))


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_the_scripts_do_what_the_model_does(start_store: Any, tmp_path: Any):
    server = start_store()
    Agreement.store, Agreement.folder = server, tmp_path
    run_state_machine_as_test(
        Agreement,
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with contextlib.suppress(redis.RedisError):
        server.stop()
