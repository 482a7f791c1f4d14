"""What the worker refuses because of what it finds its targets to be."""

import time

import pytest

from bot.jobs.live_facts import SecondDecision
from bot.trust import TicketRefused
from handlers.faults import Denied
from permissions.policy import UNMASKED_FLAG, DenyRule, Rule
from permissions.targets import Targets
from permissions.ticket import TicketRefusal
from tests.bot.jobs.live_host import ANA, OTHER, ROOT, SHA, Host, claims, container, decided, image, policy

WEB = Host(containers={"c1": container("web", labels={"tier": "web"}), "db": container("db")})
OPERATE = Rule(commands=("container *",), targets=Targets(container=("web", "label:tier=web")))


def test_an_id_is_decided_on_as_what_it_is_an_id_of():
    assert decided(policy(OPERATE), "restart c1", WEB) == ""
    assert decided(policy(OPERATE), "restart db", WEB) == "default"
    assert decided(policy(OPERATE), "restart c1 db", WEB) == "default"
    assert decided(policy(OPERATE), "restart 3f2a", WEB) == "default"


def test_a_denial_says_that_nothing_was_run_and_which_rule_it_was():
    with pytest.raises(Denied) as caught:
        SecondDecision(None, WEB).check(policy(OPERATE), *claims("restart db"))
    assert caught.value.message == (
        "None of your roles here allows `container restart` on `db`. Nothing was run."
    )
    assert caught.value.hint == "Decided on this host by default. Ask whoever keeps the policy."


def test_a_denied_name_is_denied_by_its_id_and_the_rule_is_named():
    made = policy(
        Rule(commands=("*",)), deny=(DenyRule(commands=("*",), targets=Targets(container=("web",))),)
    )
    assert decided(made, "restart c1", WEB) == "deny rule 1"
    assert decided(made, "restart db", WEB) == ""


def test_exec_into_a_container_that_became_privileged_after_the_line_was_allowed_is_denied():
    host = Host(containers={"web": container(Privileged=True)})
    assert decided(policy(Rule(commands=("*",))), "exec web id", host) == "default"
    assert decided(policy(Rule(commands=("*",), max_danger=ROOT)), "exec web id", host) == ""


def test_a_retagged_image_is_not_the_approved_one():
    approved = policy(Rule(commands=("*",), targets=Targets(image=("shop/*",))))
    genuine = image(tags=("shop/cart:1",), digests=(f"shop/cart@{SHA}",))
    assert decided(approved, "run shop/cart:1", Host(images={"shop/cart:1": genuine})) == ""
    retagged = image(tags=("shop/cart:1", "evil:1"), digests=(f"evil@{OTHER}",))
    assert decided(approved, "run shop/cart:1", Host(images={"shop/cart:1": retagged})) == "default"
    built = image(tags=("shop/cart:1",))
    assert decided(approved, "run shop/cart:1", Host(images={"shop/cart:1": built})) == "default"
    assert decided(approved, "run shop/cart:1", Host()) == ""
    pinned = policy(Rule(commands=("*",), targets=Targets(image=(f"shop/cart@{SHA}",))))
    assert decided(pinned, f"run shop/cart@{SHA}", Host(images={f"shop/cart@{SHA}": genuine})) == ""
    assert decided(pinned, "run --pull never evil:1", Host(images={"evil:1": genuine})) == ""
    assert decided(pinned, "run --pull never evil:1", Host(images={"evil:1": retagged})) == "default"


def test_a_label_that_an_image_smuggles_in_has_to_be_given_by_a_rule():
    made = policy(OPERATE, Rule(commands=("container run",)))
    smuggling = Host(images={"evil": image(tags=("evil:latest",), labels={"tier": "web"})})
    plain = Host(images={"evil": image(tags=("evil:latest",))})
    assert decided(made, "run evil", smuggling) == "default"
    assert decided(made, "run evil", plain) == ""
    assert decided(made, "run evil", Host()) == "default"
    assert decided(made, "run --pull always evil", plain) == "default"
    assert decided(made, "run --label tier=web evil", plain) == "default"
    assert decided(made, "run --name web evil", plain) == "default"


def test_the_danger_the_bot_saw_and_the_unmasked_output_still_count():
    made = policy(Rule(commands=("*",)))
    ticket, _ = claims("logs web")
    worse = ticket.operation.model_copy(update={"danger": ROOT})
    assert decided(made, "logs c1", WEB, operation=worse) == "default"
    assert decided(made, "logs c1", WEB, unmasked=True) == "default"
    flagged = ticket.operation.model_copy(update={"flags": (UNMASKED_FLAG,)})
    assert decided(made, "logs c1", WEB, operation=flagged) == "default"
    assert decided(made, "logs c1", WEB) == ""


def test_a_binding_counts_in_the_channel_and_on_the_labelled_host_of_the_ticket():
    made = policy(Rule(commands=("*",)), channels=("C1",), hosts=("label:env=prod",))
    ticket, _ = claims("logs web")
    prod = ticket.operation.model_copy(update={"host_labels": {"env": "prod"}})
    assert decided(made, "logs c1", WEB, operation=prod) == ""
    assert decided(made, "logs c1", WEB, operation=prod, channel_id="C2") == "default"
    assert decided(made, "logs c1", WEB, operation=prod, channel_id="") == "default"
    assert decided(made, "logs c1", WEB) == "default"


def test_a_user_whose_binding_ended_between_request_and_run_is_denied():
    now = time.time()
    made = policy(Rule(commands=("*",)), until=now - 1)
    assert decided(made, "logs c1", WEB, issued_at=now - 60) == "default"
    assert decided(policy(Rule(commands=("*",)), until=now + 600), "logs c1", WEB, issued_at=now - 60) == ""


def test_a_clock_that_is_behind_brings_no_ended_binding_back():
    now = time.time()
    made = policy(Rule(commands=("*",)), until=now + 5)
    assert decided(made, "logs c1", WEB, issued_at=now + 10) == "default"


def test_an_asker_whom_slack_was_asked_about_too_long_ago_runs_nothing():
    old = ANA.model_copy(update={"as_of": time.time() - 901})
    ticket, _ = claims("logs c1", principal=old)
    with pytest.raises(TicketRefused) as caught:
        SecondDecision(None, WEB).policy(ticket)
    assert caught.value.refusal is TicketRefusal.ASKER_STALE
