"""Lent roles on a real store: asked for, begun once, counted where needed, ended; and attacks on them."""

import pytest

from bot.approvals.lines import Approve, AskAgain, Withdraw
from bot.hosts import Host, Hosts
from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.lending.lines import Elevate, Grants, Reviews
from bot.store.approvals import Approvals
from bot.store.in_force import InForce
from handlers.faults import ApprovalClosed, Denied, Fault
from handlers.grammar.parser import parse
from permissions.approval import State
from permissions.decision import Allow
from permissions.operation import Lent
from permissions.verbs import Danger, Verb
from tests.bot.approvals.approval_side import CATALOGUE
from tests.bot.lending.lending_side import BROKEN, POLICY, Lenders, elevate, entries

pytestmark = pytest.mark.store


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
        asked = await side.tell_desk(elevate(600.0 + agrees), "U0ANA")
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
