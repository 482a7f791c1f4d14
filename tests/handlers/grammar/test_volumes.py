import pytest

from handlers.grammar.volumes import VolumeSpec, parse_volume


@pytest.mark.parametrize(
    ("text", "kind", "source", "target", "options"),
    [
        ("/data", "anonymous", "", "/data", ()),
        ("/", "anonymous", "", "/", ()),
        ("/:", "anonymous", "", "/:", ()),
        ("vol:/data", "volume", "vol", "/data", ()),
        ("vol:/data:ro,nocopy", "volume", "vol", "/data", ("ro", "nocopy")),
        ("/etc:/x", "bind", "/etc", "/x", ()),
        ("/etc:/x:ro", "bind", "/etc", "/x", ("ro",)),
        ("./web:/x:rw,rshared", "bind", "./web", "/x", ("rw", "rshared")),
        ("~/web:/x", "bind", "~/web", "/x", ()),
        # One letter before a colon is a drive to the CLI, whatever the engine runs on.
        ("a:/b", "anonymous", "", "a:/b", ()),
        ("a:/b:ro", "bind", "a:/b", "ro", ()),
        ("C:\\x:/y", "bind", "C:\\x", "/y", ()),
    ],
)
def test_a_volume_is_read_as_the_cli_reads_it(text, kind, source, target, options):
    expected = VolumeSpec(kind=kind, text=text, source=source, target=target, options=options)
    assert parse_volume(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid empty volume spec"),
        (":/data", "invalid spec: :/data: empty section between colons"),
        ("/a:", "invalid spec: /a:: empty section between colons"),
        ("/a::ro", "invalid spec: /a::ro: empty section between colons"),
        ("/a:/b:ro:x", "invalid spec: /a:/b:ro:x: too many colons"),
    ],
)
def test_a_bad_volume_is_refused_with_the_message_of_the_cli(text, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared below
        parse_volume(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "read_only"),
    [("vol:/d", False), ("vol:/d:ro", True), ("vol:/d:z,ro", True), ("vol:/d:ro,rw", False), ("/d", False)],
)
def test_the_last_of_ro_and_rw_counts(text, read_only):
    assert parse_volume(text).read_only is read_only


@pytest.mark.parametrize(
    ("text", "relative"),
    [("./a:/b", True), (".a:/b", True), ("~/a:/b", False), ("/a:/b", False), ("a1:/b", False)],
)
def test_a_path_of_the_caller_is_told_apart(text, relative):
    assert parse_volume(text).relative is relative
