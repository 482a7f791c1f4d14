"""Host paths that a policy lists: what they give, and what no spelling, link or way around gives."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from handlers.catalogue import load
from handlers.grammar.parser import parse
from permissions.decide import decide
from permissions.decision import Allow, Deny
from permissions.explain import explain
from permissions.host_paths import HostPath, canonical_path, under
from permissions.matching import weighed
from permissions.operation import Bind, Operation, Principal, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.verbs import Danger, Verb

CATALOGUE = load()
ANA = Principal(team_id="T", user_id="U1", name="", standing=Standing.MEMBER, as_of=0.0)
LISTED = ({"path": "/srv/share"}, {"path": "/srv/up", "mode": "rw"})
ROOT = Danger.ROOT_EQUIVALENT


def policy(*paths: dict[str, Any], deny: tuple[DenyRule, ...] = ()) -> Policy:
    return Policy(
        version=1,
        roles={"r": Role(rules=(Rule(commands=("*",)),))},
        bindings=(Binding(role="r", users=("U1",)),),
        host_paths=tuple(HostPath.model_validate(path) for path in paths),
        deny=deny,
    )


def operation(options: str, host: str = "local") -> Operation:
    return parse(f"run {options} busybox", CATALOGUE).command.operation(host)


def passes(made: Policy, options: str, host: str = "local") -> bool:
    return isinstance(decide(made, ANA, "C1", operation(options, host)), Allow)


BOUND = '"volume-opt=o=bind,ro",volume-opt=type=none,volume-opt=device=/srv/share'
READING = [
    "-v {path}:/in:ro",
    "--volume={path}/:/in:ro",
    "-v={path}/.:/in:ro",
    "-v /{path}:/in:ro",
    "-v {path}/x/..:/in:ro",
    "--mount type=bind,source={path},target=/in,readonly",
    "--mount=TYPE=Bind,SRC={path}/,dst=/in,ro=true",
    "--mount type=bind,src={path}//,dst=/in,readonly=1",
    "--mount 'dst=/in,\"volume-opt=o=bind,ro\",volume-opt=type=none,volume-opt=device={path}'",
]
WRITING = [text.replace(":ro", "").replace(",readonly=1", "").replace(",readonly", "") for text in READING]
WRITING = [text.replace(",ro=true", "").replace("bind,ro", "bind") for text in WRITING]


@pytest.mark.parametrize("path", ["/srv/share", "/srv/share/a", "/srv/share/a b/c.txt"])
@pytest.mark.parametrize("mount", READING)
def test_what_is_listed_is_read_like_a_volume_however_it_is_written(mount: str, path: str):
    text = mount if " " not in path else mount.replace("{path}", path.replace(" ", "_"))
    assert passes(policy(*LISTED), text.format(path=path))
    assert not passes(policy(), text.format(path=path))


@pytest.mark.parametrize("mount", WRITING)
def test_what_is_listed_for_reading_is_written_in_no_spelling(mount: str):
    assert not passes(policy(*LISTED), mount.format(path="/srv/share"))
    assert passes(policy(*LISTED), mount.format(path="/srv/up"))


@pytest.mark.parametrize("mount", [*READING, *WRITING])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/srv", "/etc", "/srv/shared", "/srv/share.bak", "/srv/Share", "/proc/1/root/srv/share"),
        *("/srv/share/../../etc", "/srv/share/..", "/srv/up/..", "/srv/up/sub", "/srv/up/link", "/srv/upx"),
        *("//srv/share/../up/link", "/srv/./share/../../root", "/var/run/docker.sock", "/srv/share\u200b"),
    ],
)
def test_no_path_above_beside_or_behind_a_listed_one_is_given(mount: str, path: str):
    assert not passes(policy(*LISTED), mount.format(path=path))


@pytest.mark.parametrize(
    "options",
    [
        "-v /srv/share:/in:ro,z",
        "-v /srv/share:/in:ro,Z",
        "-v /srv/share:/in:ro,rshared",
        "-v /srv/share:/in:RO",
        "-v /srv/share:/in:rw",
        "--mount type=bind,src=/srv/share,dst=/in,ro,bind-propagation=shared",
        "--mount type=bind,src=/srv/share,dst=/in,ro,bind-nonrecursive",
        "--mount src=/srv/share,dst=/in,ro",
        "--mount type=npipe,src=/srv/share,dst=/in,ro",
        "--mount 'dst=/in,volume-opt=o=bind,volume-opt=type=none,volume-opt=device=/srv/share,ro'",
        "--mount 'dst=/in,\"volume-opt=o=rbind,ro\",volume-opt=type=none,volume-opt=device=/srv/share'",
        "--mount 'dst=/in,\"volume-opt=o=bind,ro,exec\",volume-opt=type=none,volume-opt=device=/srv/share'",
        "--mount 'dst=/in,\"volume-opt=o=bind,ro\",volume-opt=type=ext4,volume-opt=device=/srv/share'",
        "--mount 'dst=/in,\"volume-opt=o=bind,ro\",volume-opt=type=none,volume-opt=device=/srv/share/x/..'",
        f"--mount 'dst=/in,{BOUND},volume-opt=more=x'",
        f"--mount 'dst=/in,{BOUND},volume-driver=rclone'",
        "-v /srv/share:/in:ro -v /etc:/etc:ro",
        "-v /srv/share:/in:ro --privileged",
        "-v /srv/share:/in:ro --pid host",
        "-v /srv/share:/in:ro --volumes-from web",
        "-v /srv/share:/in:ro --volume-driver local",
        "-v /srv/share:/in:ro --device /dev/sda",
    ],
)
def test_a_listed_path_brings_nothing_else_with_it(options: str):
    assert operation(options).danger is ROOT
    assert not passes(policy(*LISTED), options)


def test_a_path_is_listed_for_its_hosts():
    made = policy({"path": "/srv/share", "hosts": ("test-*",)})
    assert passes(made, "-v /srv/share:/in:ro", "test-1")
    assert not passes(made, "-v /srv/share:/in:ro", "prod-1")
    labelled = policy({"path": "/srv/share", "hosts": ("label:env=test",)})
    line = operation("-v /srv/share:/in:ro")
    assert isinstance(decide(labelled, ANA, "C1", line), Deny)
    there = line.model_copy(update={"host_labels": {"env": "test"}})
    assert isinstance(decide(labelled, ANA, "C1", there), Allow)


def test_a_deny_from_a_danger_on_goes_by_the_danger_that_is_left():
    made = policy(*LISTED, deny=(DenyRule(commands=("*",), min_danger=ROOT),))
    assert passes(made, "-v /srv/share:/in:ro")
    assert not passes(made, "-v /etc:/in:ro")


def test_what_is_left_of_the_danger_is_that_of_everything_else():
    made = policy(*LISTED)
    assert weighed(made, operation("-v /srv/share:/in:ro")).danger is operation("").danger
    unlisted = operation("-v /srv/share:/in:ro -v /etc:/etc")
    assert weighed(made, unlisted) == unlisted
    other = operation("-v /srv/share:/in:ro --cap-add SYS_ADMIN")
    assert (other.otherwise, weighed(made, other).danger) == (ROOT, ROOT)


def test_a_danger_that_cannot_be_told_apart_stays():
    told = Operation(
        command="container run",
        verb=Verb.CREATE,
        danger=ROOT,
        host="local",
        binds=(Bind(path="/srv/share", read_only=True),),
    )
    assert weighed(policy(*LISTED), told).danger is ROOT
    nothing = told.model_copy(update={"binds": (), "otherwise": Danger.SAFE})
    assert weighed(policy(*LISTED), nothing).danger is ROOT


def test_a_denial_names_the_path_that_is_not_listed():
    decision = decide(policy(*LISTED), ANA, "C1", operation("-v /etc/../root:/in"))
    assert decision.reason == (
        "None of your roles here allows `container run` where it is ROOT_EQUIVALENT "
        "(it reaches `/root` of the host)."
    )


def test_an_explanation_goes_by_the_same_danger():
    [rule] = explain(policy(*LISTED), ANA, "C1", operation("-v /srv/share:/in:ro")).considered
    assert rule.matched
    [rule] = explain(policy(), ANA, "C1", operation("-v /srv/share:/in:ro")).considered
    assert rule.because == "it goes up to INTERRUPTS, and this is ROOT_EQUIVALENT"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "srv",
            "",
            "/srv/",
            "/srv/../x",
            "//srv",
            "/srv//x",
            "/srv/.",
            "/srv/\n",
            "./srv",
            "~/srv",
            "/sr\u200bv",
        ),
        *("/", "/proc", "/proc/1", "/sys/fs", "/dev", "/run", "/var", "/var/run", "/run/docker.sock"),
        *("/var/lib", "/var/lib/docker", "/var/lib/docker/volumes/x", "/var/lib/containerd/x"),
    ],
)
def test_what_is_no_plain_path_or_the_host_itself_is_not_listed(path: str):
    with pytest.raises(ValidationError) as caught:
        HostPath(path=path)
    [error] = caught.value.errors()
    plain = path.startswith("/") and canonical_path(path) == path
    says = "would give the host itself away" if plain else "is not a path's one spelling: in full, without"
    assert f"`{path}` {says}" in error["msg"]


@pytest.mark.parametrize("path", ["/srv", "/var/lib/shop", "/process", "/home/ana/a b", "/runs", "/devices"])
def test_an_ordinary_path_is_listed(path: str):
    assert HostPath(path=path).path == path


@pytest.mark.parametrize(("first", "second"), [("/a", "/a/b"), ("/a/b", "/a"), ("/a", "/a")])
@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_where_something_is_written_nothing_else_leads_through(first: str, second: str, mode: str):
    with pytest.raises(ValidationError, match="a link in it could lead anywhere"):
        policy({"path": first, "mode": "rw"}, {"path": second, "mode": mode})
    assert policy({"path": "/a", "mode": "rw"}, {"path": "/ab", "mode": mode}).host_paths[1].mode == mode
    assert policy({"path": first}, {"path": second}).host_paths[1].path == second


@pytest.mark.parametrize(
    ("text", "path"),
    [
        *(("/a", "/a"), ("//a", "/a"), ("///a/", "/a"), ("/a/../b", "/b"), ("/..", "/"), ("/", "/")),
        *(("/a/./b//c", "/a/b/c"), ("a", ""), ("", ""), ("./a", ""), ("/a\n", ""), ("/é x", "/é x")),
    ],
)
def test_a_path_has_one_spelling(text: str, path: str):
    assert canonical_path(text) == path


@pytest.mark.parametrize(
    ("path", "prefix", "is_under"),
    [
        ("/a", "/a", True),
        ("/a/b", "/a", True),
        ("/ab", "/a", False),
        ("/", "/a", False),
        ("/b/a", "/a", False),
    ],
)
def test_below_is_part_by_part(path: str, prefix: str, is_under: bool):
    assert under(path, prefix) is is_under


PATHS = st.sampled_from(["/srv", "/srv/share", "/srv/share/a", "/srv/up", "/srv/up/a", "/srv/shared", "/etc"])
LISTS = st.lists(
    st.builds(lambda path, mode: {"path": path, "mode": mode}, PATHS, st.sampled_from(["ro", "rw"])),
    max_size=2,
)


def listed(paths: list[dict[str, str]]) -> Policy | None:
    try:
        return policy(*paths)
    except ValidationError:
        return None


@given(LISTS, PATHS, st.sampled_from([READING, WRITING]))
def test_equivalent_spellings_get_one_verdict_whatever_is_listed(paths, path: str, mounts: list[str]):
    made = listed(paths)
    assume(made is not None)
    assert len({passes(made, mount.format(path=path)) for mount in mounts}) == 1


@given(LISTS, PATHS, st.sampled_from([*READING, *WRITING]), st.data())
def test_listing_less_never_allows_more(paths, path: str, mount: str, data):
    made, less = listed(paths), [one for one in paths if data.draw(st.booleans())]
    assume(made is not None)
    line = mount.format(path=path)
    assert not passes(policy(*less), line) or passes(made, line)
