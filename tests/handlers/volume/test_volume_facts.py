"""How dangerous a volume command is and what it names; what a prune asks and shows first."""

import pytest

from handlers.catalogue import load
from handlers.faults import Reason, UsageFault
from handlers.grammar.parser import parse
from handlers.volume.prune import ANONYMOUS, QUESTION, VolumePrune
from permissions.verbs import Danger, Verb
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

ROOT = Danger.ROOT_EQUIVALENT


def operation(line):
    return parse(f"docker volume {line}", load()).command.operation("box")


@pytest.mark.parametrize(
    ("line", "verb", "danger"),
    [
        ("ls", Verb.LIST, Danger.SAFE),
        ("inspect v", Verb.REVEAL, Danger.SAFE),
        ("create v", Verb.CREATE, Danger.SAFE),
        ("create -d local --label a=b v", Verb.CREATE, Danger.SAFE),
        ("create -o type=none -o device=/ -o o=bind v", Verb.CREATE, ROOT),
        ("create --opt type=tmpfs v", Verb.CREATE, ROOT),
        ("create -otype=nfs v", Verb.CREATE, ROOT),
        ("create -d vieux/sshfs v", Verb.CREATE, ROOT),
        ("create -d Local v", Verb.CREATE, ROOT),
        ("create -d '' v", Verb.CREATE, ROOT),
        ("rm v", Verb.DESTROY, Danger.LOSES_DATA),
        ("prune", Verb.DESTROY, Danger.LOSES_DATA),
        ("update v", Verb.CHANGE, Danger.INTERRUPTS),
    ],
)
def test_a_command_is_as_dangerous_as_what_it_gives_away(line, verb, danger):
    found = operation(line)
    assert (found.verb, found.danger) == (verb, danger)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("create v", ["v"]),
        ("create --name v", ["v"]),
        ("create", []),
        ("rm a b", ["a", "b"]),
        ("update v", ["v"]),
        ("prune", []),
    ],
)
def test_a_line_names_its_volumes(line, names):
    assert [one.name for one in operation(line).resources] == names


@pytest.mark.parametrize(
    "option",
    [
        *("--availability drain", "--group g", "--limit-bytes 1g", "--required-bytes 1g", "--scope multi"),
        *(
            "--secret k=v",
            "--sharing all",
            "--topology-preferred a=b",
            "--topology-required a=b",
            "--type mount",
        ),
    ],
)
def test_a_volume_of_a_swarm_is_refused_with_the_reason(option):
    with pytest.raises(UsageFault) as refused:
        operation(f"create {option} v")
    fault = refused.value
    assert fault.reason is Reason.NOT_OFFERED
    assert fault.message.endswith("cluster volumes belong to a swarm, and this works on single hosts")
    assert option.split()[0] in fault.message
    assert "k=v" not in f"{fault.message} {fault.hint}"


def test_the_secret_of_a_cluster_volume_is_a_secret():
    command = load().by_path("volume create")
    assert [opt.long for opt in command.options.values() if opt.secret] == ["secret"]


def volume(name, size, links=0, **changes):
    usage = {"RefCount": links, "Size": size}
    return {"Name": name, "Driver": "local", "Labels": None, "UsageData": usage, **changes}


USAGE = {
    "Volumes": [
        volume("named", 500, Labels={"tier": "web"}),
        volume("nameless", 2_000_000, Labels={ANONYMOUS: ""}),
        volume("used", 7, links=1),
        volume("elsewhere", 7, Driver="vieux/sshfs"),
        volume("unmeasured", -1, Labels={ANONYMOUS: "", "keep": "x"}),
    ]
}
OLD, NEW = (1, 41), (1, 42)


@pytest.mark.parametrize(
    ("command", "api", "names"),
    [
        (VolumePrune(), OLD, ["named", "nameless", "unmeasured"]),
        (VolumePrune(), NEW, ["nameless", "unmeasured"]),
        (VolumePrune(all=True), NEW, ["named", "nameless", "unmeasured"]),
        (VolumePrune(filter=("all=1",)), NEW, ["named", "nameless", "unmeasured"]),
        (VolumePrune(filter=("all=false",)), NEW, ["nameless", "unmeasured"]),
        (VolumePrune(filter=("label=tier=web",)), OLD, ["named"]),
        (VolumePrune(filter=("label!=keep",)), OLD, ["named", "nameless"]),
    ],
)
def test_the_preview_shows_what_the_engine_would_remove(command, api, names):
    engine = FakeEngine({("GET", "/system/df"): USAGE}, api=api)
    shown = command.preview(FakeContext(engine))
    assert [row[0] for row in shown.rows] == names
    assert [one.query for one in engine.requests] == [{"type": "volume"} if api >= NEW else {}]


def test_the_preview_sums_up_the_bytes():
    engine = FakeEngine({("GET", "/system/df"): USAGE})
    assert VolumePrune().preview(FakeContext(engine)).warnings == ("3 volumes would go, 2.001MB with them.",)


def test_the_question_says_the_worst_and_force_skips_it():
    assert VolumePrune().question() == QUESTION
    assert VolumePrune(all=True).question() == QUESTION
    assert VolumePrune(force=True).question() == ""
