import pytest

from permissions.names import is_given, may_be_id, maybe, pattern_problem, readable, surely, untagged
from permissions.verbs import Kind

C, M, N, V, R = Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME, Kind.REGISTRY
DIGEST, OTHER = "@sha256:" + "0" * 64, "@sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("kind", "pattern", "name", "sure", "possible"),
    [
        pytest.param(C, "web", "web", True, True, id="the same name"),
        pytest.param(C, "web", "web2", False, False, id="a longer name"),
        pytest.param(C, "web", "xweb", False, False, id="a name that ends alike"),
        pytest.param(C, "web", "Web", False, False, id="container names differ by case"),
        pytest.param(C, "api-*", "api-1", True, True, id="a star at the end"),
        pytest.param(C, "api-*", "api", False, False, id="the dash belongs to the pattern"),
        pytest.param(C, "a?i", "api", True, True, id="a question mark is one letter"),
        pytest.param(C, "a?i", "appi", False, False, id="a question mark is no more than one letter"),
        pytest.param(C, "web", "/web", True, True, id="Docker takes a leading slash off"),
        pytest.param(C, "web_1", "web_1", True, True, id="an underscore"),
        pytest.param(C, "web", "/api", False, False, id="another name with its slash"),
        pytest.param(C, "web", "/3f2a9c", False, True, id="an id with a slash"),
        pytest.param(C, "web", "//web", False, True, id="two slashes are doubted"),
        pytest.param(C, "web*", "web/db", False, True, id="a link alias names another container"),
        pytest.param(C, "web", "db/x", False, True, id="an alias under another name may be anything"),
        pytest.param(C, "web", "w\u0435b", False, True, id="a Cyrillic look-alike"),
        pytest.param(C, "w*b", "w\u0435b", False, True, id="a look-alike under a star"),
        pytest.param(C, "web", "web:ro", False, True, id="a name with something behind it"),
        pytest.param(C, "web", "3f2a9c", False, True, id="an id may be any container"),
        pytest.param(C, "d*", "deadbeef", False, True, id="an id that a star would cover"),
        pytest.param(C, "db", "db", True, True, id="a listed name that is also hexadecimal"),
        pytest.param(C, "cafe", "db", False, True, id="a hexadecimal name that is not the listed one"),
        pytest.param(C, "db", "/db", True, True, id="a listed hexadecimal name with its slash"),
        pytest.param(C, "web", "3F2A", False, False, id="ids have small letters"),
        pytest.param(C, "web", "a" * 64, False, True, id="a whole id"),
        pytest.param(C, "web", "a" * 65, False, False, id="too long for an id"),
        pytest.param(C, "*", "3f2a9c", True, True, id="any means ids too"),
        pytest.param(C, "*", "web/db", True, True, id="any means whatever is spelled"),
        pytest.param(N, "front", "front", True, True, id="a network"),
        pytest.param(N, "front", "abc", False, True, id="a network's id"),
        pytest.param(N, "front", "/front", False, True, id="networks have no leading slash"),
        pytest.param(N, "front", "container:web", False, True, id="another container's network"),
        pytest.param(V, "front", "abc", False, False, id="volumes have no ids"),
        pytest.param(V, "a*", "abc", True, True, id="a hexadecimal volume is its name"),
        pytest.param(V, "data", "/data", False, True, id="a path where a volume's name should be"),
        pytest.param(V, "data", "data", True, True, id="a volume"),
        pytest.param(R, "reg.example.com", "REG.example.com", True, True, id="server names know no case"),
        pytest.param(R, "*.example.com:5000", "reg.example.com:5000", True, True, id="a server's port"),
        pytest.param(R, "reg.example.com", "reg.example.com:5000", False, False, id="another port"),
        pytest.param(
            R, "reg.example.com", "https://reg.example.com", False, True, id="a server with a scheme"
        ),
        pytest.param(M, "nginx", "nginx", True, True, id="an image"),
        pytest.param(M, "nginx", "nginx:1.27", True, True, id="any tag of a repository"),
        pytest.param(M, "nginx", "nginx" + DIGEST, True, True, id="any digest of a repository"),
        pytest.param(M, "nginx", "docker.io/library/nginx", True, True, id="the full spelling"),
        pytest.param(
            M, "nginx", "index.docker.io/nginx:1", True, True, id="the old spelling of the default registry"
        ),
        pytest.param(
            M, "docker.io/nginx", "library/nginx", True, True, id="the pattern may be long, the name short"
        ),
        pytest.param(M, "nginx", "evil.example.com/nginx", False, False, id="another registry"),
        pytest.param(M, "nginx", "team/nginx", False, False, id="another account"),
        pytest.param(
            M, "team/app", "docker.io/team/app", True, True, id="an account on the default registry"
        ),
        pytest.param(
            M, "localhost/app", "docker.io/localhost/app", False, False, id="localhost is a registry"
        ),
        pytest.param(M, "host:5000/app", "host:5000/app:1", True, True, id="a registry with a port"),
        pytest.param(M, "host:5000/app", "host/app", False, False, id="without the port it is an account"),
        pytest.param(
            M, "reg.example.com/app", "REG.Example.com/app", True, True, id="registries know no case"
        ),
        pytest.param(M, "Host/app", "host/app", False, False, id="a capital makes it a registry"),
        pytest.param(M, "reg.example.com/*", "reg.example.com/app", True, True, id="a star in a repository"),
        pytest.param(
            M, "reg.example.com/*", "reg.example.com/a/b", False, False, id="a star crosses no slash"
        ),
        pytest.param(
            M, "reg.example.com/ok/*", "reg.example.com/ok/../no", False, True, id="dots climb nowhere"
        ),
        pytest.param(M, "app:1.*", "app:1.2", True, True, id="a star in a tag"),
        pytest.param(M, "app:1.*", "app:2.0", False, False, id="another tag"),
        pytest.param(M, "app:1.*", "app", False, True, id="without a tag any tag may be meant"),
        pytest.param(M, "app:1", "app:1" + DIGEST, False, True, id="beside a digest the tag says nothing"),
        pytest.param(M, "app:1", "app:2" + DIGEST, False, True, id="a digest may be that of any tag"),
        pytest.param(M, "app" + DIGEST, "app" + DIGEST, True, True, id="a digest is that content"),
        pytest.param(M, "app" + DIGEST, "app:2" + DIGEST, True, True, id="… whatever tag stands beside it"),
        pytest.param(M, "app" + DIGEST, "app" + OTHER, False, False, id="another digest is other content"),
        pytest.param(M, "app" + DIGEST, "copy" + DIGEST, False, True, id="the same under another name"),
        pytest.param(M, "app" + DIGEST, "app:1", False, True, id="a tag may be of that content"),
        pytest.param(M, "localhost/app", "localhost/app", True, True, id="localhost is one by name"),
        pytest.param(
            M, "docker.io/host:5000/app", "host:5000/app", False, True, id="a port makes a registry"
        ),
        pytest.param(M, "docker.io/localhost/app", "localhost/app", False, False, id="… and no account"),
        pytest.param(M, "app", "3f2a9c", False, True, id="an image's id"),
        pytest.param(M, "app", "sha256:3f2a9c", False, True, id="an image's id with its algorithm"),
        pytest.param(M, "cafe", "cafe", True, True, id="a listed hexadecimal repository"),
        pytest.param(M, "app?", "app*", False, True, id="a pattern where a name should be"),
        pytest.param(M, "app", "app@sha256:12", False, True, id="a broken digest"),
        pytest.param(M, "*", "sha256:3f2a9c", True, True, id="any image"),
    ],
)
def test_a_name_is_surely_or_maybe_meant(kind: Kind, pattern: str, name: str, sure: bool, possible: bool):
    assert (surely(kind, pattern, name), maybe(kind, pattern, name)) == (sure, possible)


@pytest.mark.parametrize(
    ("kind", "pattern", "says"),
    [
        (C, "web", ""),
        (C, "*", ""),
        (C, "api-?*", ""),
        (C, "web_1", ""),
        (C, "web:80", "is no container name"),
        (C, "we b", "is no container name"),
        (C, "[ab]", "is no container name"),
        (C, "/web", "is no container name"),
        (C, "web/db", "is no container name"),
        (C, "", "is no container name"),
        (C, "w\u0435b", "U+0435"),
        (M, "reg.example.com:5000/team/*:1.*", ""),
        (M, "app@sha256:" + "0" * 64, ""),
        (M, "app@sha256:12", "is no image name"),
        (M, "a//b", "is no image name"),
        (M, "app:", "is no image name"),
        (R, "reg.example.com:5000", ""),
        (R, "https://reg.example.com", "is no registry name"),
        (N, "front", ""),
        (V, "*", ""),
    ],
)
def test_a_pattern_that_cannot_be_compared_is_refused_with_a_sentence(kind: Kind, pattern: str, says: str):
    problem = pattern_problem(kind, pattern)
    assert says in problem
    assert bool(problem) == bool(says)


@pytest.mark.parametrize(
    ("kind", "name", "is_id"),
    [
        (C, "ab", True),
        (C, "web", False),
        (C, "", False),
        (M, "sha256:ab", True),
        (C, "sha256:ab", False),
        (V, "ab", False),
        (R, "ab", False),
    ],
)
def test_only_what_docker_looks_up_by_id_may_be_an_id(kind: Kind, name: str, is_id: bool):
    assert may_be_id(kind, name) is is_id


@pytest.mark.parametrize(
    ("kind", "name", "is_name"),
    [
        *((kind, "web", True) for kind in Kind),
        *((kind, "we b", kind is Kind.SYSTEM) for kind in Kind),
        (C, "/web", True),
        (C, "//web", False),
        (N, "/web", False),
        (V, "/web", False),
        (Kind.SYSTEM, "/web", True),
        (M, "sha256:ab", True),
        (M, "sha256:AB", True),
        (M, "app:1@sha256:12", False),
        (M, "a//b", False),
        (R, "reg.example.com:5000", True),
        (N, "reg:5000", False),
    ],
)
def test_a_name_that_has_the_form_of_one_can_be_looked_up(kind: Kind, name: str, is_name: bool):
    assert readable(kind, name) is is_name


@pytest.mark.parametrize(
    ("kind", "pattern", "name", "given"),
    [
        (C, "web*", "web-1", True),
        (C, "web*", "/web-1", True),
        (C, "web*", "api", False),
        (C, "cafe", "cafe", True),
        (C, "web*", "web/1", None),
        (C, "web*", "//web", None),
        (N, "web*", "web-1", True),
        (N, "web*", "/web", None),
        (R, "reg:5000", "reg:5000", True),
        (R, "REG", "reg", True),
        (V, "DATA", "data", False),
        (M, "app", "app:1", True),
        (M, "app", "other:1", False),
        (M, "app:1", "app", None),
        (M, "*", "anything at all", True),
    ],
)
def test_a_name_that_is_given_is_no_id(kind: Kind, pattern: str, name: str, given: bool | None):
    assert is_given(kind, pattern, name) is given


@pytest.mark.parametrize(
    ("pattern", "repository"),
    [
        ("app", "app"),
        ("app:1.*", "app"),
        ("host:5000/a/b:1" + DIGEST, "host:5000/a/b" + DIGEST),
        ("a//b", "a//b"),
    ],
)
def test_a_pattern_without_its_tag_is_its_repository(pattern: str, repository: str):
    assert untagged(pattern) == repository
