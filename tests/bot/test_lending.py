"""Lent roles on a real store: asked for, begun once, counted where needed, ended; and attacks on them."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.approval_lines import Approve, AskAgain, Withdraw
from bot.hosts import Host, Hosts
from bot.jobs.names import Names, bot_client
from bot.jobs.queue import StoreDown
from bot.lending_desk import LendingDesk
from bot.lending_lines import BreakGlass, CloseReview, Elevate, Grants, Reviews
from bot.request import Origin, Request
from bot.said import Said
from bot.store.approvals import Approvals
from bot.store.grants import Grant, stage
from bot.store.in_force import InForce
from handlers.faults import ApprovalClosed, Denied, Fault, UsageFault
from handlers.grammar.parser import parse
from permissions.approval import State
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Lent, Standing
from permissions.ticket import Mode
from permissions.verbs import Danger, Verb
from tests.bot.approval_side import CATALOGUE, Side

pytestmark = pytest.mark.store

POLICY = """\
version: 1
roles:
  reader: {rules: [{verbs: [list]}]}
  operator:
    description: Runs what is there.
    rules: [{verbs: [operate]}]
  asker:
    rules:
      - verbs: [operate]
        approval: {any: [{steps: [{roles: [lead]}]}]}
  lead: {rules: [{verbs: [list]}]}
  everything: {rules: [{commands: ["*"], max_danger: ROOT_EQUIVALENT}]}
bindings:
  - {role: reader, users: [U0ANA, U0BEN]}
  - {role: asker, users: [U0DAN]}
  - {role: lead, users: [U0LEAD, U0ANA]}
deny:
  - {commands: [container kill], reason: Nothing is killed.}
elevations:
  - role: operator
    users: [U0ANA, U0LEAD]
    most: 1h
    approval: {any: [{steps: [{roles: [lead]}]}, {steps: [{groups: [S0SRE]}]}]}
  - {role: everything, users: [U0ANA], approval: {any: [{steps: [{roles: [lead]}]}]}}
break_glass:
  - role: everything
    users: [U0ANA, U0DAN]
    channels: [C1]
    verbs: [operate]
    hosts: [local]
    most: 30m
    tell: [C0SEC]
    reviewers: {roles: [lead]}
"""


class Lenders(Side):
    """The same side with a policy that lends, and its desk."""

    def __init__(self, client, folder: Path) -> None:
        super().__init__(client, folder)
        self.policy_file.write_text(POLICY, encoding="utf-8")
        self.reviewed: list[tuple[str, str]] = []

    @property
    def lenders(self) -> LendingDesk:
        desk = self.desk
        return LendingDesk(self.lending, desk, desk.tickets, self._reviewed, lambda: self.now)

    async def _reviewed(self, _review, by, note):
        self.reviewed.append((by.user_id, note))

    def request(self, user_id: str, channel: str = "C1", delivery: str | None = None) -> Request:
        return Request(
            origin=Origin.SLASH,
            delivery_id=delivery or f"lent-{next(self._said)}",
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id=channel,
            program="docktalk",
            text="a line",
            received_at=self.now,
        )

    async def tell_desk(self, line, user_id: str, channel: str = "C1"):
        said = Said(self.request(user_id, channel), await self.who(user_id), self.desk.policy.current)
        return await self.lenders.answer(line, said)

    async def revoke(self, grant_id: str, user_id: str):
        said = Said(self.request(user_id), await self.who(user_id), self.desk.policy.current)
        return await self.lenders.revoke(grant_id, said)

    async def decide(self, line: str, user_id: str, breaks: str | None = None, channel: str = "C1"):
        operation = parse(line, CATALOGUE).command.operation("local")
        return await self.lending.decided(await self.who(user_id), channel, operation, breaks)

    async def run(self, line: str, user_id: str, breaks: str | None = None, channel: str = "C1"):
        """As the pipeline does it; the claims that a worker gets."""
        parsed = parse(line, CATALOGUE)
        operation = parsed.command.operation("local")
        lends = await self.lending.decided(await self.who(user_id), channel, operation, breaks)
        tickets = self.desk.tickets
        draft = await tickets.draft(self.request(user_id, channel), lends.principal, parsed, operation)
        draft = await self.lending.break_glass(lends, draft)
        job_id, _ = await tickets.issue(draft, lends.principal, lends.decision, "p")
        await self.lending.ran(lends.principal, job_id)
        return next(claims for claims in await self.queued() if claims.job_id == job_id)

    async def elevated(self, lasting: float = 600.0) -> Grant:
        """ana holds the role operator; the one other lead, or sre, has agreed."""
        asked = await self.tell_desk(elevate(lasting), "U0ANA")
        await self.say(Approve(approval=asked.job_id), "U0LEAD")
        return (await self.lending.grants.all())[-1]


def elevate(lasting: float = 600.0, role: str = "operator", **fields) -> Elevate:
    return Elevate(role=role, lasting=int(lasting * 1e9), reason="web hangs", **fields)


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Lenders]:
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=60)
        yield Lenders(client, tmp_path)


BROKEN = "INC-812 it is down"


async def entries(side: Lenders) -> list[tuple[str, str, str]]:
    """What the audit was told of things in force."""
    found = [json.loads(fields[b"entry"]) for _, fields in await side.client.xrange(Names("docktalk").audit)]
    told = [one["what"] for one in found if one["what"]["kind"] == "in_force"]
    return [(one["what"], one["change"], one["id"]) for one in told]


async def test_an_elevation_begins_with_the_agreement_and_is_counted_where_it_is_needed(side: Lenders):
    asked = await side.tell_desk(elevate(), "U0ANA")
    assert asked.waits
    with pytest.raises(Denied):
        await side.decide("stop web", "U0ANA")
    side.now += 300
    await side.say(Approve(approval=asked.job_id), "U0LEAD")
    [grant] = await side.lending.grants.all()
    assert (grant.began_at, grant.until) == (side.now, side.now + 600)
    assert (grant.what, grant.role, grant.hosts, grant.approved_by) == (
        "elevation",
        "operator",
        ("local",),
        ("U0LEAD",),
    )
    lends = await side.decide("stop web", "U0ANA")
    assert [one.id for one in lends.principal.lent] == [grant.id]
    assert (await side.decide("ps", "U0ANA")).principal.lent == ()
    assert await entries(side) == [("elevation", "began", grant.id)]


async def test_an_elevation_ends_by_itself_and_its_card_says_so_once_more(side: Lenders):
    grant = await side.elevated()
    side.now = grant.until
    with pytest.raises(Denied):
        await side.decide("stop web", "U0ANA")
    shown = len(side.shown)
    await side.lending.tick()
    await side.lending.tick()
    assert await side.lending.grants.all() == ()
    assert len(side.shown) == shown + 1
    assert side.cards[grant.job_id].draft.ended_at == grant.until
    assert (await entries(side))[-1] == ("elevation", "ended", grant.id)


@pytest.mark.parametrize("dies", ["before the grant", "after the grant"])
async def test_a_crash_between_the_agreement_and_the_grant_lends_it_once(side: Lenders, dies, monkeypatch):
    asked = await side.tell_desk(elevate(), "U0ANA")

    async def gone(*_, **__):
        raise StoreDown(unsure=True)

    with monkeypatch.context() as patch:
        patch.setattr(*((InForce, "begin") if dies == "before the grant" else (Approvals, "settled")), gone)
        with pytest.raises(StoreDown):
            await side.say(Approve(approval=asked.job_id), "U0LEAD")
    agreed = side.now
    side.now += 60
    await side.tick()
    await side.tick()
    [grant] = await side.lending.grants.all()
    assert grant.until == agreed + 600
    assert [change for _, change, _ in await entries(side)] == ["began"]


async def test_what_was_revoked_before_a_crash_was_mended_does_not_begin_again(side: Lenders, monkeypatch):
    asked = await side.tell_desk(elevate(), "U0ANA")

    async def gone(*_, **__):
        raise StoreDown(unsure=True)

    with monkeypatch.context() as patch:
        patch.setattr(Approvals, "settled", gone)
        with pytest.raises(StoreDown):
            await side.say(Approve(approval=asked.job_id), "U0LEAD")
    [grant] = await side.lending.grants.all()
    await side.revoke(grant.id, "U0ANA")
    await side.tick()
    assert await side.lending.of(await side.who("U0ANA"), "C1") == ()
    side.now = grant.until + 1
    await side.lending.tick()
    await side.tick()
    assert await side.lending.grants.all() == ()


async def test_an_asker_who_may_ask_no_more_is_lent_nothing(side: Lenders):
    asked = await side.tell_desk(elevate(), "U0ANA")
    side.policy_file.write_text(POLICY.replace("users: [U0ANA, U0LEAD]", "users: [U0LEAD]"), encoding="utf-8")
    await side.say(Approve(approval=asked.job_id), "U0LEAD")
    assert await side.state(asked.job_id) is State.VOID
    assert await side.lending.grants.all() == ()
    with pytest.raises(ApprovalClosed):
        await side.say(AskAgain(approval=asked.job_id), "U0ANA")


async def test_nobody_approves_their_own_elevation_not_through_a_role_nor_through_a_group(side: Lenders):
    asked = await side.tell_desk(elevate(), "U0ANA")  # who is a lead, and in S0SRE
    with pytest.raises(ApprovalClosed, match="somebody else"):
        await side.say(Approve(approval=asked.job_id), "U0ANA")
    assert await side.lending.grants.all() == ()


REFUSED = {
    "a role that no entry lends them": (elevate(role="everything"), "U0LEAD"),
    "a role that there is not": (elevate(role="nothing"), "U0ANA"),
    "more time than the entry gives": (elevate(3601), "U0ANA"),
    "a host that there is not": (elevate(host="prod-1"), "U0ANA"),
    "anything, as somebody whom no entry names": (elevate(), "U0BEN"),
}


@pytest.mark.parametrize(("line", "user_id"), REFUSED.values(), ids=REFUSED)
async def test_nobody_is_asked_for(side: Lenders, line: Elevate, user_id: str):
    with pytest.raises(Denied):
        await side.tell_desk(line, user_id)
    assert side.shown == []


async def test_an_elevation_is_withdrawn_like_any_approval(side: Lenders):
    asked = await side.tell_desk(elevate(), "U0ANA")
    await side.say(Withdraw(approval=asked.job_id), "U0ANA")
    assert await side.state(asked.job_id) is State.WITHDRAWN


async def test_who_agrees_by_a_role_holds_it_on_every_host_that_is_asked_for(side: Lenders):
    side.hosts = Hosts(
        default="local", known=(Host(name="local"), Host(name="prod-1", labels={"env": "prod"}))
    )
    lead = "- {role: lead, users: [U0LEAD, U0ANA]}"
    for hosts, agrees in (("[local]", False), ('[local, "label:env=prod"]', True)):
        bound = lead.replace("}", f", hosts: {hosts}}}")
        side.policy_file.write_text(POLICY.replace(lead, bound), encoding="utf-8")
        asked = await side.tell_desk(elevate(), "U0ANA")
        assert (await side.desk.store.of_job(asked.job_id)).draft.hosts == ("local", "prod-1")
        if agrees:
            await side.say(Approve(approval=asked.job_id), "U0LEAD")
        else:
            with pytest.raises(ApprovalClosed, match="none of those"):
                await side.say(Approve(approval=asked.job_id), "U0LEAD")
        assert len(await side.lending.grants.all()) == int(agrees)


async def test_a_lent_role_votes_for_nobody(side: Lenders):
    policy = POLICY.replace(
        "role: everything, users: [U0ANA], approval", "role: lead, users: [U0BEN], approval"
    )
    side.policy_file.write_text(policy, encoding="utf-8")
    asked = await side.tell_desk(elevate(role="lead"), "U0BEN")
    await side.say(Approve(approval=asked.job_id), "U0LEAD")
    assert [one.role for one in await side.lending.grants.all()] == ["lead"]
    other = await side.tell_desk(elevate(), "U0ANA")
    side.people.groups["U0BEN"] = ()
    with pytest.raises(ApprovalClosed, match="none of those"):
        await side.say(Approve(approval=other.job_id), "U0BEN")


async def test_a_broken_glass_is_in_force_reviewed_and_told_before_its_job_is_queued(side: Lenders):
    claims = await side.run("stop web", "U0ANA", BROKEN)
    [grant], [review] = await side.lending.grants.all(), await side.lending.reviews.all()
    assert claims.principal.lent == (
        Lent(
            id=grant.id,
            role="everything",
            until=side.now + 1800,
            hosts=("local",),
            verbs=(Verb.OPERATE,),
            break_glass=True,
        ),
    )
    assert (review.grant_id, review.jobs, review.ran, review.reason) == (
        grant.id,
        (claims.job_id,),
        1,
        BROKEN,
    )
    assert [one.id for one, _ in side.told] == [review.id]
    assert {change for _, change, _ in await entries(side)} == {"began"}


async def test_where_the_glass_cannot_be_told_of_nothing_is_lent_and_nothing_runs(side: Lenders, monkeypatch):
    async def gone(*_, **__):
        raise StoreDown(unsure=True)

    monkeypatch.setattr(InForce, "begin", gone)
    with pytest.raises(StoreDown):
        await side.run("stop web", "U0ANA", BROKEN)
    assert await side.queued() == []
    assert await side.lending.grants.all() == ()


async def test_later_lines_run_under_it_without_the_option_and_are_noted(side: Lenders):
    first = await side.run("stop web", "U0ANA", BROKEN)
    second = await side.run("start web", "U0ANA")
    [review] = await side.lending.reviews.all()
    assert review.jobs == (first.job_id, second.job_id)
    assert second.principal.lent == first.principal.lent
    third = await side.decide("restart web", "U0ANA", BROKEN)
    assert third.breaking is None
    assert "already" in third.notes[-1]
    assert len(await side.lending.grants.all()) == 1


async def test_it_is_not_broken_where_it_is_not_needed(side: Lenders):
    lends = await side.decide("ps", "U0ANA", BROKEN)
    assert (lends.breaking, lends.principal.lent) == (None, ())
    assert lends.notes == ("the glass was not broken: this is allowed anyway",)


BEYOND = {
    "its verbs": ("rm web", "U0ANA", "C1", "to destroy"),
    "its channel": ("stop web", "U0ANA", "C2", "in this channel"),
    "its people": ("stop web", "U0BEN", "C1", "no entry"),
    "a deny": ("kill web", "U0ANA", "C1", "Nothing is killed"),
}


@pytest.mark.parametrize(("line", "user_id", "channel", "sentence"), BEYOND.values(), ids=BEYOND)
async def test_no_glass_is_broken_beyond(side: Lenders, line: str, user_id: str, channel: str, sentence: str):
    with pytest.raises(Denied, match=sentence) as refused:
        await side.run(line, user_id, BROKEN, channel)
    assert refused.value.rule.startswith("break-glass")
    assert await side.lending.grants.all() == ()
    assert await side.lending.reviews.all() == ()


async def test_no_glass_is_broken_on_another_host(side: Lenders):
    operation = parse("stop web", CATALOGUE).command.operation("prod-1")
    with pytest.raises(Denied, match="on host prod-1"):
        await side.lending.decided(await side.who("U0ANA"), "C1", operation, BROKEN)


async def test_no_glass_is_broken_by_a_guest(side: Lenders):
    side.people.standing["U0ANA"] = Standing.GUEST
    with pytest.raises(Denied):
        await side.run("stop web", "U0ANA", BROKEN)
    assert await side.lending.grants.all() == ()


@pytest.mark.parametrize("reason", ["", "  x  ", "x" * 301])
async def test_no_glass_is_broken_without_a_reason_that_says_something(side: Lenders, reason: str):
    with pytest.raises(UsageFault):
        await side.run("stop web", "U0ANA", reason)
    assert await side.lending.grants.all() == ()


async def test_a_grant_lends_nothing_for_another_verb_channel_or_person(side: Lenders):
    await side.run("stop web", "U0ANA", BROKEN)
    for line, user_id, channel in (
        ("rm web", "U0ANA", "C1"),
        ("stop web", "U0ANA", "C2"),
        ("stop web", "U0BEN", "C1"),
    ):
        with pytest.raises(Denied):
            await side.decide(line, user_id, channel=channel)


@pytest.mark.parametrize("command", ["docktalk audit", "docktalk can-i", "docktalk unlock"])
async def test_no_lent_role_administers(side: Lenders, command: str):
    await side.run("stop web", "U0ANA", BROKEN)
    asked = await side.tell_desk(elevate(role="everything"), "U0ANA")
    await side.say(Approve(approval=asked.job_id), "U0LEAD")
    admin = parse("ps", CATALOGUE).command.operation("local")
    admin = admin.model_copy(update={"command": command, "verb": Verb.ADMIN, "danger": Danger.SAFE})
    assert len(await side.lending.of(await side.who("U0ANA"), "C1")) == 2
    for breaks in (None, BROKEN):
        with pytest.raises(Denied):
            await side.lending.decided(await side.who("U0ANA"), "C1", admin, breaks)


async def test_who_may_revoke_a_grant(side: Lenders):
    await side.run("stop web", "U0ANA", BROKEN)
    [grant] = await side.lending.grants.all()
    with pytest.raises(Denied):
        await side.revoke(grant.id, "U0BEN")
    await side.revoke(grant.id, "U0LEAD")
    with pytest.raises(Denied):
        await side.decide("stop web", "U0ANA")
    with pytest.raises(Fault, match="has ended"):
        await side.revoke(grant.id, "U0LEAD")
    [review] = await side.lending.reviews.all()
    assert (review.ended_at, review.ended_by) == (side.now, "U0LEAD")


async def test_who_agreed_to_an_elevation_and_who_holds_it_may_end_it(side: Lenders):
    for user_id in ("U0LEAD", "U0ANA"):
        grant = await side.elevated()
        await side.revoke(grant.id, user_id)
        with pytest.raises(Denied):
            await side.decide("stop web", "U0ANA")
        assert side.cards[grant.job_id].draft.ended_by == user_id


async def test_a_revoked_grant_that_is_put_back_into_the_store_lends_nothing(side: Lenders):
    lending = side.lending
    grant = await side.elevated()
    await lending.grants.all()
    key = f"{Names('docktalk').prefix}in-force:grant"
    before = await side.client.hgetall(key)
    assert await lending.revoke((await lending.grants.all())[0], await side.who("U0LEAD"))
    assert await lending.of(await side.who("U0ANA"), "C1") == ()
    await side.client.hset(key, mapping=before)
    assert await lending.of(await side.who("U0ANA"), "C1") == ()
    assert await side.lending.of(await side.who("U0ANA"), "C1") == ()  # nor to a bot that has just started
    with pytest.raises(Denied):
        await side.decide("stop web", "U0ANA")
    side.now = grant.until
    assert await side.lending.of(await side.who("U0ANA"), "C1") == ()


async def test_a_grant_that_nobody_signed_lends_nothing(side: Lenders):
    grant = await side.elevated()
    forged = grant.model_copy(update={"id": "G-99", "role": "everything", "user_id": "U0BEN"})
    key = f"{Names('docktalk').prefix}in-force:grant"
    own = (await side.client.hgetall(key))[grant.id.encode()]
    await side.client.hset(key, "G-99", b"0 " + forged.model_dump_json().encode())
    await side.client.hset(key, "G-98", own)  # another one's record under a new id
    assert [one.id for one in await side.lending.grants.all()] == [grant.id]
    with pytest.raises(Denied):
        await side.decide("stop web", "U0BEN")


async def test_what_a_person_claims_to_be_lent_counts_for_nothing(side: Lenders):
    who = await side.who("U0BEN")
    claimed = Lent(id="G-1", role="everything", until=side.now + 60)
    operation = parse("stop web", CATALOGUE).command.operation("local")
    with pytest.raises(Denied):
        await side.lending.decided(who.model_copy(update={"lent": (claimed,)}), "C1", operation)


async def test_what_waits_is_run_at_once_by_its_asker_alone_and_once(side: Lenders):
    request = side.request("U0DAN")
    parsed = parse("restart web", CATALOGUE)
    operation = parsed.command.operation("local")
    desk, dan = side.desk, await side.who("U0DAN")
    draft = await desk.tickets.draft(request, dan, parsed, operation)
    needs = (await side.decide("restart web", "U0DAN")).decision
    assert isinstance(needs, NeedsApproval)
    job_id = (await desk.ask(draft, dan, needs, "")).job_id
    assert (await desk.store.of_job(job_id)).glass
    line = BreakGlass(approval=job_id, reason=BROKEN)
    for other in ("U0LEAD", "U0ANA"):
        with pytest.raises(ApprovalClosed):
            await side.tell_desk(line, other)
    said = await asyncio.gather(*(side.tell_desk(line, "U0DAN") for _ in range(2)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in said) == 1
    assert await side.state(job_id) is State.WITHDRAWN
    [claims] = await side.queued(Mode.RUN)
    assert (claims.job_id, claims.nonce) == (job_id, draft.nonce)
    assert claims.principal.lent[0].break_glass
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=job_id), "U0LEAD")


async def test_a_review_is_closed_after_the_grant_by_a_reviewer_and_never_by_who_broke_the_glass(
    side: Lenders,
):
    await side.run("stop web", "U0ANA", BROKEN)  # who is a lead, too
    [review] = await side.lending.reviews.all()
    line = CloseReview(review=review.id, note="it was right")
    with pytest.raises(Fault, match="lasts until"):
        await side.tell_desk(line, "U0LEAD")
    side.now = review.ended_at
    for user_id in ("U0ANA", "U0BEN"):
        with pytest.raises(Denied):
            await side.tell_desk(line, user_id)
    await side.tell_desk(line, "U0LEAD")
    assert side.reviewed == [("U0LEAD", "it was right")]
    assert await side.lending.reviews.all() == ()
    assert ("review", "closed", review.id) in await entries(side)


async def test_a_review_stays_open_and_is_told_of_once_a_day(side: Lenders):
    await side.run("stop web", "U0ANA", BROKEN)
    lending = side.lending
    [review] = await lending.reviews.all()
    side.told.clear()
    for _ in range(3):
        await lending.tick()
    side.now = review.ended_at + 1
    for _ in range(3):
        await lending.tick()
    side.now += 3 * 86_400
    for _ in range(3):
        await lending.tick()
    assert [stage(one, now) for one, now in side.told] == [-1, 0, 3]
    assert len(await lending.reviews.all()) == 1


async def test_the_lists_show_what_is_lent_and_what_is_open(side: Lenders):
    await side.elevated()
    await side.run("restart web", "U0DAN", BROKEN)
    listed = (await side.tell_desk(Grants(), "U0BEN")).text
    assert "role operator on local until" in listed
    assert "break-glass: INC-812" in listed
    assert BROKEN in (await side.tell_desk(Reviews(), "U0BEN")).text
    assert "No role" in (await side.tell_desk(Grants(), "U0EVE", "C9")).text


async def test_an_approval_that_was_given_needs_nothing_lent(side: Lenders):
    await side.run("stop web", "U0DAN", BROKEN)
    operation = parse("stop web", CATALOGUE).command.operation("local")
    lends = await side.lending.decided(await side.who("U0DAN"), "C1", operation, agreed=True)
    assert lends.principal.lent == ()
    assert isinstance((await side.decide("stop web", "U0DAN")).decision, Allow)
