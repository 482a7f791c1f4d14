"""What a lock and a freeze hold back, and what passes them."""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from handlers.catalogue import load
from handlers.grammar.parser import parse
from permissions.approval import Step, Terms, Threshold
from permissions.criteria import Criteria
from permissions.decision import Allow, NeedsApproval
from permissions.facts import on_live_facts
from permissions.freezes import Freeze, When
from permissions.holds import Lock, asked_for, excepting, held
from permissions.operation import Facts, Principal, Standing
from permissions.policy import Policy
from permissions.targets import Targets
from permissions.verbs import Verb

CATALOGUE = load()
NOW = 1_790_000_000.0
ID = "c" * 64
EMPTY = Policy(version=1)


def who(user_id="U0BEN"):
    return Principal(team_id="T1", user_id=user_id, name="x", standing=Standing.MEMBER, as_of=NOW)


def lock(**changes):
    told = {"id": "K-3", "owner_id": "U0ANA", "owner_name": "ana", "reason": "heap", "set_at": NOW - 60}
    return Lock(**{**told, "host": "prod-1", "container": "web", **changes})


def operation(line, host="prod-1", incident="", **facts):
    """What a line would do; with facts (container name → Facts), as its worker sees it."""
    found = parse(line, CATALOGUE).command.operation(host).model_copy(update={"incident": incident})
    if not facts:
        return found
    resources = [
        one if one.new else one.model_copy(update={"facts": facts.get(one.name, facts.get("any"))})
        for one in found.resources
    ]
    return on_live_facts(found, resources, {})


def is_held(locks, line, user="U0BEN", host="prod-1", **facts):
    return held(EMPTY, locks, who(user), operation(line, host, **facts), NOW) is not None


WEB, HOST, ALL = lock(), lock(container=""), lock(container="", host="")
TABLE = [
    # the lock, a line, on a host: held for others
    (WEB, "restart web", "prod-1", True),
    (WEB, "restart db", "prod-1", False),
    (WEB, "restart web", "prod-2", False),
    (WEB, "restart db web", "prod-1", True),
    (WEB, "rm -f web", "prod-1", True),
    (WEB, "exec web ls", "prod-1", True),
    (WEB, "commit web", "prod-1", True),
    (WEB, "network connect front web", "prod-1", True),
    (WEB, "logs web", "prod-1", False),
    (WEB, "inspect web", "prod-1", False),
    (WEB, "ps", "prod-1", False),
    (WEB, "run --name web nginx", "prod-1", True),
    (WEB, "run --name web2 nginx", "prod-1", False),
    (WEB, "rename db web", "prod-1", True),
    (WEB, "rename web db", "prod-1", True),
    (WEB, "container prune -f", "prod-1", True),
    (WEB, "system prune -f", "prod-1", True),
    (WEB, "image prune -f", "prod-1", False),
    (WEB, "pull nginx", "prod-1", False),
    (HOST, "restart db", "prod-1", True),
    (HOST, "restart db", "prod-2", False),
    (HOST, "volume create data", "prod-1", True),
    (HOST, "image prune -f", "prod-1", True),
    (HOST, "pull nginx", "prod-1", False),
    (HOST, "logs db", "prod-1", False),
    (lock(host="prod-*", container=""), "restart db", "prod-2", True),
    (lock(host="prod-*", container=""), "restart db", "test-1", False),
    (ALL, "restart db", "test-1", True),
    (ALL, "network rm front", "prod-1", True),
    (ALL, "ps", "prod-1", False),
]


@pytest.mark.parametrize(("one", "line", "host", "holds"), TABLE)
def test_a_lock_holds_what_others_would_change_of_its_target(one, line, host, holds):
    assert is_held([one], line, host=host) is holds


@pytest.mark.parametrize(("one", "line", "host", "_holds"), TABLE)
def test_a_lock_never_holds_its_owner(one, line, host, _holds):
    assert not is_held([one], line, user="U0ANA", host=host)


def test_two_locks_of_one_owner_hold_until_both_are_gone():
    assert is_held([lock(id="K-3"), lock(id="K-4")], "restart web")
    assert is_held([lock(id="K-4")], "restart web")


def test_a_lock_holds_until_its_end_and_no_longer():
    assert is_held([lock(until=NOW + 0.1)], "restart web")
    assert not is_held([lock(until=NOW)], "restart web")


@pytest.mark.parametrize("name", ["c" * 12, "cccc", ID])
def test_what_may_be_its_id_is_the_workers_to_settle(name):
    line = f"restart {name}"
    assert not is_held([WEB], line)
    assert is_held([WEB], line, **{name: Facts(id=ID, names=("web",))})
    assert not is_held([WEB], line, **{name: Facts(id=ID, names=("db",))})


def test_at_the_worker_what_is_not_there_is_held_in_doubt():
    found = operation("restart cccc").model_copy(update={"live": True})
    assert held(EMPTY, [WEB], who(), found, NOW) is not None


def test_a_lock_stays_with_a_container_under_another_name():
    renamed = Facts(id=ID, names=("web-old",))
    assert not is_held([WEB], "restart web-old", any=renamed)
    assert is_held([lock(container_id=ID)], "restart web-old", any=renamed)
    assert not is_held([lock(container_id="d" * 64)], "restart web-old", any=renamed)


def test_the_sentence_says_who_why_since_when_and_what_to_do():
    hold = held(EMPTY, [lock(until=NOW + 60)], who(), operation("restart web"), NOW)
    assert hold.lock == "K-3"
    for said in ("prod-1/web", "ana", "heap", "since", "until", "UTC"):
        assert said in hold.sentence
    assert "unlock K-3" in hold.hint


BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = When.model_validate({"from": "Fri 18:00", "until": "Mon 08:00", "zone": "Europe/Berlin"})


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def freeze(*when, **changes):
    return Freeze(**{"reason": "books closed", "by": "change-board", "when": when or (WEEKEND,), **changes})


def frozen(one, line="restart web", moment="2026-11-28T12:00", excepted=(), **of):
    policy = Policy(version=1, freezes={"weekend": one})
    return held(policy, [], who(), operation(line, **of), at(moment), excepted)


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        ("2026-11-27T17:59:59", None),
        ("2026-11-27T18:00:00", "2026-11-30T08:00:00"),
        ("2026-11-29T23:59:59", "2026-11-30T08:00:00"),
        ("2026-11-30T07:59:59", "2026-11-30T08:00:00"),
        ("2026-11-30T08:00:00", None),
        # The clocks are put back on the 25th of October, and forward on the 29th of March.
        ("2026-10-24T12:00:00", "2026-10-26T08:00:00"),
        ("2026-10-26T07:59:59", "2026-10-26T08:00:00"),
        ("2026-10-26T08:00:00", None),
        ("2026-03-28T12:00:00", "2026-03-30T08:00:00"),
        ("2026-03-30T07:59:59", "2026-03-30T08:00:00"),
        ("2026-03-30T08:00:00", None),
        # Over the end of the year.
        ("2027-01-02T00:00:00", "2027-01-04T08:00:00"),
    ],
)
def test_a_weekly_freeze_goes_by_the_clock_on_the_wall(moment, ends):
    assert freeze().ends(at(moment)) == (at(ends) if ends else None)


def test_an_hour_that_comes_twice_is_frozen_twice_and_one_that_is_skipped_ends_nothing_early():
    nightly = When.model_validate({"from": "Sun 01:30", "until": "Sun 02:30", "zone": "Europe/Berlin"})
    twice = datetime(2026, 10, 25, 2, 29, tzinfo=BERLIN, fold=1).timestamp()
    assert freeze(nightly).ends(twice) == datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1).timestamp()
    assert freeze(nightly).ends(datetime(2026, 3, 29, 1, 59, tzinfo=BERLIN).timestamp()) is not None


def test_a_freeze_from_a_day_to_the_same_day_lasts_a_week_and_follows_itself():
    always = When.model_validate({"from": "Mon 08:00", "until": "Mon 08:00", "zone": "UTC"})
    one = freeze(always)
    assert one.ends(NOW) > NOW + 86_400 * 365
    assert freeze().ends(at("2026-11-25T12:00")) is None
    assert freeze().next_begins(at("2026-11-25T12:00")) == at("2026-11-27T18:00")
    assert freeze().next_begins(at("2026-11-27T18:00")) == at("2026-12-04T18:00")


def test_a_freeze_that_ends_on_the_day_it_begins_lasts_until_then():
    long = freeze(When.model_validate({"from": "Mon 12:00", "until": "Mon 08:00", "zone": "UTC"}))
    utc = ZoneInfo("UTC")
    assert long.ends(at("2026-11-30T07:00", utc)) == at("2026-11-30T08:00", utc)
    assert long.ends(at("2026-11-30T09:00", utc)) is None
    assert long.ends(at("2026-11-30T12:00", utc)) == at("2026-12-07T08:00", utc)


def test_a_freeze_once_and_one_that_follows_at_once_are_told_as_one():
    first = When.model_validate({"from": "2026-12-24T00:00:00Z", "until": "2026-12-25T00:00:00Z"})
    then = When.model_validate({"from": "2026-12-25T00:00:00Z", "until": "2026-12-27T00:00:00Z"})
    one = freeze(first, then)
    assert one.ends(first.from_) == then.until
    assert one.ends(first.from_ - 1) is None
    assert one.ends(then.until) is None
    assert one.next_begins(then.until) is None


def test_a_freeze_that_lasts_to_the_end_of_all_dates_and_every_week_is_in_force():
    further = When.model_validate({"from": "2020-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"})
    one = freeze(WEEKEND, further)
    assert one.ends(NOW) == further.until
    assert one.spoken(further.until, NOW).endswith("(Europe/Berlin)")
    assert one.next_begins(further.until) is None


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ({"from": "Fri 18:00", "until": "Mon 08:00", "zone": "Europe/Berln"}, "is no time zone"),
        ({"from": "Fri 18:00", "until": "Mon 08:00", "zone": "../../etc/passwd"}, "is no time zone"),
        ({"from": "Fri 18:00", "until": "Mon 08:00", "zone": "localtime"}, "is no time zone"),
        ({"from": "Fri 18:00", "until": "Mon 08:00"}, "need their `zone`"),
        ({"from": "Fri 24:00", "until": "Mon 08:00", "zone": "UTC"}, "Fri 18:00"),
        ({"from": "Fri 18:00", "until": "2026-12-25T00:00:00Z", "zone": "UTC"}, "either at moments"),
        ({"from": "2026-12-24T00:00:00Z", "until": "2026-12-23T00:00:00Z"}, "ends before it begins"),
        ({"from": "2026-12-24T00:00:00", "until": "2026-12-25T00:00:00Z"}, "with its zone"),
        (
            {"from": "2026-12-24T00:00:00Z", "until": "2026-12-25T00:00:00Z", "zone": "UTC"},
            "leave `zone` out",
        ),
    ],
)
def test_a_time_that_is_none_is_refused(when, sentence):
    with pytest.raises(ValidationError, match=sentence):
        When.model_validate(when)


PASSES = (
    Criteria(commands=("container rename",)),
    Criteria(verbs=(Verb.OPERATE,), targets=Targets(container=("test-*",))),
)


@pytest.mark.parametrize(
    ("line", "of", "holds"),
    [
        ("restart web", {}, True),
        ("rm -f web", {}, True),
        ("container prune -f", {}, True),
        ("ps", {}, False),
        ("logs web", {}, False),
        ("pull nginx", {}, False),
        ("rename web old", {}, False),
        ("restart test-1", {}, False),
        ("restart test-1 web", {}, True),
        ("restart web", {"host": "test-1"}, False),
        ("restart web", {"incident": "INC-12"}, False),
        ("rm -f web", {"incident": "INC-12"}, True),
        # An id may be that of what passes: only the worker can tell.
        ("restart cccc", {}, False),
        ("restart cccc", {"cccc": Facts(id=ID, names=("web",))}, True),
        ("restart cccc", {"cccc": Facts(id=ID, names=("test-9",))}, False),
    ],
)
def test_a_freeze_lets_pass_reads_what_its_policy_lists_and_work_on_incidents(line, of, holds):
    one = freeze(hosts=("prod-*",), passes=PASSES)
    assert (frozen(one, line, **of) is not None) is holds


def test_a_policy_may_let_no_incident_pass():
    assert frozen(freeze(incident_verbs=()), incident="INC-12") is not None


def test_an_exception_is_for_the_freezes_it_names():
    assert frozen(freeze(), excepted=("weekend",)) is None
    assert frozen(freeze(), excepted=("other",)) is not None


def test_the_sentence_of_a_freeze_says_until_when_by_whom_why_and_what_passes():
    hold = frozen(freeze(passes=PASSES[:1]))
    assert "until Mon 08:00 (Europe/Berlin) by change-board (weekend): books closed" in hold.sentence
    assert hold.hint == (
        "Reads, `container rename` still pass; "
        "in an incident (`/docktalk incident open INC-12`) also operate."
    )


def test_what_people_can_agree_to_pass_says_so_and_by_whom():
    agree = Terms(any=(Threshold(steps=(Step(users=("U0MAX",)),)),))
    hold = frozen(freeze(exception=agree, incident_verbs=()))
    assert hold.hint == "Reads still pass. People can agree to an exception."
    assert hold.exception == agree
    assert frozen(freeze()).exception is None


def test_the_time_zone_of_the_machine_changes_nothing(monkeypatch):
    locks = [lock(until=at("2026-11-30T08:00"), set_at=at("2026-11-27T18:00"))]

    def all_of_it():
        yield held(EMPTY, locks, who(), operation("restart web"), at("2026-11-28T00:30"))
        for moment in ("2026-11-27T17:59", "2026-11-27T18:00", "2026-11-30T00:30", "2026-11-30T08:00"):
            yield frozen(freeze(), moment=moment)
        yield [*WEEKEND.around(at("2026-10-23T18:00"))]

    here = [*all_of_it()]
    assert "since 17:00 UTC until 2026-11-30 07:00 UTC" in here[0].sentence
    assert [hold is not None for hold in here[1:5]] == [False, True, True, False]
    try:
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert [*all_of_it()] == here
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_of_the_same_day_is_told_without_the_day():
    def sentence(until):
        one = lock(set_at=at("2026-11-28T09:00"), until=at(until))
        return held(EMPTY, [one], who(), operation("restart web"), at("2026-11-28T12:00")).sentence

    assert "since 08:00 UTC until 22:59 UTC" in sentence("2026-11-28T23:59")
    assert "since 08:00 UTC until 2026-11-29 00:00 UTC" in sentence("2026-11-29T01:00")


def terms(*names, after=0.0, reason=""):
    steps = tuple(Step(roles=(name,)) for name in names)
    return Terms(any=(Threshold(steps=steps, after=after, reason=reason),))


def agreed(decision, **exceptions):
    policy = Policy.model_construct(freezes={name: freeze(exception=one) for name, one in exceptions.items()})
    return excepting(policy, decision, operation("restart web"), at("2026-11-28T12:00"))


def test_an_exception_is_asked_of_those_whom_the_freeze_names():
    needs = agreed(Allow(rule="r"), weekend=terms("manager"))
    assert (needs.terms, needs.excepted) == (terms("manager"), ("weekend",))


def test_where_the_rule_asks_too_both_have_to_agree():
    ways = (*terms("lead", after=60.0).any, *terms("sre", reason="INC-*").any)
    rule = Terms(any=ways, expires=600.0, denials=2)
    needs = agreed(NeedsApproval(rule="r", terms=rule), weekend=terms("manager"))
    assert (needs.terms.expires, needs.terms.denials) == (600.0, 1)
    assert [[step.roles for step in way.steps] for way in needs.terms.any] == [
        [("lead",), ("manager",)],
        [("sre",), ("manager",)],
    ]
    assert [(way.after, way.reason) for way in needs.terms.any] == [(60.0, ""), (0.0, "INC-*")]


def test_several_freezes_need_all_of_their_exceptions():
    both = agreed(Allow(rule="r"), one=terms("manager"), other=terms("owner"))
    assert (both.rule, both.excepted) == ("r, freeze one, other", ("one", "other"))
    assert [step.roles for step in both.terms.any[0].steps] == [("manager",), ("owner",)]
    assert agreed(Allow(rule="r"), one=terms("manager"), other=None) is None


def test_what_no_threshold_can_say_nobody_can_agree_to():
    long = terms("a", "b", "c")
    most = agreed(NeedsApproval(rule="r", terms=long), weekend=terms("d", "e"))
    assert [step.roles for step in most.terms.any[0].steps] == [(name,) for name in "abcde"]
    assert agreed(NeedsApproval(rule="r", terms=long), weekend=terms("d", "e", "f")) is None
    needs = NeedsApproval(rule="r", terms=terms("a", reason="INC-*"))
    assert agreed(needs, weekend=terms("b", reason="CHG-*")) is None


def test_an_exception_from_a_freeze_that_is_gone_is_none():
    assert asked_for(EMPTY, Allow(rule="r"), ("weekend",)) is None
    assert asked_for(EMPTY, NeedsApproval(rule="r", terms=terms("lead")), ()) is None


def test_a_freeze_that_nobody_can_pass_is_told_before_one_that_somebody_can():
    freezes = {"soft": freeze(exception=terms("manager")), "hard": freeze()}
    policy = Policy.model_construct(freezes=freezes)
    hold = held(policy, [], who(), operation("restart web"), at("2026-11-28T12:00"))
    assert hold.freeze == "hard"


def test_the_last_moment_there_is_has_a_date_in_every_zone():
    last = When.model_validate({"from": "2026-01-01T00:00:00Z", "until": "9999-12-31T23:59:59-12:00"})
    assert "9999" in frozen(freeze(last)).sentence
