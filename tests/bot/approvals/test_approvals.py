"""Approvals on a real store: asked, counted, issued once.

What restarts do to them is in test_approval_steps.py and tests/e2e/test_approval_restarts.py, what attackers
do in test_approval_attacks.py.
"""

import pytest

from bot.approvals.approvals import FINISH_WITHIN
from bot.approvals.lines import Approve, AskAgain, Deny, Withdraw
from bot.jobs.listing import Listed
from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.jobs.wire import Target
from bot.own.job_desk import Desk as JobDesk
from bot.own.job_lines import job_line
from bot.own.said import Said
from bot.request import Origin, Request
from bot.tickets import Tickets
from handlers.faults import ApprovalClosed, Fault
from permissions.approval import State, Step, Terms, Threshold
from permissions.operation import Standing
from permissions.ticket import Mode
from tests.bot.approvals.approval_side import NOBODY_MAY, POLICY, WEB, Side

pytestmark = pytest.mark.store


async def test_one_lead_is_enough_and_the_job_carries_what_was_agreed_to(side: Side):
    job_id = await side.ask("restart --reason 'INC-12 it hangs' web")
    [look] = await side.queued(Mode.PROBE)
    assert (look.probes, look.effect) == (job_id, "read")
    await side.look(job_id)
    await side.say(Approve(approval=job_id), "U0LEAD")
    [claims] = await side.queued()
    assert claims.job_id == job_id
    assert (claims.approved.bound, claims.approved.by) == ((WEB,), ("U0LEAD",))
    assert claims.principal.user_id == "U0ANA"
    assert side.accepted == [job_id]
    assert (await side.desk.store.of_job(job_id)).approval.reason == "INC-12 it hangs"
    assert side.shown[-1][0] is State.APPROVED
    assert await side.desk.store.due(side.now + 1e9) == []


async def test_nobody_decides_before_anybody_has_looked(side: Side):
    job_id = await side.ask()
    with pytest.raises(ApprovalClosed, match="looked at"):
        await side.say(Approve(approval=job_id), "U0LEAD")


async def test_a_redelivered_line_is_asked_about_once(side: Side):
    first = await side.ask()
    assert await side.ask() == first
    assert len(await side.queued(Mode.PROBE)) == 1


async def test_a_no_with_its_reason_ends_it(side: Side):
    job_id = await side.asked()
    await side.say(Deny(approval=job_id, reason="not during the sale"), "U0BEN")
    approval = (await side.desk.store.of_job(job_id)).approval
    assert (approval.state, approval.why) == (State.DENIED, "not during the sale")
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=job_id), "U0LEAD")


async def test_only_its_asker_takes_it_back(side: Side):
    job_id = await side.asked()
    with pytest.raises(ApprovalClosed, match="Only its asker"):
        await side.say(Withdraw(approval=job_id), "U0LEAD")
    await side.say(Withdraw(approval=job_id), "U0ANA")
    assert await side.state(job_id) is State.WITHDRAWN


async def test_the_clock_reminds_once_and_ends_it_at_its_time(side: Side):
    job_id = await side.asked()
    side.now += 61
    await side.tick()
    await side.tick()
    assert (await side.desk.store.of_job(job_id)).approval.told == 1
    side.now += 540
    await side.tick()
    assert await side.state(job_id) is State.EXPIRED
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=job_id), "U0LEAD")
    assert await side.queued() == []


async def test_one_that_cannot_be_looked_after_keeps_no_other_waiting(side: Side, monkeypatch):
    broken, other = await side.asked(), await side.ask("restart db", "d2")
    show = side._show

    async def fails(asked, voters):
        if asked.job_id == broken:
            raise KeyError("whatever it is")
        await show(asked, voters)

    monkeypatch.setattr(side, "_show", fails)
    side.now += 600
    await side.tick()
    assert (await side.state(broken), await side.state(other)) == (State.EXPIRED, State.VOID)


async def test_those_who_are_named_hear_of_it_by_themselves(side: Side):
    await side.asked()
    assert side.shown[-1] == (State.OPEN, ("U0LEAD",))


async def test_what_needs_nobody_after_all_runs_at_once(side: Side):
    job_id = await side.ask()
    await side.look(job_id, free=True)
    [claims] = await side.queued()
    assert (claims.job_id, claims.approved) == (job_id, None), "the worker decides whether that is so"


FORGED = {
    "that nobody has to agree": {"terms": None},
    "on easier terms": {"terms": Terms(any=(Threshold(steps=(Step(users=("U0EVE",)),)),))},
    "about another object": {"targets": (Target(bound=WEB.model_copy(update={"id": "b" * 64})),)},
}


@pytest.mark.parametrize("said", FORGED.values(), ids=FORGED)
async def test_a_look_that_the_worker_has_not_signed_is_none(side: Side, said):
    job_id = await side.ask()
    await side.look(job_id, **said, key="0" * 64)
    assert (await side.desk.store.of_job(job_id)).approval.bound is None
    assert await side.queued() == []


async def test_what_cannot_be_done_is_asked_of_nobody(side: Side):
    job_id = await side.ask()
    await side.look(job_id, reason="not_found", message="No such container: web")
    approval = (await side.desk.store.of_job(job_id)).approval
    assert (approval.state, approval.why) == (State.VOID, "No such container: web")


async def test_the_policy_in_force_has_the_last_word(side: Side):
    job_id = await side.asked()
    side.policy_file.write_text(NOBODY_MAY, encoding="utf-8")
    side.people.groups["U0LEAD"] = ("S0SRE",)
    await side.say(Approve(approval=job_id), "U0LEAD")
    assert await side.state(job_id) is State.VOID
    assert await side.queued() == []


async def test_an_asker_who_has_left_runs_nothing(side: Side):
    job_id = await side.asked()
    side.people.standing["U0ANA"] = Standing.DELETED
    await side.say(Approve(approval=job_id), "U0LEAD")
    assert await side.state(job_id) is State.VOID
    assert await side.queued() == []


async def test_what_moved_is_told_and_can_be_asked_anew_by_its_asker(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0LEAD")
    await side.desk.moved(job_id, "container web is another one")
    assert await side.state(job_id) is State.VOID
    with pytest.raises(ApprovalClosed):
        await side.say(AskAgain(approval=job_id), "U0BEN")
    again = await side.say(AskAgain(approval=job_id), "U0ANA")
    assert again.waits
    assert (await side.say(AskAgain(approval=job_id), "U0ANA")).job_id == again.job_id
    first, second = [await side.desk.store.of_job(one) for one in (job_id, again.job_id)]
    assert first.draft.nonce != second.draft.nonce


async def test_what_nobody_decided_in_time_can_be_asked_once_more_and_what_was_denied_cannot(side: Side):
    expired = await side.asked()
    side.now += 601
    await side.desk.tick()
    assert await side.state(expired) is State.EXPIRED
    again = await side.say(AskAgain(approval=expired), "U0ANA")
    assert again.waits
    assert again.job_id != expired
    await side.look(again.job_id)
    await side.say(Deny(approval=again.job_id, reason="not now"), "U0LEAD")
    with pytest.raises(ApprovalClosed, match="nobody decided in time or could not be run"):
        await side.say(AskAgain(approval=again.job_id), "U0ANA")


class Empty:
    """A host on which nothing runs."""

    async def jobs(self, _host: str) -> list[Listed]:
        return []


async def about_jobs(side: Side, line: str, user_id: str, channel_id: str = "C1"):
    """What the desk of jobs answers to a line."""
    desk, who = side.desk, await side.who(user_id)
    given = {"queue": desk.queue, "waiting": desk.store, "listing": Empty(), "hosts": side.hosts}
    jobs = JobDesk(**dict.fromkeys(JobDesk.__dataclass_fields__) | given)
    request = Request(
        origin=Origin.SLASH,
        delivery_id=line,
        team_id="T1",
        user_id=user_id,
        user_name=who.name,
        channel_id=channel_id,
        program="docktalk",
        text=line,
        received_at=side.now,
    )
    return await jobs.answer(job_line(line), Said(request, who, desk.policy.current))


@pytest.mark.parametrize(
    ("user_id", "channel_id", "seen"),
    [("U0ANA", "C1", True), ("U0BEN", "C1", True), ("U0ANA", "C9", True), ("U0BEN", "C9", False)],
)
async def test_what_waits_for_people_is_listed_with_the_jobs_where_it_was_asked_for(
    side: Side, user_id: str, channel_id: str, seen: bool
):
    job_id = await side.asked()
    rows = (await about_jobs(side, "jobs", user_id, channel_id)).rows
    listed = [(row.job_id, row.state, row.may_cancel) for row in rows]
    assert listed == ([(job_id, "to be approved", user_id == "U0ANA")] if seen else [])
    with pytest.raises(Fault) as raised:
        await about_jobs(side, f"cancel {job_id}", user_id, channel_id)
    assert ("withdraw" in raised.value.hint) is seen
    assert ("There is no job" in raised.value.message) is not seen


@pytest.mark.parametrize("word", ["cancel", "follow", "show", "check", "grep", "display"])
async def test_a_line_about_a_job_that_nobody_agreed_to_says_so(side: Side, word: str):
    job_id = await side.asked()
    await side.say(Deny(approval=job_id), "U0LEAD")
    with pytest.raises(Fault, match=f"{job_id} never became a job: it is denied"):
        await about_jobs(side, f"{word} {job_id}", "U0ANA")
    assert (await about_jobs(side, "jobs", "U0ANA")).rows == ()


async def test_with_a_silent_worker_nothing_is_asked(side: Side):
    await side.client.delete(Names("docktalk").alive("local"))
    with pytest.raises(Exception, match="is silent"):
        await side.ask()
    assert await side.client.xlen(Names("docktalk").audit) == 0


async def test_every_step_is_in_the_audit_with_its_place(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0LEAD")
    entries = await side.client.xrange(Names("docktalk").audit)
    kinds = [fields[b"entry"].split(b'"kind":"')[1].split(b'"')[0].decode() for _, fields in entries]
    assert kinds == ["approval_asked", "ordered", "approval_changed", "approval_changed", "accepted"]
    assert b'"approved_by":["U0LEAD"]' in entries[-1][1][b"entry"]


async def test_values_of_secret_options_are_nowhere_to_be_read(side: Side):
    side.policy_file.write_text(POLICY.replace("[operate]", "[create]"), encoding="utf-8")
    secret = "hunter2-hunter2"
    await side.ask(f"run -e PASSWORD={secret} busybox")
    for key in await side.client.keys("*"):
        kind = await side.client.type(key)
        value = await side.client.dump(key)
        assert secret.encode() not in value, (key, kind)


async def test_a_look_that_is_asked_for_late_is_decided_by_the_policy_of_then(side: Side, monkeypatch):
    async def gone(*_, **__):
        raise StoreDown(unsure=True)

    with monkeypatch.context() as patch:
        patch.setattr(Tickets, "probe", gone)
        with pytest.raises(StoreDown):
            await side.ask()
    side.policy_file.write_text(NOBODY_MAY, encoding="utf-8")
    side.now += FINISH_WITHIN + 1
    await side.tick()
    assert side.cards["J-1"].approval.state is State.VOID
    assert await side.queued(Mode.PROBE) == []


async def test_while_a_step_is_being_finished_the_clock_leaves_it_alone(side: Side):
    await side.asked()
    await side.client.zadd(f"{Names('docktalk').prefix}approvals-due", {"J-1": side.now + FINISH_WITHIN})
    shown = len(side.shown)
    await side.tick()
    assert len(side.shown) == shown
