import pytest

from handlers.image.reference import InvalidReferenceError, Reference

DIGEST = "sha256:" + "9a" * 32


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/someuser/img", "docker.io/someuser/img", "someuser/img"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("foo/bar/baz", "docker.io/foo/bar/baz", "foo/bar/baz"),
        ("foo.bar/baz", "foo.bar/baz", "foo.bar/baz"),
        ("localhost/x", "localhost/x", "localhost/x"),
        ("localhost:5000/foo/bar:v1", "localhost:5000/foo/bar:v1", "localhost:5000/foo/bar:v1"),
        ("127.0.0.1:5055/cli/app", "127.0.0.1:5055/cli/app", "127.0.0.1:5055/cli/app"),
        (f"busybox:1.36@{DIGEST}", f"docker.io/library/busybox:1.36@{DIGEST}", f"busybox:1.36@{DIGEST}"),
        (f"x@{DIGEST}", f"docker.io/library/x@{DIGEST}", f"x@{DIGEST}"),
    ],
)
def test_a_reference_has_a_long_and_a_short_form(text, canonical, familiar):
    reference = Reference.parse(text)
    assert (reference.canonical, reference.familiar) == (canonical, familiar)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "invalid reference format"),
        ("bad image", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("a@sha256:123", "invalid reference format"),
        ("/abs", "invalid reference format"),
        ("https://x/y", "invalid reference format"),
        ("foo:-bad", "invalid reference format"),
        ("x:latest ", "invalid reference format"),
        ("한글", "invalid reference format"),
        ("Centos", "invalid reference format: repository name (library/Centos) must be lowercase"),
        ("foo/BAR", "invalid reference format: repository name (foo/BAR) must be lowercase"),
        ("a" * 300, "repository name must not be more than 255 characters"),
        ("x@md5:" + "9a" * 16, "unsupported digest algorithm"),
        (
            "9a" * 32,
            f"invalid repository name ({'9a' * 32}), cannot specify 64-byte hexadecimal strings",
        ),
    ],
)
def test_what_is_no_reference_is_refused_in_the_clis_words(text, sentence):
    with pytest.raises(InvalidReferenceError) as error:
        Reference.parse(text)
    assert str(error.value) == sentence


def test_the_default_tag_fills_only_a_bare_name():
    assert Reference.parse("x").tagged().familiar == "x:latest"
    assert Reference.parse("x:1").tagged().familiar == "x:1"
    assert Reference.parse(f"x@{DIGEST}").tagged().familiar == f"x@{DIGEST}"


def test_the_engines_tag_is_the_digest_where_there_is_one():
    assert Reference.parse(f"x:1@{DIGEST}").api_tag == DIGEST
    assert Reference.parse("x:1").api_tag == "1"


def test_the_hubs_login_has_a_name_of_its_own():
    assert Reference.parse("x").login_server == "https://index.docker.io/v1/"
    assert Reference.parse("r.example:5000/x").login_server == "r.example:5000"
