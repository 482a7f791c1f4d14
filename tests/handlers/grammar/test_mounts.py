"""``--mount``: what the engine is asked for, and the CLI's refusals."""

import re

import pytest

from handlers.grammar.mounts import MOUNT, parse_mount

TMP = {"Type": "bind", "Source": "/tmp", "Target": "/x"}  # noqa: S108 - a path as data


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("type=bind,source=/tmp,target=/x", TMP),
        ("TYPE=Bind,SRC=/tmp,DST=/x", TMP),
        ("type=bind,src=/tmp,destination=/x,readonly", TMP | {"ReadOnly": True}),
        ("type=bind,src=/tmp,dst=/x,ro=1,readonly=false", TMP),
        ("source=data,target=/d", {"Type": "volume", "Source": "data", "Target": "/d"}),
        ("target=/d", {"Type": "volume", "Target": "/d"}),
        ("type=foo,dst=/d,consistency=Cached", {"Type": "foo", "Target": "/d", "Consistency": "cached"}),
        ("type=bind,src=/tmp,dst=/x,bind-recursive=enabled", TMP),
        (
            "type=bind,src=/tmp,dst=/x,bind-propagation=RSHARED,bind-recursive=disabled",
            TMP | {"BindOptions": {"Propagation": "rshared", "NonRecursive": True}},
        ),
        ("type=bind,src=/tmp,dst=/x,bind-nonrecursive=0", TMP | {"BindOptions": {}}),
        (
            "type=bind,src=/tmp,dst=/x,ro,bind-recursive=writable",
            TMP | {"ReadOnly": True, "BindOptions": {"ReadOnlyNonRecursive": True}},
        ),
        (
            'dst=/d,volume-nocopy,volume-subpath=a/b,volume-label=k=v,volume-label=,"volume-opt=o=a=1,rw"',
            {
                "Type": "volume",
                "Target": "/d",
                "VolumeOptions": {
                    "DriverConfig": {"Options": {"o": "a=1,rw"}},
                    "NoCopy": True,
                    "Subpath": "a/b",
                    "Labels": {"k": "v"},
                },
            },
        ),
        (
            "dst=/d,volume-driver=nfs",
            {"Type": "volume", "Target": "/d", "VolumeOptions": {"DriverConfig": {"Name": "nfs"}}},
        ),
        (
            "type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770",
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 64 * 1024**2, "Mode": 0o1770}},
        ),
        ("type=tmpfs,dst=/t,tmpfs-size=0", {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {}}),
        (
            "type=image,src=busybox,dst=/i,image-subpath=bin",
            {"Type": "image", "Source": "busybox", "Target": "/i", "ImageOptions": {"Subpath": "bin"}},
        ),
        ("dst=/d\nfoo", {"Type": "volume", "Target": "/d"}),
    ],
)
def test_a_mount_is_asked_for_as_the_cli_does(text, asked):
    assert parse_mount(text).api() == asked
    assert MOUNT.show(MOUNT.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "EOF"),
        ("foo", "invalid field 'foo' must be a key=value pair"),
        ("dst=/x,", "invalid field '' must be a key=value pair"),
        ("dst=/x,bind-recursive", "invalid field 'bind-recursive' must be a key=value pair"),
        ("=", "unexpected key '' in '='"),
        (" type=bind,dst=/x", "unexpected key ' type' in ' type=bind'"),
        ("dst=/x,Nope=1", "unexpected key 'nope' in 'Nope=1'"),
        ("type=,dst=/x", "type is required"),
        ("type=bind", "target is required"),
        ("dst=/x,readonly=maybe", "invalid value for readonly: maybe"),
        ("dst=/x,volume-nocopy=x", "invalid value for volume-nocopy: x"),
        ("dst=/x,bind-nonrecursive=x", "invalid value for bind-nonrecursive: x"),
        ("type=tmpfs,dst=/x,tmpfs-size=-1", "invalid value for tmpfs-size: -1"),
        ("type=tmpfs,dst=/x,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        ("type=tmpfs,dst=/x,tmpfs-mode=77777777777", "invalid value for tmpfs-mode: 77777777777"),
        (
            "type=bind,dst=/x,bind-recursive=z",
            'invalid value for bind-recursive: z (must be "enabled", "disabled", "writable", or "readonly")',
        ),
        (
            "type=bind,dst=/x,bind-recursive=writable",
            "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
        ),
        (
            "type=bind,dst=/x,ro,bind-recursive=readonly",
            (
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified "
                "in conjunction"
            ),
        ),
        ("type=bind,dst=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"),
        ("dst=/x,tmpfs-size=1", "cannot mix 'tmpfs-*' options with mount type 'volume'"),
        ("dst=/x,bind-propagation=shared", "cannot mix 'bind-*' options with mount type 'volume'"),
        ("dst=/x,bind-propagation=z,image-subpath=", "cannot mix 'image-*' options with mount type 'volume'"),
        ('dst="/x"', 'parse error on line 1, column 5: bare " in non-quoted-field'),
    ],
)
def test_what_is_no_mount_is_refused_in_the_clis_words(text, message):
    with pytest.raises(ValueError, match=re.escape(message) + r"\Z"):
        MOUNT.parse(text)


@pytest.mark.parametrize(
    ("text", "relative"),
    [("type=bind,src=./a,dst=/b", True), ("src=.,dst=/b", True), ("type=bind,src=/a,dst=/b", False)],
)
def test_a_path_of_the_caller_is_told_apart(text, relative):
    assert parse_mount(text).relative is relative
