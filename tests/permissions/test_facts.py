"""What a target of the policy means, before and after the engine was asked."""

import pytest

from permissions.decide import decide
from permissions.facts import Fit, conditions, hold, on_live_facts, target_problem
from permissions.matching import may_pull
from permissions.operation import Bind, Facts, Operation, Principal, Resource, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb

C, M, N, V = Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME
NO, MAYBE, YES = Fit.NO, Fit.MAYBE, Fit.YES
SHA, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
WEB = Facts(
    id="c1",
    names=("web",),
    labels={"tier": "web", "empty": ""},
    origins=(f"registry.example.com/shop/cart@{SHA}",),
    digests=(SHA,),
    tags=("registry.example.com/shop/cart:3", "cart:dev"),
    networks=("front", "back"),
    volumes=("data",),
)
PULLED = Facts(
    id="i1",
    names=("nginx:1.27", "web:1"),
    labels={},
    origins=(f"nginx@{SHA}",),
    digests=(SHA,),
    tags=("nginx:1.27", "web:1"),
)
BUILT = Facts(id="i2", names=("nginx:1.27",), labels={}, digests=(OTHER,), tags=("nginx:1.27",))


ANA = Principal(team_id="T", user_id="U1", name="", standing=Standing.MEMBER, as_of=0.0)


def asked(*resources: Resource, line: str = "container run", **fields) -> Operation:
    return Operation(
        command=line, verb=Verb.CREATE, danger=Danger.SAFE, resources=resources, host="local", **fields
    )


def fits(kind: Kind, target: str, resource: Resource, operation: Operation | None = None) -> Fit:
    return hold(conditions(kind, target), resource, operation or asked(resource))


@pytest.mark.parametrize(
    ("target", "before", "after"),
    [
        ("web", MAYBE, YES),
        ("we*", MAYBE, YES),
        ("db", MAYBE, NO),
        ("*", YES, YES),
        ("label:tier", MAYBE, YES),
        ("label:tier=web", MAYBE, YES),
        ("label:tier=w*", MAYBE, YES),
        ("label:tier=db", MAYBE, NO),
        ("label:Tier", MAYBE, NO),
        ("label:empty=", MAYBE, YES),
        ("label:tier=", MAYBE, NO),
        ("image:registry.example.com/shop/*", MAYBE, YES),
        ("image:registry.example.com/shop/cart:3", MAYBE, YES),
        ("image:registry.example.com/shop/cart:4", MAYBE, NO),
        ("image:cart", MAYBE, NO),
        (f"image:other@{SHA}", MAYBE, YES),
        (f"image:registry.example.com/shop/cart@{OTHER}", MAYBE, NO),
        ("image:*", MAYBE, YES),
        ("network:front", MAYBE, YES),
        ("network:fr", MAYBE, NO),
        ("volume:d?ta", MAYBE, YES),
        ("volume:other", MAYBE, NO),
        ("web label:tier=web network:back", MAYBE, YES),
        ("web label:tier=db", MAYBE, NO),
        ("db label:tier=web", MAYBE, NO),
    ],
)
def test_an_id_may_be_any_container_until_the_engine_says_what_it_is(target: str, before: Fit, after: Fit):
    written = Resource(kind=C, name="3f2a9c")
    assert fits(C, target, written) is before
    assert fits(C, target, written.model_copy(update={"facts": WEB})) is after


@pytest.mark.parametrize(
    ("target", "pulled", "built"),
    [
        ("nginx", YES, MAYBE),
        ("nginx:1.27", YES, MAYBE),
        ("nginx:1.*", YES, MAYBE),
        ("nginx:2", MAYBE, NO),
        ("web", MAYBE, NO),
        ("web:1", MAYBE, NO),
        ("tag:web:1", YES, NO),
        ("tag:nginx", YES, YES),
        ("tag:nginx:2", NO, NO),
        (f"nginx@{SHA}", YES, NO),
        (f"anything@{SHA}", YES, NO),
        (f"nginx@{OTHER}", NO, YES),
        ("*", YES, YES),
    ],
)
def test_an_image_goes_by_where_it_came_from_and_its_names_only_cast_doubt(
    target: str, pulled: Fit, built: Fit
):
    for facts, fit in ((PULLED, pulled), (BUILT, built)):
        assert fits(M, target, Resource(kind=M, name="x", facts=facts)) is fit


@pytest.mark.parametrize(
    ("target", "fit"),
    [
        ("web", YES),
        ("w*", YES),
        ("db", NO),
        ("cafe", NO),
        ("label:tier=web", YES),
        ("label:tier=db", NO),
        ("label:team", MAYBE),
        ("image:nginx", YES),
        ("image:redis", NO),
        ("network:front", YES),
        ("network:back", NO),
        ("volume:data", NO),
    ],
)
def test_of_a_new_container_what_the_line_says_is_known(target: str, fit: Fit):
    new = Resource(kind=C, name="/web", new=True)
    line = asked(
        Resource(kind=M, name="nginx"),
        new,
        Resource(kind=N, name="front"),
        values={"label": ("tier=web",)},
    )
    assert fits(C, target, new, line) is fit
    known = line.model_copy(update={"image_labels": {"team": "shop", "tier": "image"}})
    assert fits(C, target, new, known) is (YES if target == "label:team" else fit)


def test_a_new_name_is_no_id_and_one_that_cannot_be_read_is_in_doubt():
    assert fits(C, "cafe", Resource(kind=C, name="cafe", new=True)) is YES
    assert fits(C, "web", Resource(kind=C, name="cafe", new=True)) is NO
    assert fits(C, "web", Resource(kind=C, name="web/x", new=True)) is MAYBE
    assert fits(V, "label:a=1", Resource(kind=V, name="data", new=True)) is NO
    assert fits(M, "nginx:1", Resource(kind=M, name="nginx", new=True)) is MAYBE
    assert fits(M, "tag:nginx", Resource(kind=M, name="nginx:2", new=True)) is YES


def test_a_new_container_is_of_every_image_it_may_be_made_of():
    new = Resource(kind=C, name="x", new=True)
    here = Resource(kind=M, name="nginx", facts=BUILT)
    fetched = Resource(kind=M, name="nginx")
    assert fits(C, "image:nginx", new, asked(here, fetched, new)) is MAYBE
    assert fits(C, "image:nginx", new, asked(fetched, new)) is YES
    assert fits(C, "image:nginx", new, asked(new)) is MAYBE


@pytest.mark.parametrize(
    ("kind", "target", "says"),
    [
        (C, "web label:tier=web image:nginx:1 network:n volume:v", ""),
        (C, "label:", "is no label"),
        (C, "label:=x", "is no label"),
        (C, "label:k=\u00e4", "is no label"),
        (C, "image:a//b", "is no image name"),
        (C, "network:a b", ""),
        (C, "web db", "no container name but two"),
        (C, "web ", "no container name but two"),
        (C, "tag:x", "is no container name"),
        (M, "label:x", ""),
        (M, "tag:x:1", ""),
        (M, "tag:a//b", "is no image name"),
        (N, "n label:x", ""),
        (V, "label:x image:y", "is no volume name"),
        (Kind.REGISTRY, "label:x=1", "is no registry name"),
    ],
)
def test_a_target_that_says_nothing_is_refused_with_a_sentence(kind: Kind, target: str, says: str):
    problem = target_problem(kind, target)
    assert says in problem
    assert bool(problem) == bool(says)


EXPOSED = Facts(id="x", names=("x",), labels={}, exposures=("privileged",))


@pytest.mark.parametrize(
    ("command", "kind", "danger"),
    [
        *((f"container {name}", C, Danger.ROOT_EQUIVALENT) for name in ("exec", "cp", "attach", "start")),
        *((f"container {name}", C, Danger.ROOT_EQUIVALENT) for name in ("restart", "update", "commit")),
        *((f"container {name}", C, Danger.ROOT_EQUIVALENT) for name in ("export", "run", "create")),
        ("container of the future", C, Danger.ROOT_EQUIVALENT),
        *((f"container {name}", C, Danger.INTERRUPTS) for name in ("stop", "kill", "rm", "pause", "unpause")),
        *(
            (f"container {name}", C, Danger.INTERRUPTS)
            for name in ("logs", "inspect", "top", "port", "stats")
        ),
        *((f"container {name}", C, Danger.INTERRUPTS) for name in ("diff", "wait", "rename")),
        ("inspect", C, Danger.INTERRUPTS),
        ("network connect", C, Danger.INTERRUPTS),
        ("network disconnect", C, Danger.INTERRUPTS),
        ("network connect", N, Danger.ROOT_EQUIVALENT),
        ("network inspect", N, Danger.INTERRUPTS),
        ("network disconnect", N, Danger.INTERRUPTS),
        ("network rm", N, Danger.INTERRUPTS),
        ("container run", V, Danger.ROOT_EQUIVALENT),
        ("volume inspect", V, Danger.INTERRUPTS),
        ("volume rm", V, Danger.INTERRUPTS),
        ("volume update", V, Danger.INTERRUPTS),
        ("image rm", M, Danger.ROOT_EQUIVALENT),
    ],
)
def test_whoever_controls_what_is_exposed_is_root(command: str, kind: Kind, danger: Danger):
    line = asked(Resource(kind=kind, name="x"), line=command).model_copy(update={"danger": Danger.INTERRUPTS})
    plain = on_live_facts(line, line.resources, {"a": "b"})
    assert (plain.danger, plain.live, plain.image_labels) == (Danger.INTERRUPTS, True, {"a": "b"})
    bare, exposed = (
        Resource(kind=kind, name="x", facts=facts)
        for facts in (EXPOSED.model_copy(update={"exposures": ()}), EXPOSED)
    )
    assert on_live_facts(line, [bare, bare], None).danger is Danger.INTERRUPTS
    found = on_live_facts(line, [bare, exposed], None)
    assert (found.danger, found.resources) == (danger, (bare, exposed))


def test_the_danger_of_the_line_itself_never_becomes_less():
    line = asked().model_copy(update={"danger": Danger.ROOT_EQUIVALENT})
    assert on_live_facts(line, [], None).danger is Danger.ROOT_EQUIVALENT


SHARE, ETC = Bind(path="/srv/share", read_only=True), Bind(path="/etc", read_only=True)
ROOT, SAFE, LESS = Danger.ROOT_EQUIVALENT, Danger.SAFE, Danger.INTERRUPTS


def has(*binds: Bind, exposures: tuple[str, ...] = (), name: str = "web") -> Resource:
    facts = Facts(id=name, names=(name,), exposures=exposures, binds=binds)
    return Resource(kind=C, name=name, facts=facts)


@pytest.mark.parametrize(
    ("command", "own", "found", "danger", "binds", "otherwise"),
    [
        ("container exec", (), (has(),), LESS, (), LESS),
        ("container exec", (), (has(SHARE),), ROOT, (SHARE,), LESS),
        ("container exec", (), (has(SHARE), has(ETC, SHARE, name="db")), ROOT, (SHARE, ETC), LESS),
        ("container exec", (), (has(SHARE, exposures=("device",)),), ROOT, (SHARE,), ROOT),
        ("container exec", (), (has(SHARE), has(exposures=("device",))), ROOT, (SHARE,), ROOT),
        ("container stop", (), (has(SHARE, exposures=("device",)),), LESS, (), LESS),
        ("container run", (ETC,), (has(),), ROOT, (ETC,), SAFE),
        ("container run", (ETC,), (has(SHARE, ETC),), ROOT, (ETC, SHARE), SAFE),
        ("container run", (ETC,), (has(exposures=("device",)),), ROOT, (ETC,), ROOT),
    ],
)
def test_paths_of_the_host_are_told_apart_from_everything_else(
    command: str, own, found, danger: Danger, binds, otherwise: Danger
):
    line = asked(line=command).model_copy(update={"danger": LESS})
    if own:
        line = line.model_copy(update={"danger": ROOT, "binds": own, "otherwise": SAFE})
    live = on_live_facts(line, found, None)
    assert (live.danger, live.binds, live.otherwise) == (danger, binds, otherwise)


def test_what_could_not_be_told_apart_before_cannot_be_later():
    line = asked().model_copy(update={"danger": ROOT, "binds": (ETC,)})
    assert on_live_facts(line, (has(),), None).otherwise is None


@pytest.mark.parametrize(
    ("name", "values", "command", "fetched"),
    [
        ("nginx", {}, "container run", True),
        ("nginx", {}, "container create", True),
        ("nginx", {}, "image rm", False),
        ("nginx", {"pull": ("never",)}, "container run", False),
        ("nginx", {"pull": ("missing",)}, "container run", True),
        ("nginx", {"pull": ("never", "always")}, "container run", True),
        ("nginx", {"pull": ("always", "never")}, "container run", False),
        ("cafe", {}, "container run", False),
        ("cafe", {"pull": ("missing",)}, "container run", False),
        ("cafe", {"pull": ("always",)}, "container run", True),
        ("nginx", {"pull": ("always",)}, "image rm", False),
    ],
)
def test_an_image_is_fetched_for_a_new_container_unless_it_lies_there(
    name: str, values, command: str, fetched: bool
):
    assert may_pull(asked(line=command, values=values), name) is fetched


@pytest.mark.parametrize(
    ("line", "image", "new", "settled"),
    [
        ("container run", "nginx", False, False),
        ("container run", "cafe", False, True),
        ("image rm", "nginx", False, True),
        ("image pull", "cafe", False, False),
        ("image push", "nginx", False, False),
        ("image tag", "cafe", True, False),
        ("image rm", "a//b", False, False),
    ],
)
def test_looking_at_the_host_settles_what_lies_there_alone(line: str, image: str, new: bool, settled: bool):
    allowed = Rule(commands=("*",), targets=Targets(image=(f"other@{SHA}",)), gives=("*",))
    policy = Policy(
        version=1, roles={"r": Role(rules=(allowed,))}, bindings=(Binding(role="r", users=("U1",)),)
    )
    resource = Resource(kind=M, name=image, new=new)
    decision = decide(policy, ANA, "C1", asked(resource, line=line))
    maybe = decision.outcome == "allow" and decision.provisional
    assert maybe is (settled and image == "cafe")
    denied = Policy(
        version=1,
        roles={"r": Role(rules=(Rule(commands=("*",), gives=("*",)),))},
        bindings=(Binding(role="r", users=("U1",)),),
        deny=(DenyRule(commands=("*",), targets=Targets(image=(f"other@{SHA}",))),),
    )
    decision = decide(denied, ANA, "C1", asked(resource, line=line))
    in_doubt = image in {"cafe", "a//b"}
    assert decision.outcome == ("deny" if in_doubt and not settled else "allow")
    assert (decision.outcome == "allow" and decision.provisional) is (in_doubt and settled)
