"""Laws of the decision once the targets are known, and of time."""

from hypothesis import given
from hypothesis import strategies as st

from permissions.decide import decide
from permissions.decision import Allow
from permissions.facts import on_live_facts
from permissions.oncall import Rotation
from permissions.operation import Facts, Operation, Resource
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb
from tests.permissions.test_decide_properties import PRINCIPAL, law, tuples

TARGETS = st.builds(
    Targets,
    container=tuples(
        st.sampled_from(["web", "w*", "*", "label:tier=web", "web label:tier", "image:nginx", "network:n"]),
        min_size=1,
    ),
    image=tuples(st.sampled_from(["nginx", "nginx:1", "*", "tag:nginx"])),
    network=tuples(st.sampled_from(["n", "label:a"])),
)
COMMAND = st.sampled_from(["container restart", "container run", "container exec", "container rename"])
RULE = st.builds(
    lambda command, targets, danger, gives: Rule(
        commands=(command,), targets=targets, max_danger=danger, gives=gives
    ),
    COMMAND | st.just("*"),
    st.none() | TARGETS,
    st.sampled_from(Danger),
    tuples(st.sampled_from(["*", "web", "tier=web"])),
)
DENY = st.builds(
    lambda command, targets, danger: DenyRule(commands=(command,), targets=targets, min_danger=danger),
    COMMAND | st.just("*"),
    st.none() | TARGETS,
    st.sampled_from(Danger),
)
TIME = st.none() | st.integers(0, 10).map(float)
BINDING = st.builds(
    lambda user, group, start, length, oncall: Binding(
        role="r",
        users=(user,),
        groups=(group,),
        oncall=oncall,
        from_=start,
        until=None if length is None else (start or 0.0) + length + 1,
    ),
    st.sampled_from(["U1", "U2"]),
    st.sampled_from(["S1", "S2"]),
    TIME,
    TIME,
    st.sampled_from([(), ("o",)]),
)
POLICY = st.builds(
    lambda rules, bindings, deny: Policy(
        version=1,
        roles={"r": Role(rules=rules)},
        bindings=bindings,
        deny=deny,
        oncall={"o": Rotation(start=2.0, every=3.0, users=("U3", "U1"))},
    ),
    tuples(RULE, min_size=1, max_size=3, unique=False),
    tuples(BINDING, min_size=1, unique=False),
    tuples(DENY, unique=False),
)
FACTS = st.builds(
    Facts,
    id=st.just("1"),
    names=st.sampled_from([("web",), ("db",), ("nginx:1",)]),
    labels=st.sampled_from([{}, {"tier": "web"}, {"tier": "db", "a": ""}]),
    origins=st.sampled_from([(), ("nginx@sha256:" + "1" * 64,)]),
    tags=st.sampled_from([(), ("nginx:1",)]),
    networks=st.sampled_from([(), ("n",)]),
    exposures=st.just(()),
)
RESOURCE = st.builds(
    Resource,
    kind=st.sampled_from([Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.SYSTEM]),
    name=st.sampled_from(["web", "3f2a", "nginx:1", "web/x"]),
    new=st.booleans(),
    facts=st.none() | FACTS,
)
OPERATION = st.builds(
    Operation,
    command=COMMAND,
    verb=st.sampled_from([Verb.OPERATE, Verb.CREATE]),
    danger=st.sampled_from(Danger),
    resources=tuples(RESOURCE, unique=False, min_size=1),
    values=st.sampled_from([{}, {"label": ("tier=web",)}]),
    image_labels=st.sampled_from([None, {}, {"tier": "web"}]),
    host=st.just("local"),
    live=st.booleans(),
)
AT = st.none() | st.floats(0, 12)


def allowed(policy, principal, operation, at) -> bool:
    return isinstance(decide(policy, principal, "C1", operation, at), Allow)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT)
def test_nothing_is_provisional_at_the_worker(policy, principal, operation, at):
    live = operation.model_copy(update={"live": True})
    decision = decide(policy, principal, "C1", live, at)
    assert not (isinstance(decision, Allow) and decision.provisional)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT)
def test_what_is_in_doubt_is_allowed_by_the_bot_at_most_provisionally(policy, principal, operation, at):
    """Nothing that the worker will refuse for doubt alone has been allowed for sure."""
    bot = operation.model_copy(update={"live": False})
    decision = decide(policy, principal, "C1", bot, at)
    if isinstance(decision, Allow) and not decision.provisional:
        assert allowed(policy, principal, operation.model_copy(update={"live": True}), at)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT, st.data())
def test_a_target_that_exposes_more_never_allows_more(policy, principal, operation, at, data):
    exposed = [
        one.model_copy(update={"facts": one.facts.model_copy(update={"exposures": ("host path",)})})
        if one.facts is not None and data.draw(st.booleans())
        else one
        for one in operation.resources
    ]
    plain = on_live_facts(operation, operation.resources, operation.image_labels)
    worse = on_live_facts(operation, exposed, operation.image_labels)
    assert worse.danger >= plain.danger >= operation.danger
    assert not allowed(policy, principal, worse, at) or allowed(policy, principal, plain, at)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT)
def test_not_knowing_the_time_never_allows_more(policy, principal, operation, at):
    assert not allowed(policy, principal, operation, None) or allowed(policy, principal, operation, at)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT, DENY)
def test_adding_a_deny_on_facts_never_allows_more(policy, principal, operation, at, deny):
    more = Policy.model_validate(policy.model_copy(update={"deny": (*policy.deny, deny)}).model_dump())
    assert not allowed(more, principal, operation, at) or allowed(policy, principal, operation, at)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT, st.data())
def test_a_shorter_or_lost_binding_never_allows_more(policy, principal, operation, at, data):
    kept = tuple(
        binding.model_copy(update={"until": min(binding.until or 99.0, (binding.from_ or 0.0) + 0.5)})
        for binding in policy.bindings
        if data.draw(st.booleans())
    )
    less = Policy.model_validate(policy.model_copy(update={"bindings": kept}).model_dump())
    assert not allowed(less, principal, operation, at) or allowed(policy, principal, operation, at)


@law
@given(POLICY, PRINCIPAL, OPERATION, AT)
def test_giving_a_label_never_allows_more(policy, principal, operation, at):
    if any("label" in pattern for _, pattern in _targets(policy)):
        return  # a rule may ask for the label
    plain = operation.model_copy(update={"values": {}})
    labelled = operation.model_copy(update={"values": {"label": ("tier=web",)}})
    assert not allowed(policy, principal, labelled, at) or allowed(policy, principal, plain, at)


def _targets(policy):
    rules = [rule for role in policy.roles.values() for rule in role.rules]
    return [pair for rule in (*rules, *policy.deny) if rule.targets for pair in rule.targets.each()]
