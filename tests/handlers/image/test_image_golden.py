"""What each command asks of the engine and prints, line by line, as the golden files have it."""

from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import Conflict, EngineFault, NotFound, OutcomeUnknown
from tests.fakes.context import FakeLogin
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/image"
DIGEST = "sha256:" + "9a" * 32
HEX = "ab" * 32
LOGINS = {
    "https://index.docker.io/v1/": FakeLogin("ann", "s3cret"),
    "r.example:5000": FakeLogin("bo", "t0ps3cret"),
}
NO_IMAGE = NotFound("No such image: nosuch:latest")
GONE = [{"Untagged": "shop:1"}, {"Untagged": f"shop@{DIGEST}"}, {"Deleted": DIGEST}]

PUSHED = [
    {"status": "The push refers to repository [r.example:5000/shop]"},
    {"status": "Preparing", "progressDetail": {}, "id": "ab12"},
    {
        "status": "Pushing",
        "progressDetail": {"current": 5, "total": 9},
        "progress": "[=> ] 5B/9B",
        "id": "ab12",
    },
    {"status": "Pushed", "progressDetail": {}, "id": "ab12"},
    {"status": f"1: digest: {DIGEST} size: 527"},
    {"progressDetail": {}, "aux": {"Tag": "1", "Digest": DIGEST, "Size": 527}},
]
ONE_OF_MANY = {
    "aux": {
        "manifestPushedInsteadOfIndex": True,
        "originalIndex": {"digest": "sha256:whole"},
        "selectedManifest": {"digest": "sha256:part"},
    }
}
SHOP = ("POST", "/images/r.example:5000%2Fshop/push")
NEW = (1, 50)
LAYERS = [
    {
        "Id": DIGEST,
        "Created": 1_700_000_000 - 90,
        "CreatedBy": f"RUN a\tb {'c' * 50}",
        "Size": 0,
        "Comment": "",
    },
    {
        "Id": "<missing>",
        "Created": 1_690_000_000,
        "CreatedBy": "ADD f",
        "Size": 5_543_210,
        "Comment": "two words",
    },
    {"Id": "<missing>", "Created": 0, "CreatedBy": "", "Size": -1, "Comment": ""},
]
HISTORY = {("GET", "/images/shop:1/history"): LAYERS}
SHOWN = {
    ("GET", "/images/shop:1/json"): {
        "Id": DIGEST,
        "RepoTags": ["shop:1"],
        "Config": {"Hostname": "h", "Cmd": ["sh"]},
        "Os": "linux",
    }
}
PULLED = [
    {"status": "Pulling from shop", "id": "1"},
    {"status": "Downloading", "progressDetail": {"current": 5, "total": 9}, "id": "ab12"},
    {"status": "Pull complete", "progressDetail": {}, "id": "ab12"},
    {"status": f"Digest: {DIGEST}"},
]
PRUNED = {
    "ImagesDeleted": [{"Untagged": "shop:1"}, {"Deleted": DIGEST}],
    "SpaceReclaimed": 5_000_000,
}
PRUNE = ("POST", "/images/prune")
CREATE = ("POST", "/images/create")
IMPORTED = [
    {"status": "Downloading from https://example.com/rootfs.tar"},
    {"status": "Importing", "progressDetail": {"current": 1, "total": 3}, "progress": "[> ] 1B/3B"},
    {"status": DIGEST},
]


def push(answer, name="docker.io%2Flibrary%2Fshop"):
    return {("POST", f"/images/{name}/push"): answer}


def tag(source):
    return {("POST", f"/images/{source}/tag"): None}


CASES = {
    "tag": [
        ("docker tag shop stable", tag("shop")),
        ("docker image tag r.example:5000/shop:1 r.example:5000/shop:stable", tag("r.example:5000%2Fshop:1")),
        (f"docker tag {HEX} shop:2", tag(HEX)),
        (f"docker tag sha256:{HEX} shop:2", tag(f"sha256:{HEX}")),
        (f"docker tag shop@{DIGEST} shop:2", tag(f"shop@{DIGEST}")),
        ("docker tag nosuch shop", {("POST", "/images/nosuch/tag"): NO_IMAGE}),
        (f"docker tag shop shop@{DIGEST}", {}),
        (f"docker tag shop {HEX}", {}),
        ("docker tag BAD shop", {}),
        ("docker tag shop b:c:d", {}),
        ("docker tag '' shop", {}),
        ("docker tag shop stable -f", {}),
        ("docker tag shop", {}),
    ],
    "rm": [
        ("docker rmi shop:1", {("DELETE", "/images/shop:1"): GONE}),
        ("docker image rm -f --no-prune shop:1", {("DELETE", "/images/shop:1"): GONE}),
        (
            "docker image remove shop:1 used nosuch r.example/x/y",
            {
                ("DELETE", "/images/shop:1"): GONE,
                ("DELETE", "/images/used"): Conflict("conflict: unable to remove repository reference"),
                ("DELETE", "/images/nosuch"): NO_IMAGE,
                ("DELETE", "/images/r.example%2Fx%2Fy"): [{"Untagged": "r.example/x/y:latest"}],
            },
        ),
        ("docker rmi -f nosuch", {("DELETE", "/images/nosuch"): NO_IMAGE}),
        (
            "docker rmi -f nosuch used",
            {("DELETE", "/images/nosuch"): NO_IMAGE, ("DELETE", "/images/used"): Conflict("conflict: used")},
        ),
        ("docker rmi shop", {("DELETE", "/images/shop"): OutcomeUnknown("The connection broke")}),
        ("docker rmi ../containers/web", {}),
        ("docker rmi --platform linux/amd64 shop", {}),
        (
            "docker rmi --platform linux/amd64,arm64 --platform windows/amd64 shop",
            {("DELETE", "/images/shop"): None},
            NEW,
        ),
        ("docker rmi --platform a/b/c/d shop", {}, NEW),
    ],
    "push": [
        ("docker push r.example:5000/shop:1", {SHOP: PUSHED}),
        ("docker image push shop", push(PUSHED)),
        ("docker push -q shop", push(PUSHED)),
        ("docker push -a r.example:5000/shop", {SHOP: PUSHED}),
        ("docker push -aq shop", push(PUSHED)),
        ("docker push other.example/x:1", push(PUSHED, "other.example%2Fx")),
        ("docker push --disable-content-trust=true shop:1", push(PUSHED)),
        ("docker push --disable-content-trust=false shop:1", {}),
        ("docker push -a shop:1", {}),
        (f"docker push shop@{DIGEST}", {}),
        ("docker push BAD", {}),
        ("docker push shop:9", push(NotFound("An image does not exist locally with the tag: shop"))),
        (
            "docker push r.example:5000/shop:1",
            {SHOP: [*PUSHED[:2], {"errorDetail": {"message": "no basic auth credentials"}}]},
        ),
        ("docker push --platform linux/arm64 r.example:5000/shop:1", {}),
        ("docker push --platform linux/arm64 r.example:5000/shop:1", {SHOP: PUSHED}, NEW),
        ("docker push --platform a/b/c/d r.example:5000/shop:1", {}, NEW),
        ("docker push r.example:5000/shop:1", {SHOP: [*PUSHED, ONE_OF_MANY]}, NEW),
        (
            "docker push r.example:5000/shop:1",
            {SHOP: [*PUSHED[:2], {"aux": {"contentMissing": True}}, {"error": "content missing"}]},
            NEW,
        ),
    ],
    "inspect": [
        ("docker image inspect shop:1", SHOWN),
        ("docker image inspect -f '{{.Os}} {{.RepoTags}} {{.Config.Hostname}}' shop:1", SHOWN),
        ("docker image inspect --format json shop:1", SHOWN),
        ("docker image inspect shop:1 nosuch", SHOWN | {("GET", "/images/nosuch/json"): NO_IMAGE}),
        ("docker image inspect -f '{{.Nosuch}}' shop:1", SHOWN),
        ("docker image inspect -f '{{ . ContainerConfig.Image}}' shop:1", {}),
        ("docker image inspect ''", {}),
        ("docker image inspect --platform linux/arm64 shop:1", {}),
        ("docker image inspect --platform linux/arm64 -f '{{.Id}}' shop:1", SHOWN, NEW),
    ],
    "pull": [
        ("docker pull r.example:5000/shop:1", {CREATE: PULLED}),
        ("docker pull nginx", {CREATE: PULLED}),
        ("docker image pull -q nginx", {CREATE: PULLED}),
        ("docker pull -a other.example/shop", {CREATE: PULLED}),
        ("docker pull --platform x86_64 nginx", {CREATE: PULLED}),
        ("docker pull --platform x86_64 nginx", {}, (1, 31)),
        ("docker pull nginx", {CREATE: [{"error": "manifest unknown"}]}),
        ("docker pull -a nginx:1", {}),
    ],
    "history": [
        ("docker history shop:1", HISTORY),
        ("docker image history --no-trunc shop:1", HISTORY),
        ("docker history -q shop:1", HISTORY),
        ("docker history -q --no-trunc shop:1", HISTORY),
        ("docker history -H=false shop:1", HISTORY),
        ("docker history --format '{{.ID}} {{.CreatedSince}} {{.Size}} {{.Comment}}' shop:1", HISTORY),
        ("docker history --human=false --format 'table {{.CreatedSince}} {{.Size}}' shop:1", HISTORY),
        ("docker history --format json shop:1", HISTORY),
        ("docker history --format '{{.Tags}}' shop:1", HISTORY),
        ("docker history nosuch", {("GET", "/images/nosuch/history"): NO_IMAGE}),
        ("docker history ''", {}),
        ("docker history --platform arm64 shop:1", {}),
        ("docker history --platform linux/arm/v6 shop:1", HISTORY, NEW),
        ("docker history --platform a/b/c/d shop:1", {}, NEW),
    ],
    "prune": [
        ("docker image prune -f", {PRUNE: PRUNED}),
        ("docker image prune -af --filter until=24h --filter 'label!=keep'", {PRUNE: PRUNED}),
        ("docker image prune -f", {PRUNE: {"ImagesDeleted": None, "SpaceReclaimed": 7}}),
        ("docker image prune -f --filter nosuch=1", {PRUNE: EngineFault("Invalid filter 'nosuch'")}),
        ("docker image prune -f", {}, (1, 24)),
    ],
    "import": [
        ("docker import https://example.com/rootfs.tar", {CREATE: IMPORTED}),
        (
            "docker image import -c 'CMD sh' -c 'ENV A=1' -m a --platform Linux/ARM64 http://x/y base:2 more",
            {CREATE: IMPORTED},
        ),
        ("docker import https://example.com/x.tar base", {CREATE: EngineFault("connection refused")}),
        ("docker import https://example.com/x.tar base", {CREATE: [{"error": "invalid tar header"}]}),
        ("docker import https://example.com/x.tar BAD", {}),
        ("docker import rootfs.tar base:2", {}),
        ("docker import HTTPS://example.com/x.tar", {}),
        ("docker import -", {}),
        ("docker import", {}),
    ],
    "save": [
        ("docker save shop:1", {}),
        ("docker image save -o shop.tar shop:1 shop:2", {}),
        ("docker save --platform linux/amd64 shop:1", {}),
        ("docker save", {}),
    ],
    "load": [
        ("docker load", {}),
        ("docker image load -q -i shop.tar", {}),
        ("docker load --platform a/b/c/d", {}, NEW),
        ("docker load shop.tar", {}),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    text = "\n".join(
        played(line, answers, load(), logins=LOGINS, **({"api": api[0]} if api else {}))
        for line, answers, *api in CASES[name]
    )
    assert same_as_golden(GOLDEN / f"{name}.txt", text)
