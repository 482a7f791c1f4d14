"""What search, login, logout and inspect ask of the engine and print, as the golden files have it."""

from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import EngineFault, NotFound
from tests.fakes.context import FakeLogin
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/system"
LOGINS = {
    "https://index.docker.io/v1/": FakeLogin("ann", "s3cret"),
    "r.example:5000": FakeLogin("bo", "t0ps3cret"),
}
FOUND = {
    ("GET", "/images/search"): [
        {
            "name": "nginx",
            "description": "Official build of Nginx.",
            "star_count": 20310,
            "is_official": True,
        },
        {
            "name": "bo/nginx",
            "description": f"Bo's\r\nbuild {'x' * 40}",
            "star_count": 0,
            "is_official": False,
        },
        {"name": "zz/x", "star_count": 1},
    ]
}
AUTH = ("POST", "/auth")
IN = {AUTH: {"Status": "Login Succeeded", "IdentityToken": ""}}
OUT = {AUTH: EngineFault("login attempt to http://x/v2/ failed with status: 401 Unauthorized")}
NO_CONTAINER = {("GET", "/containers/web/json"): NotFound("No such container: web")}
NO_IMAGE = {("GET", "/images/web/json"): NotFound("No such image: web")}
NO_NETWORK = {("GET", "/networks/web"): NotFound("network web not found")}
NO_VOLUME = {("GET", "/volumes/web"): NotFound("get web: no such volume")}
NOWHERE = NO_CONTAINER | NO_IMAGE | NO_NETWORK | NO_VOLUME
CONTAINER = {("GET", "/containers/web/json"): {"Id": "1", "Name": "/web", "State": {"Status": "running"}}}
IMAGE = {("GET", "/images/web/json"): {"Id": "sha256:2", "RepoTags": ["web:1"], "Config": {"Cmd": ["sh"]}}}
NETWORK = {("GET", "/networks/web"): {"Name": "web", "Id": "3", "Driver": "bridge"}}
VOLUME = {("GET", "/volumes/web"): {"Name": "web", "Driver": "local"}}

CASES = {
    "search": [
        ("docker search nginx", FOUND),
        ("docker search --no-trunc nginx", FOUND),
        ("docker search --limit 5 -f is-official=true -f stars=3 nginx", FOUND),
        ("docker search --limit -1 -f is-automated=true nginx", FOUND),
        ("docker search --format '{{.Name}} {{.IsOfficial}} {{.StarCount}}' nginx", FOUND),
        ("docker search --format '{{.IsOfficial}} {{json .}} {{.IsOfficial}}' nginx", FOUND),
        ("docker search --format 'table {{.Name}}\\t{{.IsOfficial}}' nginx", FOUND),
        ("docker search --format json nginx", FOUND),
        ("docker search --format '{{.IsAutomated}}' nginx", FOUND),
        ("docker search r.example:5000/nginx", FOUND),
        ("docker search bo/nginx", FOUND),
        ("docker search index.docker.io/nginx", FOUND),
        ("docker search other.example/nginx", FOUND),
        ("docker search nginx", {("GET", "/images/search"): []}),
        ("docker search nginx", {("GET", "/images/search"): EngineFault("no such host")}),
        ("docker search --limit abc nginx", {}),
        ("docker search -f stars nginx", {}),
        ("docker search", {}),
    ],
    "login": [
        ("docker login -u eve -p password1", IN),
        ("docker login -u ' eve ' -p password1 docker.io", IN),
        ("docker login --username eve --password=password1 https://r.example:5000/v2/", IN),
        ("docker login -u eve -p password1 r.example:5000", OUT),
        ("docker login -u eve r.example:5000", {}),
        ("docker login -p password1 r.example:5000", {}),
        ("docker login -u eve --password-stdin r.example:5000", {}),
        ("docker login other.example", {}),
        ("docker login r.example:5000", IN),
        ("docker login", IN),
        ("docker login r.example:5000", OUT),
        ("docker login -u eve -p password1 --password-stdin", {}),
        ("docker login --password-stdin", {}),
        ("docker login -u '' -p password1", {}),
        ("docker login -u eve -p ''", {}),
        ("docker login a b", {}),
    ],
    "logout": [
        ("docker logout", {}),
        ("docker logout docker.io", {}),
        ("docker logout http://r.example:5000/v2/", {}),
        ("docker logout other.example", {}),
        ("docker logout ''", {}),
        ("docker logout a b", {}),
    ],
    "inspect": [
        ("docker inspect web", CONTAINER),
        ("docker inspect -f '{{.State.Status}} {{.Name}}' web", CONTAINER),
        ("docker inspect -s web", CONTAINER),
        ("docker inspect -f '{{.ID}} {{.RepoTags}} {{.Config.Cmd}}' web", NO_CONTAINER | IMAGE),
        ("docker inspect -f '{{.Created}} {{.Driver}}' web", NO_CONTAINER | NO_IMAGE | NETWORK),
        ("docker inspect -f json web", NO_CONTAINER | NO_IMAGE | NO_NETWORK | VOLUME),
        ("docker inspect -s web", NO_CONTAINER | IMAGE),
        ("docker inspect web", NOWHERE),
        ("docker inspect --type image web", IMAGE),
        ("docker inspect --type image -s -f '{{.Id}}' web", IMAGE),
        ("docker inspect --type=network -f '{{.Name}}' web", NETWORK),
        ("docker inspect --type volume -f '{{.Name}}' web", VOLUME),
        ("docker inspect --type container -s -f '{{.Name}}' web", CONTAINER),
        ("docker inspect --type container web", NO_CONTAINER),
        ("docker inspect web", {("GET", "/containers/web/json"): EngineFault("boom")}),
        (
            "docker inspect -f '{{.Id}}' web",
            {("GET", "/containers/web/json"): EngineFault("invalid reference format")} | IMAGE,
        ),
        ("docker inspect -f '{{.Nosuch}}' web", CONTAINER),
        ("docker inspect -f '{{.Id' web", {}),
        ("docker inspect '' ../web", {}),
        ("docker inspect --type image ''", {}),
        ("docker inspect --type network ''", {}),
        ("docker inspect --type volume ''", {}),
        ("docker inspect --type service web", {}),
        ("docker inspect --type plugin web", {}),
        ("docker inspect --type foo web", {}),
        ("docker inspect --type '' web", {}),
        ("docker inspect", {}),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    text = "\n".join(played(line, answers, load(), logins=LOGINS) for line, answers in CASES[name])
    assert same_as_golden(GOLDEN / f"{name}.txt", text)
