# ruff: noqa: E501 - a case is a line
import json
from pathlib import Path

import pytest

from handlers.faults import Fault, Reason, UsageFault
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import parse
from handlers.image.ls import ImageLs
from permissions.verbs import Danger, Verb
from tests.fakes.context import FakeClock, FakeContext
from tests.fakes.engine import FakeEngine

GOLDEN = Path(__file__).parents[2] / "golden" / "image"
CATALOGUE = Catalogue([ImageLs])
NOW = 1_795_478_400


def image(letter, **facts):
    return {
        "Id": f"sha256:{letter * 64}",
        "RepoTags": [],
        "RepoDigests": [],
        "Created": NOW - 4000,
        "Size": 2_140_160,
        "SharedSize": -1,
        "Containers": -1,
    } | facts


def digest(letter):
    return "sha256:" + letter * 64


IMAGES = [
    image("a", RepoTags=["web:1.0", "web:latest", "127.0.0.1:5055/cli/web:2"],
          RepoDigests=[f"127.0.0.1:5055/cli/web@{digest('1')}", f"127.0.0.1:5055/cli/web@{digest('2')}"]),
    image("b", RepoTags=["<none>:<none>"], RepoDigests=["<none>@<none>"], Size=1_234_567_890, SharedSize=4_567_890, Containers=2),
    image("c", RepoTags=None, RepoDigests=[f"only@{digest('3')}", f"only@{digest('4')}"], Created=NOW - 34_560_000, Size=999),
    image("d", Created=NOW - 10, Size=0),
]  # fmt: skip


def manifest(letter, kind, total, content, **data):
    return {"ID": digest(letter), "Kind": kind, "Size": {"Total": total, "Content": content}} | data


def platform(architecture, variant="", containers=()):
    shown = {"os": "linux", "architecture": architecture, "variant": variant}
    return {"ImageData": {"Platform": shown, "Containers": list(containers)}}


TREE = [
    image("a", RepoTags=["sh", "web:1.10-alpine", "web:1"], Size=21_401_600, Containers=1, Manifests=[
        manifest("1", "image", 20_000_000, 8_000_000, **platform("amd64", containers=["c1"])),
        manifest("2", "image", 400, 0, **platform("arm64", "v8")),
        manifest("3", "attestation", 5_000_400, 5_000_000, AttestationData={"For": digest("1")}),
    ]),
    image("c", Created=NOW - 10, Size=999, Containers=0),
    image("d", RepoTags=["a-very/long/name/of/an/image/that/goes/on:and-a-tag"], Created=NOW - 5000, Containers=0, Manifests=[
        manifest("4", "image", 20_000_000, 8_000_000, **platform("amd64")),
    ]),
]  # fmt: skip


def run(line, answer=IMAGES, **api):
    engine = FakeEngine({("GET", "/images/json"): answer}, **api)
    command = parse(line, CATALOGUE).command
    command.check()
    return command.run(FakeContext(engine, clock=FakeClock(NOW))), engine


@pytest.mark.parametrize(
    ("line", "golden"),
    [
        ("docker images", "ls.txt"),
        ("docker image ls --digests", "ls_digests.txt"),
        ("docker image list --no-trunc", "ls_no_trunc.txt"),
        ("docker images --format json", "ls_json.txt"),
        ("docker images --format raw --digests", "ls_raw.txt"),
        ("docker images --digests --format 'table {{.ID}}'", "ls_column_and_digest.txt"),
    ],
)
def test_a_listing_is_what_the_cli_prints(line, golden):
    assert run(line)[0].stdout == (GOLDEN / golden).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("docker images -q", ["a" * 12] * 3 + ["b" * 12, "c" * 12, "d" * 12]),
        ("docker images -q --digests", ["a" * 12] * 4 + ["b" * 12] + ["c" * 12] * 2 + ["d" * 12]),
        ("docker images -q --no-trunc", [digest(letter) for letter in "aaabcd"]),
        (
            "docker images --format '{{.Repository}} {{.VirtualSize}} {{.SharedSize}} {{.UniqueSize}} {{.Containers}}'",
            [
                "web 2.14MB N/A N/A N/A",
                "web 2.14MB N/A N/A N/A",
                "127.0.0.1:5055/cli/web 2.14MB N/A N/A N/A",
                "<none> 1.235GB 4.568MB 1.23GB 2",
                "only 999B N/A N/A N/A",
                "<none> 0B N/A N/A N/A",
            ],
        ),
        (
            "docker images --format '{{.Tag}} {{.CreatedAt}} {{.CreatedSince}}'",
            [
                "1.0 2026-11-23 22:53:20 +0000 UTC About an hour ago",
                "latest 2026-11-23 22:53:20 +0000 UTC About an hour ago",
                "2 2026-11-23 22:53:20 +0000 UTC About an hour ago",
                "<none> 2026-11-23 22:53:20 +0000 UTC About an hour ago",
                "<none> 2025-10-20 00:00:00 +0000 UTC 13 months ago",
                "<none> 2026-11-23 23:59:50 +0000 UTC 10 seconds ago",
            ],
        ),
    ],
)
def test_ids_and_templates_are_lines(line, lines):
    assert list(run(line)[0].lines) == lines


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("docker images", {}),
        ("docker images -a", {"all": "1"}),
        ("docker images web:1.0", {"filters": {"reference": {"web:1.0": True}}}),
        ("docker images ''", {}),
        (
            "docker images -f dangling=true -f label=a=b web",
            {"filters": {"dangling": {"true": True}, "label": {"a=b": True}, "reference": {"web": True}}},
        ),
    ],
)
def test_the_engine_is_asked_what_the_cli_asks(line, query):
    (request,) = run(line)[1].requests
    sent = dict(request.query)
    if "filters" in sent:
        sent["filters"] = json.loads(sent["filters"])
    assert sent == query


def test_an_unknown_field_is_named_with_the_rows_type():
    with pytest.raises(Fault) as fault:
        run("docker images --format '{{.Nosuch}}'")
    assert fault.value.message.endswith("can't evaluate field Nosuch in type *formatter.imageContext")


@pytest.mark.parametrize(
    ("line", "golden"), [("docker images --tree", "tree.txt"), ("docker images --tree -a", "tree_all.txt")]
)
def test_a_tree_shows_the_platforms_of_each_image(line, golden):
    shown, engine = run(line, TREE, api=(1, 47))
    assert shown.stdout == (GOLDEN / golden).read_text(encoding="utf-8")
    assert engine.requests[0].query["manifests"] == "1"
    assert shown.header == ("IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "EXTRA")


def test_an_old_engine_has_no_tree():
    with pytest.raises(Fault, match="--tree") as fault:
        ImageLs(tree=True).require_api((1, 46))
    assert fault.value.reason is Reason.API_TOO_OLD


@pytest.mark.parametrize(
    ("option", "name"),
    [("-q", "quiet"), ("--no-trunc", "no-trunc"), ("--digests", "show-digest"), ("--format json", "format")],
)
def test_a_tree_refuses_what_it_cannot_show(option, name):
    with pytest.raises(UsageFault, match=f"--{name} is not yet supported with --tree"):
        parse(f"docker images --tree {option}", CATALOGUE).command.check()


def test_a_listing_names_no_object():
    operation = parse("docker images web", CATALOGUE).command.operation("local")
    assert (operation.verb, operation.danger, operation.resources) == (Verb.LIST, Danger.SAFE, ())
