"""What is lent is seen: a glass breaks with its review and an entry in the audit, or not at all."""

import pytest

from bot.hosts import Host, Hosts
from bot.jobs.queue import StoreDown
from bot.lending.lines import Grants
from bot.store.in_force import InForce
from handlers.faults import Fault, Reason
from tests.bot.lending.lending_side import POLICY, Lenders, elevate

pytestmark = pytest.mark.store

NUMBERS = "{{docktalk}}:in-force:{}:numbers"
WHY = "payments are down"


async def test_a_review_that_cannot_be_opened_breaks_no_glass(side: Lenders):
    await side.run("stop web", "U0ANA", WHY)
    await side.client.hset(NUMBERS.format("review"), "id", 0)  # and the bot has just started
    with pytest.raises(Fault, match="Nothing was run") as refused:
        await side.run("stop web", "U0DAN", WHY)
    assert refused.value.reason is Reason.CONFLICT
    assert [one.user_id for one in await side.lending.grants.all()] == ["U0ANA"]


async def test_a_role_is_asked_for_where_its_card_can_be_seen(side: Lenders):
    with pytest.raises(Fault, match="Nothing was asked") as refused:
        await side.tell_desk(elevate(), "U0ANA", "CSTRANGE")
    assert refused.value.reason is Reason.NOT_IN_CHANNEL
    assert not side.cards


@pytest.mark.parametrize(
    ("user_id", "channel", "told"),
    [
        ("U0FEW", "C9", "role operator on local until"),
        ("U0BEN", "C9", "role operator on local, vault until"),
        ("U0FEW", "C1", "role operator on local, vault until"),
        ("U0ANA", "C9", "role operator on local, vault until"),
        ("U0EVE", "C9", "No role is lent"),
    ],
)
async def test_elsewhere_only_the_hosts_that_one_sees_are_told(side: Lenders, user_id, channel, told):
    side.hosts = Hosts(default="local", known=(Host(name="local"), Host(name="vault")))
    few = "bindings:\n  - {role: reader, users: [U0FEW], hosts: [local]}\n"
    side.policy_file.write_text(POLICY.replace("bindings:\n", few), encoding="utf-8")
    await side.elevated()
    assert told in (await side.tell_desk(Grants(), user_id, channel)).text


async def test_help_is_given_without_the_store_and_nothing_is_lent_by_it(side: Lenders, monkeypatch):
    await side.elevated()
    who = await side.who("U0ANA")
    assert [one.role for one in (await side.lending.lent(who, "C1")).lent] == ["operator"]

    async def gone(*_):
        raise StoreDown(unsure=False)

    monkeypatch.setattr(InForce, "all", gone)
    assert (await side.lending.lent(who, "C1")).lent == ()
    with pytest.raises(StoreDown):
        await side.decide("stop web", "U0ANA")
