"""Devices, rules, GPUs and limits by device."""

import re

import pytest

from handlers.grammar.devices import (
    BYTES_DEVICE,
    DEVICE_RULE,
    GPUS,
    OPERATIONS_DEVICE,
    WEIGHT_DEVICE,
    DeviceSpec,
    parse_device,
    parse_gpus,
    parse_rate_in_bytes,
    parse_rate_in_operations,
    parse_weight,
)


def path(host, inside, mode):
    return DeviceSpec(kind="path", path=host, inside=inside, mode=mode)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("/dev/null", path("/dev/null", "/dev/null", "rwm")),
        ("/dev/../sda", path("/sda", "/sda", "rwm")),
        ("//dev//sda/", path("/dev/sda", "/dev/sda", "rwm")),
        ("/dev/null:rw", path("/dev/null", "/dev/null", "rw")),
        ("/dev/null:/dev/x", path("/dev/null", "/dev/x", "rwm")),
        ("/dev/null:/dev/x:m", path("/dev/null", "/dev/x", "m")),
        ("rel:/x", path("rel", "/x", "rwm")),
        ("nvidia.com/gpu=all", DeviceSpec(kind="named", path="nvidia.com/gpu=all")),
        ("a1.b/c-d=0:1", DeviceSpec(kind="named", path="a1.b/c-d=0:1")),
    ],
)
def test_a_device_is_read_as_the_cli_does(text, device):
    assert parse_device(text) == device


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bad format for path: "),
        (":/x", "bad format for path: :/x"),
        ("a:b:c:d", "bad format for path: a:b:c:d"),
        ("null", "null is not an absolute path"),
        ("null:rw", "null is not an absolute path"),
        ("/dev/a:rwx", "rwx is not an absolute path"),
        ("/dev/a:rr", "rr is not an absolute path"),
        ("/dev/a:rw:rw", "rw is not an absolute path"),
        ("/dev/a:/b:q", "bad mode specified: q"),
        ("/dev/a:/b:", "bad mode specified: "),
        ("1a/b=c", "1a/b=c is not an absolute path"),
    ],
)
def test_what_is_no_device_is_refused_in_the_clis_words(text, message):
    with pytest.raises(ValueError, match=re.escape(message) + r"\Z"):
        parse_device(text)


def gpus(count, *, driver="", devices=None, capabilities=("gpu",), options=None):
    return {
        "Driver": driver,
        "Count": count,
        "DeviceIDs": devices,
        "Capabilities": [list(capabilities)],
        "Options": options or {},
    }


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("all", gpus(-1)),
        ("2", gpus(2)),
        ("-1", gpus(-1)),
        ('"device=0,2"', gpus(0, devices=["0", "2"])),
        ("device=0,count=1", gpus(1, devices=["0"])),
        ("all,2", gpus(2)),
        ("all,capabilities=utility", gpus(-1, capabilities=("utility", "gpu"))),
        (
            '"capabilities=a,b",driver=x,"options=k=v,l"',
            gpus(1, driver="x", capabilities=("a", "b", "gpu"), options={"k": "v", "l": ""}),
        ),
    ],
)
def test_gpus_are_asked_for_as_the_cli_does(text, request_):
    assert parse_gpus(text) == request_
    assert GPUS.parse(text) == text


NOT_A_COUNT = 'value must be either "all" or an integer'


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (GPUS, "", "EOF"),
        (GPUS, "x", f"invalid count (x): {NOT_A_COUNT}: invalid syntax"),
        (GPUS, "count=", f"invalid count (): {NOT_A_COUNT}: invalid syntax"),
        (GPUS, "9" * 20, f"invalid count ({'9' * 20}): {NOT_A_COUNT}: value out of range"),
        (GPUS, "count=1,count=2", "gpu request key 'count' can be specified only once"),
        (GPUS, "all,count=2", "gpu request key 'count' can be specified only once"),
        (GPUS, "foo=1", "unexpected key 'foo' in 'foo=1'"),
        (GPUS, "options=", "failed to read gpu options: EOF"),
        (DEVICE_RULE, "", "invalid device cgroup format ''"),
        (DEVICE_RULE, "x 1:1 r", "invalid device cgroup format 'x 1:1 r'"),
        (DEVICE_RULE, "c 1:3 r\n", "invalid device cgroup format 'c 1:3 r\n'"),
        (WEIGHT_DEVICE, "/dev/sda", "bad format: /dev/sda"),
        (WEIGHT_DEVICE, "sda:10", "bad format for device path: sda:10"),
        (WEIGHT_DEVICE, "/dev/sda:5", "invalid weight for device: /dev/sda:5"),
        (WEIGHT_DEVICE, "/dev/sda:1001", "invalid weight for device: /dev/sda:1001"),
        (WEIGHT_DEVICE, "/dev/sda:x", "invalid weight for device: /dev/sda:x"),
        (
            BYTES_DEVICE,
            "/dev/sda:-1",
            (
                "invalid rate for device: /dev/sda:-1. The correct format is <device-path>:<number>[<unit>]. "
                "Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
            ),
        ),
        (
            OPERATIONS_DEVICE,
            "/dev/sda:1mb",
            (
                "invalid rate for device: /dev/sda:1mb. The correct format is <device-path>:<number>. "
                "Number must be a positive integer"
            ),
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_clis_words(kind, text, message):
    with pytest.raises(ValueError, match=re.escape(message) + r"\Z"):
        kind.parse(text)


def test_limits_by_device_are_asked_for_as_the_cli_does():
    assert parse_weight("/dev/sda:200") == {"Path": "/dev/sda", "Weight": 200}
    assert parse_weight("/dev/sda:0") == {"Path": "/dev/sda", "Weight": 0}
    assert parse_rate_in_bytes("/dev/sda:1mb") == {"Path": "/dev/sda", "Rate": 1024**2}
    assert parse_rate_in_operations("/dev/sda:010") == {"Path": "/dev/sda", "Rate": 10}
    assert DEVICE_RULE.parse("c 42:* rmw") == "c 42:* rmw"
