"""A prune that people agreed to: of what they agreed to it removes what still fits, and nothing else."""

import json

import pytest

from handlers.container.prune import ContainerPrune
from handlers.faults import Cancelled, Conflict, EngineFault, NotFound, OutcomeUnknown, Unreachable
from handlers.image.prune import ImagePrune
from handlers.network.prune import NetworkPrune
from handlers.outcome import Begun, Verdict
from handlers.system.condemned import CACHE
from handlers.system.prune import SystemPrune
from handlers.volume.prune import VolumePrune
from permissions.approval import Bound
from permissions.verbs import Kind
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine, Turns

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")


def container(ident, name, **changes):
    return {"Id": ident * 64, "Names": [f"/{name}"], "Created": 1, "SizeRw": 1500, "Labels": {}, **changes}


def image(ident, *tags, parent="", digests=(), size=1000):
    return {
        "Id": ident,
        "RepoTags": list(tags),
        "RepoDigests": list(digests),
        "ParentId": parent,
        "Size": size,
    }


def volume(name, made="2026-11-01T00:00:00Z"):
    usage = {"RefCount": 0, "Size": 40}
    return {"Name": name, "CreatedAt": made, "Driver": "local", "Labels": None, "UsageData": usage}


def agreed_to(command, answers):
    """The command as people agreed to it when the engine answered this."""
    return command.only(command.condemned(FakeContext(FakeEngine(answers))))


def ran(command, answers, **how):
    """What it prints, warns of, and changes on an engine that answers this."""
    engine = FakeEngine(answers)
    ctx = FakeContext(engine, **how)
    output = command.run(ctx)
    changes = [str(one) for one in engine.requests if one.method != "GET"]
    assert (output.exit_code, output.failures) == (0, ())
    return ctx.out.decode(), ctx.err.decode(), changes, output.note


OLD, IDLE, DEAD = container("1", "old"), container("2", "idle"), container("3", "dead")
CONTAINERS = ("GET", "/containers/json")


def test_only_those_agreed_to_go_and_each_that_is_passed_over_is_named():
    command = agreed_to(ContainerPrune(), {CONTAINERS: [OLD, IDLE, DEAD]})
    out, err, changes, note = ran(
        command,
        {
            CONTAINERS: [container("4", "new"), OLD],
            ("GET", f"/containers/{'2' * 64}/json"): {"State": {"Status": "running"}},
            ("GET", f"/containers/{'3' * 64}/json"): NotFound("No such container"),
            ("DELETE", f"/containers/{'1' * 64}"): None,
        },
    )
    assert changes == [f"DELETE /containers/{'1' * 64}"]
    assert out == f"Deleted Containers:\n{'1' * 64}\n\nTotal reclaimed space: 1.5kB\n"
    assert err == (
        "skipped container idle (222222222222): it is running now\n"
        "skipped container dead (333333333333): it is not there any more\n"
    )
    assert note == "1 of the 3 agreed to went; 2 skipped."


@pytest.mark.parametrize("fault", [Conflict("is running"), NotFound("no such"), EngineFault("is busy")])
def test_what_the_engine_refuses_is_passed_over_and_the_rest_goes_on(fault):
    command = agreed_to(ContainerPrune(), {CONTAINERS: [OLD, IDLE]})
    refused, gone = (("DELETE", f"/containers/{ident * 64}") for ident in "12")
    out, err, changes, _ = ran(command, {CONTAINERS: [OLD, IDLE], refused: fault, gone: None})
    assert len(changes) == 2
    assert out == f"Deleted Containers:\n{'2' * 64}\n\nTotal reclaimed space: 1.5kB\n"
    assert err == f"skipped container old (111111111111): {fault.message}\n"


@pytest.mark.parametrize("fault", [Unreachable("no engine"), OutcomeUnknown("broke"), Cancelled("Cancelled")])
def test_what_went_is_told_when_it_cannot_go_on(fault):
    command = agreed_to(ContainerPrune(), {CONTAINERS: [OLD, IDLE, DEAD]})
    one, two = (("DELETE", f"/containers/{ident * 64}") for ident in "12")
    engine = FakeEngine({CONTAINERS: [OLD, IDLE, DEAD], one: None, two: fault})
    ctx = FakeContext(engine)
    with pytest.raises(type(fault)):
        command.run(ctx)
    assert ctx.out.decode() == f"Deleted Containers:\n{'1' * 64}\n"
    assert len([request for request in engine.requests if request.method == "DELETE"]) == 2


class CancelledByTheFirst(FakeContext):
    def stdout(self, data):
        super().stdout(data)
        self.cancelled = True


def test_a_cancel_is_heard_between_two():
    command = agreed_to(ContainerPrune(), {CONTAINERS: [OLD, IDLE]})
    engine = FakeEngine({CONTAINERS: [OLD, IDLE], ("DELETE", f"/containers/{'1' * 64}"): None})
    with pytest.raises(Cancelled):
        command.run(CancelledByTheFirst(engine))
    assert [one.path for one in engine.requests if one.method == "DELETE"] == [f"/containers/{'1' * 64}"]


@pytest.mark.parametrize("command", [ContainerPrune(), ContainerPrune(force=True)])
def test_without_an_approval_it_is_one_request_of_the_clis(command):
    report = {"ContainersDeleted": ["1" * 64], "SpaceReclaimed": 5}
    engine = FakeEngine({("POST", "/containers/prune"): report})
    assert command.run(FakeContext(engine)).stdout.endswith("Total reclaimed space: 5B\n")
    assert [str(one) for one in engine.requests] == ["POST /containers/prune"]


@pytest.mark.parametrize("command", [ContainerPrune(), SystemPrune(all=True, volumes=True)])
def test_where_nothing_was_agreed_to_nothing_goes(command):
    everything = {
        CONTAINERS: [OLD],
        ("GET", "/system/df"): {"Containers": [{**OLD, "State": "exited"}]},
        ("GET", "/networks"): [],
    }
    named = Bound(kind=Kind.CONTAINER, name="old", id="1" * 64)
    out, err, changes, _ = ran(command.only((named,)), everything)
    assert (out, err, changes) == ("Total reclaimed space: 0B\n", "", [])


def test_a_container_that_was_renamed_stays():
    command = agreed_to(ContainerPrune(), {CONTAINERS: [OLD]})
    _, err, changes, _ = ran(command, {CONTAINERS: [container("1", "keep-me")]})
    assert (changes, "other names" in err) == ([], True)


def test_a_container_is_known_by_its_own_name_whatever_links_call_it():
    linked = {**OLD, "Names": ["/web/db", "/old"]}
    command = agreed_to(ContainerPrune(), {CONTAINERS: [linked]})
    again = {**OLD, "Names": ["/old", "/app/db"]}
    answers = {CONTAINERS: [again], ("DELETE", f"/containers/{'1' * 64}"): None}
    assert len(ran(command, answers)[2]) == 1


def test_networks_go_by_id_and_nothing_is_reclaimed():
    net = {"Name": "net", "Id": "e" * 64}
    listed = {("GET", "/networks"): [net, {"Name": "net", "Id": "f" * 64}]}
    command = agreed_to(NetworkPrune(), listed)
    gone, used = ("DELETE", f"/networks/{'e' * 64}"), ("DELETE", f"/networks/{'f' * 64}")
    out, err, _, _ = ran(command, {**listed, gone: None, used: EngineFault("has active endpoints")})
    assert out == "Deleted Networks:\nnet\n\n"
    assert err == "skipped network net (ffffffffffff): has active endpoints\n"


DF = ("GET", "/system/df")
ANEW = "2026-11-25T01:00:00Z"


@pytest.mark.parametrize(
    ("listed", "inspected", "why"),
    [
        (volume("v"), volume("v"), ""),
        (volume("v", ANEW), volume("v", ANEW), "it is another one of that name now"),
        (volume("v"), volume("v", ANEW), "it is another one of that name now"),
        (None, volume("v"), "it is in use now, or has changed since"),
        (None, NotFound("no such volume"), "it is not there any more"),
    ],
    ids=["the same", "made anew", "made anew just now", "used", "gone"],
)
def test_a_volume_goes_if_it_is_still_the_same(listed, inspected, why):
    command = agreed_to(VolumePrune(), {DF: {"Volumes": [volume("v")]}})
    now = {"Volumes": [listed] if listed else []}
    answers = {DF: now, ("GET", "/volumes/v"): inspected, ("DELETE", "/volumes/v"): None}
    out, err, changes, _ = ran(command, answers)
    assert changes == ([] if why else ["DELETE /volumes/v"])
    assert err == (f"skipped volume v: {why}\n" if why else "")
    assert out.endswith(f"Total reclaimed space: {'0B' if why else '40B'}\n")


IMAGES = ("GET", "/images/json")


def engine_of(*listed, used=(), **answers):
    """Answers of an engine with these images, which can be inspected by id and name, and be removed."""
    ready = {IMAGES: list(listed), CONTAINERS: [{"ImageID": one} for one in used]}
    for one in listed:
        names = [*one["RepoDigests"], *one["RepoTags"]]
        for name in (one["Id"], *names):
            path = "/images/" + name.replace("/", "%2F")
            ready["GET", f"{path}/json"] = one
            ready["DELETE", path] = [{"Deleted": name} if name == one["Id"] else {"Untagged": name}]
    return {**ready, **answers}


def deleted(*names):
    return [f"DELETE /images/{name.replace('/', '%2F')}" for name in names]


def test_an_image_loses_its_other_names_first_then_goes_by_its_id():
    answers = engine_of(image(A, "r.example/shop:1", "shop:1", digests=["shop@sha256:1"]), image(B))
    out, err, changes, _ = ran(
        agreed_to(ImagePrune(all=True), answers), {**answers, CONTAINERS: Turns(([], []))}
    )
    assert sorted(changes) == sorted(deleted("shop@sha256:1", "r.example/shop:1", A, B))
    untagged = [line for line in out.splitlines() if line.startswith("untagged")]
    assert untagged == ["untagged: shop@sha256:1", "untagged: r.example/shop:1"]
    assert out.endswith("Total reclaimed space: at most 2kB\n")
    assert err == ""


def test_an_image_goes_before_the_one_it_was_made_on():
    answers = engine_of(image(A, "base:1"), image(B, "app:1", parent=A), image(C, "last:1", parent=B))
    assert ran(agreed_to(ImagePrune(all=True), answers), answers)[2] == deleted(C, B, A)


@pytest.mark.parametrize(
    "now",
    [
        (image(A, "kept:1"), image(B)),
        (image(A, digests=["r.example/x@sha256:1"]), image(B)),
        (image(A, parent=C), image(C), image(B)),
    ],
    ids=["tagged", "pushed", "what it was made on has lost its name"],
)
def test_an_image_that_has_other_names_now_stays(now):
    listed = (image(A, parent=C), image(C, "base:1"), image(B))
    command = agreed_to(ImagePrune(), engine_of(*listed, used=[C]))
    _, err, changes, _ = ran(command, engine_of(*now, used=[C]))
    assert A not in "".join(changes)
    assert err.startswith("skipped image <none> (aaaaaaaaaaaa): it, or what it is made on, has other names")


def test_names_are_looked_at_once_more_just_before():
    before = engine_of(image(A, "shop:1"))
    moved = {**before, ("GET", f"/images/{A}/json"): image(A, "shop:1", "keep:1")}
    assert ran(agreed_to(ImagePrune(all=True), before), moved)[2] == []
    two = engine_of(image(A, "shop:1", "shop:2"))
    elsewhere = {**two, ("GET", "/images/shop:1/json"): image(B, "shop:1")}
    _, err, changes, _ = ran(agreed_to(ImagePrune(all=True), two), elsewhere)
    assert (changes, "shop:1 is another image now" in err) == ([], True)


def test_an_image_with_several_names_of_which_a_container_was_just_made_keeps_them_all():
    answers = engine_of(image(A, "shop:1", "shop:2"))
    command = agreed_to(ImagePrune(all=True), answers)
    _, err, changes, _ = ran(command, {**answers, CONTAINERS: Turns(([], [{"ImageID": A}]))})
    assert changes == []
    assert err == "skipped image shop:2 and 1 more (aaaaaaaaaaaa): a container is made of it now\n"


def record(ident, *, parent="", parents=(), **changes):
    made = {
        "ID": ident,
        "Parent": parent,
        "Size": 10,
        "CreatedAt": "2023-01-01T00:00:00Z",
        "Description": "RUN x",
    }
    return {**made, **({"Parents": list(parents)} if parents else {}), **changes}


def usage(*records, **parts):
    return {DF: {"BuildCache": list(records), **parts}, ("GET", "/networks"): [], IMAGES: []}


PRUNED = ("POST", "/build/prune")


def test_the_build_cache_goes_record_by_record_what_others_build_on_last():
    found = usage(record("base"), record("top", parents=["mid"]), record("mid", parent="base"))
    command = agreed_to(SystemPrune(), found)
    reports = Turns(({"CachesDeleted": ["top"]}, {"CachesDeleted": None}, {"CachesDeleted": ["base"]}))
    found[DF]["BuildCache"].append(record("new"))
    engine = FakeEngine({**found, PRUNED: reports})
    ctx = FakeContext(engine)
    command.run(ctx)
    asked = [json.loads(one.query["filters"]) for one in engine.requests if one.method == "POST"]
    assert asked == [{"id": {f"^{ident}$": True}} for ident in ("top", "mid", "base")]
    assert ctx.out.decode() == "Deleted build cache objects:\ntop\nbase\n\nTotal reclaimed space: 20B\n"
    assert ctx.err.decode() == "skipped build cache mid: it is in use now, or not there any more\n"


def test_a_record_that_is_used_now_is_not_asked_for():
    command = agreed_to(SystemPrune(), usage(record("a.c")))
    assert ran(command, usage(record("a.c", InUse=True)))[2] == []
    report = {"CachesDeleted": ["a.c"]}
    [asked] = ran(command, {**usage(record("a.c")), PRUNED: report})[2]
    assert asked == 'POST /build/prune ?all=1&filters={"id":{"^a\\\\.c$":true}}'


def test_a_system_prune_goes_kind_by_kind_and_sums_up():
    found = usage(
        record("rec"),
        Containers=[{**OLD, "State": "exited", "ImageID": A, "Mounts": [{"Name": "v"}]}],
        Images=[{**image(A, "shop:1"), "SharedSize": 400}],
        Volumes=[volume("v")],
    )
    answers = {**engine_of(image(A, "shop:1")), **found, IMAGES: [image(A, "shop:1")]}
    answers |= {("GET", "/networks"): [{"Name": "net", "Id": "e" * 64}], ("GET", "/volumes/v"): volume("v")}
    command = agreed_to(SystemPrune(all=True, volumes=True), answers)
    gone = ["/containers/" + "1" * 64, "/networks/" + "e" * 64, "/volumes/v"]
    answers |= {("DELETE", path): None for path in gone} | {PRUNED: {"CachesDeleted": ["rec"]}}
    out, err, changes, note = ran(command, answers)
    assert [one.split()[1] for one in changes] == [*gone, f"/images/{A}", "/build/prune"]
    assert [line for line in out.splitlines() if line.startswith("Deleted")] == [
        "Deleted Containers:",
        "Deleted Networks:",
        "Deleted Volumes:",
        "Deleted Images:",
        "Deleted build cache objects:",
    ]
    assert out.endswith("rec\n\nTotal reclaimed space: 2.15kB\n")
    assert (err, note) == ("", "")


def agreed(kind, ident, name):
    return Bound(kind=kind, name=name, id=ident, of_set=True)


@pytest.mark.parametrize(
    ("one", "answer", "verdict"),
    [
        (agreed(Kind.CONTAINER, "1" * 64, "old"), NotFound("gone"), Verdict.DONE),
        (agreed(Kind.CONTAINER, "1" * 64, "old"), {"Id": "1" * 64}, Verdict.NOT_DONE),
        (agreed(Kind.CONTAINER, "1" * 64, "old"), Conflict("?"), Verdict.UNKNOWN),
        (agreed(Kind.IMAGE, A, "shop:1"), NotFound("gone"), Verdict.DONE),
        (agreed(Kind.NETWORK, "e" * 64, "net"), {"Id": "e" * 64}, Verdict.NOT_DONE),
        (agreed(Kind.VOLUME, "then", "v"), {"CreatedAt": "then"}, Verdict.NOT_DONE),
        (agreed(Kind.VOLUME, "then", "v"), {"CreatedAt": "later"}, Verdict.DONE),
        (agreed(CACHE, "rec", "rec"), {"BuildCache": [{"ID": "rec"}]}, Verdict.NOT_DONE),
        (agreed(CACHE, "rec", "rec"), {"BuildCache": None}, Verdict.DONE),
    ],
)
def test_what_became_of_one_whose_worker_died_is_found_object_by_object(one, answer, verdict):
    paths = {
        Kind.CONTAINER: f"/containers/{one.id}/json",
        Kind.IMAGE: f"/images/{one.id}/json",
        Kind.NETWORK: f"/networks/{one.id}",
        Kind.VOLUME: f"/volumes/{one.name}",
        CACHE: "/system/df",
    }
    engine = FakeEngine({("GET", paths[one.kind]): answer})
    [finding] = SystemPrune().only((one,)).outcome(engine, Begun(since=0))
    assert (finding.verdict, one.name in finding.target) == (verdict, True)


def test_what_the_engine_chose_by_itself_cannot_be_told_after_a_death():
    assert SystemPrune().outcome(FakeEngine({}), Begun(since=0)) == ()
