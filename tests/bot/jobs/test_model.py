"""A model of what the queue's scripts do, beside them on a real server: the two always agree."""

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
from bot.jobs.names import LANES, Names, script, worker_client
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Ended, Late, Result
from tests.bot.jobs.queue_model import SHARE, Job, QueueModel

pytestmark = pytest.mark.store

HOST = "local"
TARGETS = [("a",), ("b",), ("a", "b"), ("b", "c"), ()]
"""What changes have in hand; () is the whole host."""
BULK_AT_ONCE = 2
LONG = 10**7
NEVER = 10**12


class Agreement(RuleBasedStateMachine):
    """``store`` and ``folder`` are set by the test."""

    store: Any
    folder: Any

    def __init__(self) -> None:
        super().__init__()
        self.client = worker_client(self.store.url)
        self.client.flushall()
        self.names = Names("docktalk")
        names = ("accept", "again", "cancel", "expire")
        self.scripts = {name: self.client.register_script(script(name)) for name in names}
        self.queues = {
            name: HostQueue(self.client, "docktalk", HOST, name, LONG, UnsentFolder(self.folder / name))
            for name in ("w1", "w2")
        }
        self.model = QueueModel()
        self.alive = False
        self.events = self.heard = 0  # all but those that say who waits
        self.last_event = "-"
        self.behind: dict[str, str] = {}

    def teardown(self) -> None:
        self.client.close()

    # What people do.

    @rule(
        user=st.sampled_from("xy"),
        effect=st.sampled_from(["read", "change"]),
        on=st.sampled_from(TARGETS),
        lane=st.sampled_from([*LANES, "normal", "normal"]),
        not_after=st.sampled_from([100, 200, NEVER]),
        times=st.integers(1, 4),
        slots=st.integers(0, 4),
    )
    def ask(
        self, user: str, effect: str, on: tuple[str, ...], lane: str, not_after: int, times: int, slots: int
    ) -> None:
        for _ in range(times):
            job_id = f"J-{len(self.model.jobs) + 1}"
            names = self.names
            keys = [names.delivery(job_id), names.request(job_id), names.stream(HOST, lane)]
            args = [job_id, 60, 60, "record", "mac", "ticket", effect, "{}", "", 10**6, 10**9]
            args += [lane, user, not_after, "", 0]
            for known in (0, 1):  # it is delivered twice
                reply = self.scripts["accept"]([*keys, names.audit, names.prefix], args)
                assert reply == [job_id.encode(), known]
            self.model.put(job_id, Job(user, effect, on, lane, not_after))
        # Mostly a worker is there and begins some: what came to pass rarely would rarely be tried.
        if slots:
            self.claim(worker="w1", slots=slots, follow=slots, begin=slots)

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        # One of each state, so that the rare ones have their turn.
        state = data.draw(st.sampled_from(sorted({job.state for job in self.model.jobs.values()})))
        job_id = data.draw(
            st.sampled_from([key for key, job in self.model.jobs.items() if job.state == state])
        )
        job = self.model.jobs[job_id]
        keys = [self.names.prefix, self.names.events]
        assert self.scripts["cancel"](keys, [HOST, "J-0", "order", "{}", "channel", 60]) == b"unknown"
        reply = self.scripts["cancel"](keys, [HOST, job_id, "order", "{}", "channel", 60])
        match job.state:
            case "done":
                assert reply == b"ended"
            case "away":
                assert reply == b"unknown"
            case "claimed":
                assert reply == b"told"
                job.told_to_end = True
            case _:
                assert reply == b"removed"
                self.model.over(job_id)
                self.events += 1
                self._check_order()

    # What bots do.

    @rule(now=st.sampled_from([150, 250]), silent=st.booleans())
    def expire(self, now: int, silent: bool) -> None:
        if silent:  # no worker has been heard of for two leases
            self.client.delete(self.names.alive(HOST))
            self.alive = False
        keys = [self.names.prefix, self.names.alive(HOST), self.names.events]
        reply = self.scripts["expire"](keys, [HOST, now, 60, *LANES])
        late = [] if self.alive else self.model.too_late(now)
        for job_id in late:
            self.model.over(job_id)
        assert reply == len(late)
        self.events += len(late)
        self._check_order()

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def decide_anew(self, data: Any) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.model.jobs)))
        job = self.model.jobs[job_id]
        keys = [self.names.prefix, self.names.request(job_id)]
        reply = self.scripts["again"](keys, [HOST, job_id, job.effect, "ticket", job.user, NEVER])
        assert reply == (b"ok" if job.state == "away" else b"there")
        if job.state == "away":
            job.state, job.attempt, job.not_after = "waiting", 1, NEVER
            self.model.streams[job.lane].append(job_id)

    # What workers do.

    @precondition(lambda self: any(job.state in {"waiting", "ready"} for job in self.model.jobs.values()))
    @rule(
        worker=st.sampled_from(["w1", "w2"]),
        slots=st.integers(0, 4),
        follow=st.integers(0, 3),
        begin=st.integers(0, 4),
    )
    def claim(self, worker: str, slots: int, follow: int, begin: int) -> None:
        free = Free(quick=slots, bulk=BULK_AT_ONCE, follow=follow, share=SHARE, follow_share=SHARE)
        taken = self.queues[worker].claim(free, 0)
        assert [one.job_id for one in taken] == self.model.to_be_taken(free)
        for one in taken:
            job = self.model.jobs[one.job_id]
            assert one.attempt == job.attempt
            job.state, job.token = "claimed", one.token
            job.began += job.effect == "read"
            self.events += job.effect == "read"
        for one in taken[:begin]:
            if self.model.jobs[one.job_id].effect == "change":
                self._locked(worker, one.job_id)

    @precondition(lambda self: self.model.claimed("change"))
    @rule(worker=st.sampled_from(["w1", "w2"]), most=st.integers(1, 4))
    def lock(self, worker: str, most: int) -> None:
        new = [job_id for job_id in self.model.claimed("change") if not self.model.jobs[job_id].in_hand]
        for job_id in new[:most] or self.model.claimed("change")[:1]:
            self._locked(worker, job_id)

    def _locked(self, worker: str, job_id: str) -> None:
        job = self.model.jobs[job_id]
        if job.number is None:
            self.model.lines += 1
            job.number = self.model.lines
        free = self.model.may_go(job)
        assert self.queues[worker].lock(job_id, job.token, job.targets, 0) == free
        if free:
            self.events += 1
            job.began += not job.in_hand
            job.in_hand = True
        else:
            job.state, job.token = "parked by lock", ""
            self.model.lapsed.discard(job_id)
            self.model.share_goes_on(job)

    @precondition(lambda self: self.model.claimed())
    @rule(data=st.data(), honest=st.booleans())
    def finish(self, data: Any, honest: bool) -> None:
        job_id = data.draw(st.sampled_from(self.model.claimed()))
        token = self.model.jobs[job_id].token if honest else "w9/J-1/1/1"
        self.queues["w1"].finish(job_id, token, _ended(job_id))
        if honest:
            self.queues["w1"].finish(job_id, token, _ended(job_id))  # its answer was lost
            self.model.over(job_id)
            self.events += 1
            self._check_order()

    @precondition(lambda self: self.model.claimed(begun=False))
    @rule(data=st.data())
    def come_too_late(self, data: Any) -> None:
        job_id = data.draw(st.sampled_from(self.model.claimed(begun=False)))
        late = Late(job_id=job_id, worker="w", ticket="ticket", at=1)
        self.queues["w1"].finish(job_id, self.model.jobs[job_id].token, late)
        self.model.over(job_id, "away")
        self.events += 1
        self._check_order()

    @precondition(lambda self: self.model.claimed(begun=False))
    @rule(data=st.data())
    def hand_back(self, data: Any) -> None:
        job_id = data.draw(st.sampled_from(self.model.claimed(begun=False)))
        job = self.model.jobs[job_id]
        self.queues["w1"].hand_back(job_id, job.token)
        self.model.share_goes_on(job)
        self.model.made_ready(job_id)

    @precondition(lambda self: self.model.claimed())
    @rule(data=st.data())
    def die(self, data: Any) -> None:
        """The lease of one lapses."""
        job_id = data.draw(st.sampled_from(self.model.claimed()))
        self.client.zadd(self.names.claims(HOST), {job_id: 1})
        self.model.lapsed.add(job_id)

    @precondition(lambda self: self.model.lapsed)
    @rule(data=st.data())
    def come_back(self, data: Any) -> None:
        """It only slept, and renews."""
        job_id = data.draw(st.sampled_from(sorted(self.model.lapsed)))
        assert self.queues["w2"].renew({job_id: self.model.jobs[job_id].token, "J-0": "w"}) == (["J-0"], [])
        self.model.lapsed.discard(job_id)
        self.alive = True

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def settle(self, worker: str) -> None:
        queue = self.queues[worker]
        orphans = {orphan.job_id: orphan for orphan in queue.orphans()}
        assert set(orphans) == self.model.lapsed
        for job_id, orphan in orphans.items():
            job = self.model.jobs[job_id]
            assert (orphan.effect, orphan.attempt, orphan.ticket) == (job.effect, job.attempt, "ticket")
            if job.effect == "read":
                assert queue.run_again(orphan) == "ok"
                assert queue.run_again(orphan) == "lost"
                job.attempt += 1
                self.model.share_goes_on(job)
                self.model.made_ready(job_id)
            else:
                assert queue.settle(orphan, _ended(job_id)) == "ok"
                self.model.over(job_id)
                self.events += 1
                self._check_order()

    @precondition(lambda self: self.model.claimed())
    @rule(data=st.data())
    def settle_what_lives(self, data: Any) -> None:
        alive = [job_id for job_id in self.model.claimed() if job_id not in self.model.lapsed]
        if not alive:
            return
        job_id = data.draw(st.sampled_from(alive))
        orphan = self._as_orphan(job_id)
        assert self.queues["w1"].settle(orphan, _ended(job_id)) == "alive"
        assert self.queues["w1"].run_again(orphan) == "alive"

    def _as_orphan(self, job_id: str) -> Any:
        job = self.model.jobs[job_id]
        return Orphan(job_id, job.token, job.effect, job.attempt, 0.0, "ticket")

    def _check_order(self) -> None:
        """The store woke the same ones; among several, its order is the one that counts."""
        for job_id, job in self.model.jobs.items():
            if job.state == "parked by lock" and self.model.may_go(job):
                self.model.made_ready(job_id)
        for kind, ready in self.model.ready.items():
            entries = self.client.xrange(self.names.ready(HOST, kind))
            told = [fields[b"job"].decode() for _, fields in entries]
            # What was cancelled or expired meanwhile is passed over when its turn comes.
            told = [job_id for job_id in told if self.model.jobs[job_id].state == "ready"]
            assert sorted(told) == sorted(ready)
            self.model.ready[kind] = told

    @invariant()
    def the_store_agrees(self) -> None:
        for job_id, job in self.model.jobs.items():
            held = self.client.hgetall(f"{self.names.prefix}claim:{job_id}")
            lease = self.client.zscore(self.names.claims(HOST), job_id)
            state = held.get(b"state", b"").decode()
            assert state == ("" if job.state in {"waiting", "done", "away"} else job.state.split()[0])
            assert (lease is not None) == (job.state == "claimed")
            assert held.get(b"token", b"").decode() == job.token
            assert json.loads(held.get(b"targets", b"null")) == (
                None if job.number is None else list(job.targets)
            )
            assert (self.client.exists(f"{self.names.prefix}done:{job_id}") == 1) == (job.state == "done")
            assert (self.client.exists(f"{self.names.prefix}cancel:{job_id}") == 1) == job.told_to_end

    @invariant()
    def every_end_is_told_once_and_nothing_else_is_left(self) -> None:
        for entry_id, fields in self.client.xrange(self.names.events, min=self.last_event):
            self.last_event = f"({entry_id.decode()}"
            event = json.loads(fields[b"event"])
            if event.get("kind") == "waits":
                self.behind[event["job_id"]] = event["behind"]
            else:
                self.heard += 1
        assert self.heard == self.events
        for lane in LANES:
            assert self.client.xlen(self.names.stream(HOST, lane)) == len(self.model.streams[lane])

    @invariant()
    def who_waits_is_told_behind_whom(self) -> None:
        for job_id, job in self.model.jobs.items():
            if job.state == "parked by lock":
                assert self.model.jobs[self.behind[job_id]] is max(
                    self.model.before(job), key=lambda one: one.number
                )

    @invariant()
    def nobody_waits_for_a_place_that_is_free(self) -> None:
        for (kind, user), line in self.model.shares.items():
            holders = [j for j in self.model.jobs.values() if (j.kind, j.user) == (kind, user)]
            assert not line or any(job.state in {"claimed", "ready"} for job in holders)

    @invariant()
    def no_object_is_in_two_hands_and_no_change_begins_twice(self) -> None:
        for job in self.model.jobs.values():
            if job.state == "claimed" and job.number is not None:
                assert self.model.may_go(job)
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
            max_examples=60,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with contextlib.suppress(redis.RedisError):
        server.stop()
