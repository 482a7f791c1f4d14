"""Laws of the decision over policies and operations of any make."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from permissions.decide import decide, offers
from permissions.decision import Allow, Decision, Deny
from permissions.explain import explain
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.policy import Binding, DenyRule, Flags, Policy, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb

law = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no reason to fail."""

HOSTS = st.sampled_from(["local", "prod-1", "ci"])
COMMANDS = st.sampled_from(["container rm", "container ls", "image pull", "system prune", "version"])
FLAGS = st.sampled_from(["force", "volume", "no-redact"])
NAMES = st.sampled_from(["web", "api-1", "ab12", "/web", "web/x", "nginx:1", "w\u0435b", "", " "])
PATTERNS = st.sampled_from(["web", "api-*", "*", "a*", "ab12"])
OTHER_HOST = st.sampled_from(["prod-*", "local", "*"])
SEVERAL = {"max_size": 2, "unique": True}


def tuples(of, **bounds):
    return st.lists(of, **{**SEVERAL, **bounds}).map(tuple)


# Made once: a strategy that is made within another is looked at anew for every example.
SAID_VERBS = tuples(st.sampled_from(Verb))
SAID_COMMANDS = st.sampled_from(["*", "container *", "container rm", "system prune"])
ANY_COMMANDS, SOME_COMMANDS = tuples(SAID_COMMANDS), tuples(SAID_COMMANDS, min_size=1)
SAID_TARGETS = st.none() | st.builds(Targets, container=tuples(PATTERNS, min_size=1), image=tuples(PATTERNS))
SAID_HOSTS = tuples(OTHER_HOST)


@st.composite
def criteria(draw):
    verbs = draw(SAID_VERBS)
    return {
        "verbs": verbs,
        "commands": draw(ANY_COMMANDS if verbs else SOME_COMMANDS),
        "targets": draw(SAID_TARGETS),
        "hosts": draw(SAID_HOSTS),
    }


ALLOWED_FLAGS = tuples(st.sampled_from(["*", "no-redact", "force"])).map(lambda names: Flags(allow=names))
RULE = st.builds(
    lambda said, max_danger, flags: Rule(**said, max_danger=max_danger, flags=flags),
    criteria(),
    st.sampled_from(Danger),
    st.just(Flags(allow=("*",))) | ALLOWED_FLAGS,
)
DENY = st.builds(
    lambda said, min_danger, flags, unless: DenyRule(
        **said, min_danger=min_danger, flags=flags, unless=unless
    ),
    criteria(),
    st.sampled_from(Danger),
    tuples(FLAGS),
    tuples(st.sampled_from(["r", "s"])),
)
BINDING = st.builds(
    Binding,
    role=st.sampled_from(["r", "s"]),
    users=tuples(st.sampled_from(["U1", "U2"]), min_size=1),
    groups=tuples(st.sampled_from(["S1", "S2"])),
    channels=tuples(st.sampled_from(["C1", "C2"])),
    hosts=tuples(OTHER_HOST),
)
ROLE = st.lists(RULE, max_size=4).map(lambda rules: Role(rules=tuple(rules)))
POLICY = st.builds(
    lambda r, s, bindings, deny: Policy(version=1, roles={"r": r, "s": s}, bindings=bindings, deny=deny),
    ROLE,
    ROLE,
    tuples(BINDING, min_size=1, max_size=4, unique=False),
    tuples(DENY),
)
PRINCIPAL = st.builds(
    Principal,
    team_id=st.just("T1"),
    user_id=st.sampled_from(["U1", "U2", "U3"]),
    name=st.just("ana"),
    standing=st.sampled_from([Standing.MEMBER] * 5 + [Standing.GUEST]),
    groups=tuples(st.sampled_from(["S1", "S2"])),
    as_of=st.just(0.0),
)
CHANNEL = st.sampled_from(["C1", "C2", "C3"])
OPERATION = st.builds(
    Operation,
    command=COMMANDS,
    verb=st.sampled_from(Verb),
    danger=st.sampled_from(Danger),
    resources=tuples(st.builds(Resource, kind=st.sampled_from(Kind), name=NAMES), unique=False),
    flags=tuples(FLAGS),
    host=HOSTS,
)
ASK = {"policy": POLICY, "principal": PRINCIPAL, "channel": CHANNEL, "operation": OPERATION}


def allowed(decision: Decision) -> bool:
    return isinstance(decision, Allow)


def changed(policy: Policy, **update) -> Policy:
    return Policy.model_validate(policy.model_copy(update=update).model_dump())


@law
@given(**ASK, deny=DENY, data=st.data())
def test_adding_a_deny_never_allows_more(policy, principal, channel, operation, deny, data):
    denies = list(policy.deny)
    denies.insert(data.draw(st.integers(0, len(denies))), deny)
    after = decide(changed(policy, deny=tuple(denies)), principal, channel, operation)
    assert not allowed(after) or allowed(decide(policy, principal, channel, operation))


@law
@given(**ASK, data=st.data())
def test_removing_an_allow_never_allows_more(policy, principal, channel, operation, data):
    roles = {
        name: Role(rules=tuple(rule for rule in role.rules if data.draw(st.booleans())))
        for name, role in policy.roles.items()
    }
    after = decide(changed(policy, roles=roles), principal, channel, operation)
    assert not allowed(after) or allowed(decide(policy, principal, channel, operation))


@law
@given(**ASK, data=st.data())
def test_removing_a_binding_never_allows_more(policy, principal, channel, operation, data):
    kept = tuple(binding for binding in policy.bindings if data.draw(st.booleans()))
    after = decide(changed(policy, bindings=kept), principal, channel, operation)
    assert not allowed(after) or allowed(decide(policy, principal, channel, operation))


@law
@given(**ASK)
def test_losing_the_groups_or_the_channel_never_allows_more(policy, principal, channel, operation):
    lost = principal.model_copy(update={"groups": ()})
    for after in (decide(policy, lost, channel, operation), decide(policy, principal, "", operation)):
        assert not allowed(after) or allowed(decide(policy, principal, channel, operation))


@law
@given(**ASK, more=st.builds(Resource, kind=st.sampled_from(Kind), name=NAMES))
def test_naming_one_more_target_never_allows_more_among_named_targets(
    policy, principal, channel, operation, more
):
    if not operation.resources:
        operation = operation.model_copy(update={"resources": (Resource(kind=Kind.CONTAINER, name="web"),)})
    wider = operation.model_copy(update={"resources": (*operation.resources, more)})
    after = decide(policy, principal, channel, wider)
    assert not allowed(after) or allowed(decide(policy, principal, channel, operation))


@law
@given(**ASK)
def test_turning_redaction_off_never_allows_more(policy, principal, channel, operation):
    masked = operation.model_copy(update={"flags": tuple(f for f in operation.flags if f != "no-redact")})
    unmasked = operation.model_copy(update={"flags": (*masked.flags, "no-redact")})
    after = decide(policy, principal, channel, unmasked)
    listed = any("no-redact" in (r.flags.allow or ()) for role in policy.roles.values() for r in role.rules)
    assert not allowed(after) or (listed and allowed(decide(policy, principal, channel, masked)))


@law
@given(**ASK, data=st.data())
def test_the_order_of_rules_bindings_targets_and_flags_never_changes_the_verdict(
    policy, principal, channel, operation, data
):
    shuffled = changed(
        policy,
        roles={
            name: Role(rules=tuple(data.draw(st.permutations(role.rules))))
            for name, role in policy.roles.items()
        },
        bindings=tuple(data.draw(st.permutations(policy.bindings))),
        deny=tuple(data.draw(st.permutations(policy.deny))),
    )
    other = operation.model_copy(
        update={
            "resources": tuple(data.draw(st.permutations(operation.resources))),
            "flags": tuple(data.draw(st.permutations(operation.flags))),
        }
    )
    before, after = (
        decide(policy, principal, channel, operation),
        decide(shuffled, principal, channel, other),
    )
    assert type(before) is type(after)


@law
@given(**ASK)
def test_only_members_with_whole_names_are_ever_allowed(policy, principal, channel, operation):
    if allowed(decide(policy, principal, channel, operation)):
        assert principal.standing is Standing.MEMBER
        assert all(resource.name.strip() for resource in operation.resources)


@law
@given(**ASK)
def test_whatever_is_allowed_is_offered(policy, principal, channel, operation):
    if allowed(decide(policy, principal, channel, operation)):
        bare = operation.model_copy(update={"resources": (), "flags": (), "values": {}})
        dangers = [danger for danger in Danger if danger <= operation.danger]
        assert all(
            offers(policy, principal, channel, bare.model_copy(update={"danger": danger}))
            for danger in dangers
        )


@law
@given(**ASK)
def test_the_explanation_agrees_with_the_decision(policy, principal, channel, operation):
    explanation = explain(policy, principal, channel, operation)
    assert explanation.decision == decide(policy, principal, channel, operation)
    matched = [c for c in explanation.considered if c.matched]
    if isinstance(explanation.decision, Allow):
        assert matched
        assert {c.effect for c in matched} == {"allow"}
    elif explanation.decision.rule.startswith("deny"):
        assert explanation.decision.rule in {c.rule for c in matched if c.effect == "deny"}


ANYTHING = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.lists(st.text(max_size=3), max_size=3),
    POLICY,
    PRINCIPAL,
    OPERATION,
)
ODD_OPERATION = st.builds(
    Operation,
    command=st.text(),
    verb=st.sampled_from(Verb),
    danger=st.sampled_from(Danger),
    resources=tuples(st.builds(Resource, kind=st.sampled_from(Kind), name=st.text()), unique=False),
    flags=tuples(st.text()),
    host=st.text(),
)


@law
@given(POLICY, PRINCIPAL, st.text(), ODD_OPERATION)
def test_any_operation_gets_a_decision_that_names_its_rule(policy, principal, channel, operation):
    decision = decide(policy, principal, channel, operation)
    assert isinstance(decision, Allow | Deny)
    assert decision.rule != "failure"
    if isinstance(decision, Deny):
        assert decision.reason.endswith((".", "…"))
        assert decision.hint.endswith(".")


@law
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_no_argument_makes_it_raise_or_allow(policy, principal, channel, operation):
    decision = decide(policy, principal, channel, operation)
    whole = (
        isinstance(policy, Policy) and isinstance(principal, Principal) and isinstance(operation, Operation)
    )
    assert isinstance(decision, Deny) or (whole and isinstance(decision, Allow))
