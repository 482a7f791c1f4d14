# ruff: noqa: E501 - a case is a line
import pytest

from handlers.faults import NotFound
from handlers.image.inspect import ImageInspect
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

SHOP = {
    "Id": "sha256:aa",
    "RepoTags": ["shop:1", "shop:latest"],
    "RepoDigests": [],
    "Created": "2026-01-02T03:04:05.6Z",
    "Container": "cc",
    "ContainerConfig": {"Image": "base"},
    "Config": {
        "Hostname": "h",
        "Cmd": ["sh", "-c"],
        "Env": ["A=1"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": None,
    },
    "Architecture": "amd64",
    "Os": "linux",
    "Size": 1_984_221,
    "RootFS": {"Type": "layers", "Layers": ["sha256:l"]},
    "Metadata": {"LastTagTime": "2026-01-02T03:04:06Z"},
    "Descriptor": {
        "mediaType": "m",
        "digest": "sha256:d",
        "size": 4,
        "platform": {"architecture": "arm64", "os": "linux"},
    },
}
EMPTY = (
    '{"Id":"e","RepoTags":null,"RepoDigests":null,"Parent":"","Comment":"","DockerVersion":"","Author":"","Config":null,'
    '"Architecture":"","Os":"","Size":0,"GraphDriver":{"Data":null,"Name":""},"RootFS":{},'
    '"Metadata":{"LastTagTime":"0001-01-01T00:00:00Z"}}\n'
)


def run(*images, api=(1, 41), **options):
    engine = FakeEngine(
        {
            ("GET", "/images/shop:1/json"): SHOP,
            ("GET", "/images/e/json"): {"Id": "e"},
            ("GET", "/images/nosuch/json"): NotFound("No such image: nosuch"),
        },
        api=api,
    )
    return ImageInspect(images=images, **options).run(FakeContext(engine)), engine


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{{.ID}} {{.Os}}/{{.Architecture}}", "sha256:aa linux/amd64\n"),
        ("{{.Id}}", "sha256:aa\n"),
        ("{{.RepoTags}} {{index .RepoTags 0}}", "[shop:1 shop:latest] shop:1\n"),
        ("{{ .ContainerConfig.Image}}", "base\n"),
        ("{{.Config.Hostname}}", "h\n"),
        ("{{.Config.Cmd}} {{json .Config}}", '[sh -c] {"ExposedPorts":{"80/tcp":{}},"Env":["A=1"],"Cmd":["sh","-c"]}\n'),
        ("{{.RootFS}} {{.Metadata.LastTagTime}}", "{layers [sha256:l]} 2026-01-02 03:04:06 +0000 UTC\n"),
        ("{{.Descriptor.Digest}} {{.Descriptor.Platform}}", "sha256:d {arm64 linux  [] }\n"),
        ("{{.Manifests}} {{.Variant}}|", "[] |\n"),
    ],
)  # fmt: skip
def test_a_template_sees_the_clis_own_type(form, text):
    shown, _ = run("shop:1", format=form)
    assert (shown.stdout, shown.exit_code) == (text, 0)


def test_an_image_that_says_nothing_is_encoded_with_the_clis_zero_values():
    assert run("e", format="{{json .}}")[0].stdout == EMPTY


def test_one_name_that_is_none_does_not_stop_the_others():
    shown, _ = run("shop:1", "nosuch", "e", format="{{.Id}}")
    assert (shown.stdout, shown.exit_code) == ("sha256:aa\ne\n", 1)
    assert shown.stderr == "Error response from daemon: No such image: nosuch\n"


def test_a_platform_is_asked_for_as_json():
    _, engine = run("e", platform="linux/arm64", api=(1, 49))
    assert engine.requests[0].query == {"platform": '{"architecture":"arm64","os":"linux"}'}
