"""What start, logs and run refuse before anything is asked of the engine, and why."""

import pytest

from handlers.catalogue import load
from handlers.faults import UsageFault
from handlers.grammar.parser import parse

UNKNOWN = "unknown operating system or architecture: invalid argument"


@pytest.mark.parametrize(
    ("line", "reason", "code", "message"),
    [
        ("start -a a b", "wrong_arguments", 1, "you cannot start and attach multiple containers at once"),
        ("start -i a b", "wrong_arguments", 1, "you cannot start and attach multiple containers at once"),
        ("start --checkpoint c a b", "wrong_arguments", 1, "you cannot restore multiple containers at once"),
        (
            "logs --since notatime a",
            "bad_value",
            1,
            'invalid value for "since": failed to parse value as time or duration: "notatime"',
        ),
        (
            "logs --until 2023-13-01 a",
            "bad_value",
            1,
            'invalid value for "until": parsing time "2023-13-01": month out of range',
        ),
        ("run -d -a stdout x", "usage", 1, "conflicting options: cannot specify both --attach and --detach"),
        ("run -it x", "needs_terminal", 1, "the input device is not a TTY"),
        ("run -t -a stdin x", "needs_terminal", 1, "the input device is not a TTY"),
        (
            "run --rm --restart always x",
            "bad_value",
            125,
            "docker: conflicting options: cannot specify both --restart and --rm",
        ),
        (
            "run --restart on-failure:x y",
            "bad_value",
            125,
            "docker: invalid restart policy format: maximum retry count must be an integer",
        ),
        (
            "run --restart :1 y",
            "bad_value",
            125,
            "docker: invalid restart policy format: no policy provided before colon",
        ),
        (
            "run --pull bogus y",
            "bad_value",
            125,
            'docker: invalid pull option: \'bogus\': must be one of "always", "missing" or "never"',
        ),
        (
            "run --platform foo y",
            "bad_value",
            125,
            f'docker: error parsing specified platform: "foo": {UNKNOWN}',
        ),
        ("run -p abc y", "bad_value", 125, "docker: invalid containerPort: abc"),
        ("run --expose 80:80 y", "bad_value", 125, "docker: invalid port format for --expose: 80:80"),
        ("run -v '' y", "bad_value", 125, "docker: invalid empty volume spec"),
        ("run -v :/x y", "bad_value", 125, "docker: invalid spec: :/x: empty section between colons"),
        ("run -- -d y", "bad_value", 125, "docker: invalid reference format"),
        (
            "run --network a --network a y",
            "bad_value",
            125,
            'docker: network "a" is specified multiple times',
        ),
        (
            "run --network a --network host y",
            "bad_value",
            125,
            "docker: conflicting options: cannot attach both user-defined and non-user-defined network-modes",
        ),
        (
            "run --network name=a,mac-address=foobar y",
            "bad_value",
            125,
            "docker: foobar is not a valid mac address",
        ),
        (
            "run --disable-content-trust=false y",
            "not_offered",
            125,
            "docker: content trust is not offered here: there is no notary to ask",
        ),
    ],
)
def test_the_refusal_has_its_reason_and_the_clis_sentence(line, reason, code, message):
    with pytest.raises(UsageFault) as raised:
        parse(f"docker {line}", load())
    fault = raised.value
    assert (fault.reason, fault.exit_code, fault.message) == (reason, code, message)


@pytest.mark.parametrize(
    "options",
    [
        "--cidfile /tmp/x",
        "--env-file /etc/passwd",
        "--env-file=a -e B=1",
        "-e HOME",
        "-e A=1 -e SIGNING_KEY",
        "-v ./x:/y",
        "-v ../../etc:/y",
        "-v .ssh:/y",
        "--mount type=bind,src=./x,dst=/y",
        "--mount type=volume,src=../x,dst=/y",
        "--label-file labels",
        "--security-opt seccomp=/etc/passwd",
        "--security-opt seccomp:profile.json",
        "-v .:/y",
    ],
)
def test_the_workers_files_and_variables_are_never_read(options, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNING_KEY", "k3y")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageFault) as raised:
        parse(f"docker run {options} busybox", load())
    assert raised.value.reason == "caller_file"
    assert raised.value.exit_code == 125
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    ["run -itd x", "run -i x cat", "run -t x", "run --rm --restart no x", "run --restart '' --rm x"],
)
def test_what_the_cli_takes_is_taken(line):
    assert parse(f"docker {line}", load()).command.path == "container run"
