import pytest
from pydantic import ValidationError

from permissions.policy import Binding, DenyRule, Flags, Policy, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb


def test_a_policy_comes_back_from_its_json():
    policy = Policy(
        version=1,
        contact="#ops",
        roles={
            "a": Role(
                description="all",
                rules=(
                    Rule(verbs=(Verb.LIST,), max_danger=Danger.LOSES_DATA, source="p.yaml:3"),
                    Rule(commands=("*",), targets=Targets(image=("nginx",)), flags=Flags(allow=())),
                ),
            )
        },
        bindings=(Binding(role="a", users=("U1",), hosts=("h-*",)),),
        deny=(DenyRule(commands=("*",), min_danger=Danger.LOSES_DATA, flags=("mount",), unless=("a",)),),
    )
    text = policy.model_dump_json()
    assert '"max_danger":"LOSES_DATA"' in text
    assert Policy.model_validate_json(text) == policy


def test_an_allow_goes_up_to_interrupts_and_a_deny_begins_at_safe_unless_they_say_so():
    assert Rule(verbs=(Verb.LIST,)).max_danger is Danger.INTERRUPTS
    assert DenyRule(verbs=(Verb.LIST,)).min_danger is Danger.SAFE


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Rule, "a rule names `verbs` or `commands`"),
        (lambda: DenyRule(targets=Targets(container=("db",))), "a rule names `verbs` or `commands`"),
        (lambda: Rule(verbs=("list",), min_danger="SAFE"), "Extra inputs"),
        (lambda: DenyRule(verbs=("list",), max_danger="SAFE"), "Extra inputs"),
        (lambda: DenyRule(verbs=("list",), flags=("*",)), "without dashes"),
        (lambda: Rule(verbs=("list",), max_danger=3), "not a danger"),
        (lambda: Rule(verbs=("list",), max_danger="safe"), "not a danger"),
        (lambda: Rule(verbs=("*",)), "Input should be 'list'"),
        (lambda: Rule(commands=("container re*",)), "is not a command"),
        (lambda: Rule(commands=("* ls",)), "is not a command"),
        (lambda: Rule(commands=("container  ls",)), "is not a command"),
        (lambda: Rule(commands=("Container ls",)), "is not a command"),
        (lambda: Rule(commands=("docker ps",)), "without `docker`"),
        (lambda: Rule(commands=("docker",)), "without `docker`"),
        (lambda: Rule(verbs=("list",), hosts=("a b",)), "is not a host's name"),
        (Flags, "`flags` says nothing"),
        (lambda: Flags(allow=("time",), deny=("time",)), "`time` is both allowed and denied"),
        (lambda: Flags(allow=("--time",)), "without dashes"),
        (lambda: Flags(deny=("*",)), "without dashes"),
        (Targets, "`targets` names nothing"),
        (lambda: Targets(container=("w b",)), "is no container name"),
        (lambda: Targets(network=("w/b",)), "is no network name"),
        (lambda: Targets(volume=("/data",)), "is no volume name"),
        (lambda: Targets(registry=("a/b",)), "is no registry name"),
        (lambda: Targets(image=("a b",)), "is no image name"),
        (lambda: Binding(role="a"), "the binding is for nobody"),
        (lambda: Binding(role="a", channels=("C1",)), "the binding is for nobody"),
        (lambda: Binding(role="A b", users=("U1",)), "is not a role's name"),
        (lambda: Binding(role="a", users=("@ana",)), "Copy member ID"),
        (lambda: Binding(role="a", users=("",)), "Copy member ID"),
        (lambda: Binding(role="a", users=("u0ana",)), "Copy member ID"),
        (lambda: Binding(role="a", groups=("ops",)), "Copy group ID"),
        (lambda: Binding(role="a", users=("U1",), channels=("#ops",)), "at the very bottom"),
        (lambda: Binding(role="a", users=("U1",), hosts=("*/",)), "is not a host's name"),
        (lambda: Policy(version=1, bindings=(Binding(role="a", users=("U1",)),)), "role a is not defined"),
        (
            lambda: Policy(version=1, deny=(DenyRule(commands=("*",), unless=("a",)),)),
            "role a is not defined",
        ),
        (lambda: Policy(version=2), "Input should be 1"),
        (lambda: Policy(version=1, roles={"A": Role()}), "is not a role's name"),
        (lambda: Policy(version=1, rules=()), "Extra inputs"),
    ],
)
def test_what_cannot_be_decided_on_is_no_policy(make, says: str):
    with pytest.raises(ValidationError, match=r".") as caught:
        make()
    assert says in str(caught.value)


def test_a_policy_cannot_be_changed():
    rule = Rule(verbs=(Verb.LIST,))
    with pytest.raises(ValidationError, match="frozen"):
        rule.max_danger = Danger.ROOT_EQUIVALENT


def test_targets_are_listed_by_kind():
    targets = Targets(container=("web", "api-*"), volume=("data",))
    assert targets.patterns(Kind.CONTAINER) == ("web", "api-*")
    assert targets.patterns(Kind.IMAGE) == ()
    assert targets.patterns(Kind.SYSTEM) == ()
    assert list(targets.each()) == [
        (Kind.CONTAINER, "web"),
        (Kind.CONTAINER, "api-*"),
        (Kind.VOLUME, "data"),
    ]


def test_bindings_are_found_once_each_in_the_order_of_the_file():
    first = Binding(role="a", users=("U1", "U2"), groups=("S1",))
    second = Binding(role="a", groups=("S1", "S2"))
    policy = Policy(version=1, roles={"a": Role()}, bindings=(first, second))
    assert policy.bindings_of("U1", ("S2", "S1"), None) == [first, second]
    assert policy.bindings_of("U3", ("S2",), 0.0) == [second]
    assert policy.bindings_of("S1", ("U1",), 0.0) == []
