"""`docktalk try`: lines with their threads, and the batch protocol of JSON lines."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def environ(docker_host):
    return {**os.environ, "DOCKER_HOST": docker_host, "TZ": "UTC", "DOCKTALK_NOW": "1795478400"}


def tried(environ, *arguments, given=""):
    command = [sys.executable, "-m", "bot.cli", "try", *arguments]
    return subprocess.run(
        command, env=environ, input=given, capture_output=True, text=True, timeout=120, check=False
    )


def batch(environ, *lines, options=()):
    done = tried(environ, "--batch", *options, given="".join(f"{json.dumps(line)}\n" for line in lines))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_answers_come_in_order_with_the_command_s_own_output(environ, unique, image):
    name = unique("batch")
    answers = batch(
        environ,
        {"id": "run", "line": f"docker run -d --name {name} {image} sleep 300", "nobody": "knows this field"},
        {
            "id": "names",
            "line": f"docker ps --format {{{{.Names}}}} --filter name={name}",
            "channel": "C0OTHER",
        },
        {"id": "missing", "line": f"docker container inspect {name}-not"},
        {"id": "typo", "line": "docker container restrat web"},
        {"id": "denied", "line": f"docker rm -f {name}", "as": "U0NOBODY"},
        {"id": "help", "line": "docker ps --help"},
        {"id": "letter", "line": "docker ps -h"},
        {"id": "group", "line": "docker container"},
        {"id": "old", "line": f"docker stop --time 0 {name}"},
        {"id": "both", "line": f"docker stop --time 0 -t 0 {name}"},
    )
    ids = ["run", "names", "missing", "typo", "denied", "help", "letter", "group", "old", "both"]
    assert [answer["id"] for answer in answers] == ids
    run, names, missing, typo, denied, asked, letter, group, old, both = answers
    assert (run["exit_code"], len(run["stdout"])) == (0, 65)
    assert (names["exit_code"], names["stdout"]) == (0, f"{name}\n")
    assert names["messages"][-1]["method"] == "chat.postMessage"
    assert names["messages"][-1]["arguments"]["channel"] == "C0OTHER"
    assert (missing["exit_code"], missing["stdout"]) == (1, "[]\n")
    assert "No such container" in missing["stderr"]
    assert typo["exit_code"] == 1
    assert "unknown command: docker container restrat" in typo["stderr"]
    assert denied["exit_code"] == 1
    assert asked["exit_code"] == 0
    assert asked["stdout"].startswith("Usage:  docker ps")
    warned = "Flag shorthand -h has been deprecated, use --help\n"
    assert (letter["exit_code"], letter["stdout"]) == (0, warned + asked["stdout"])
    assert (group["exit_code"], group["stdout"]) == (0, "")
    assert group["stderr"].startswith("Usage:  docker container COMMAND")
    said = "Flag --time has been deprecated, use --timeout instead\n"
    assert (old["exit_code"], old["stdout"]) == (0, f"{said}{name}\n")
    assert (both["exit_code"], both["stdout"]) == (1, said)
    assert "cannot specify both --timeout and --time" in both["stderr"]


def test_past_its_deadline_a_line_is_cancelled(environ, unique, image):
    name = unique("late")
    answers = batch(
        environ,
        {"id": "1", "line": f"docker run --name {name} {image} sleep 300", "deadline": 1},
        {"id": "2", "line": "docker version --format {{.Server.Os}}"},
    )
    assert answers[0]["exit_code"] == 124
    assert (answers[1]["exit_code"], answers[1]["stdout"]) == (0, "linux\n")


def test_stdin_answers_a_question(environ, unique, image):
    name = unique("asked")
    lines = [{"id": "0", "line": f"docker create --name {name} --label only={name} {image} true"}]
    prune = f"docker container prune --filter label=only={name}"
    lines += [{"id": "n", "line": prune, "stdin": "n\n"}, {"id": "y", "line": prune, "stdin": "y\n"}]
    created, refused, agreed = batch(environ, *lines)
    question = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] "
    assert (refused["exit_code"], refused["stdout"]) == (0, question)
    assert agreed["stdout"].startswith(f"{question}Deleted Containers:\n{created['stdout']}")


def test_masking_is_turned_off_by_a_permission_only(environ, unique, image):
    name = unique("masked")
    secret = "hunter2-hunter2"
    lines = [
        {"id": "1", "line": f"docker create --name {name} -e PASSWORD={secret} {image} true"},
        {"id": "2", "line": f"docker container inspect -f {{{{.Config.Env}}}} {name}"},
    ]
    assert secret not in str(batch(environ, *lines)[1])
    lines[0]["line"] = f"docker rm {name}"
    again = {"id": "0", "line": f"docker create --name {name} -e PASSWORD={secret} {image} true"}
    assert secret in batch(environ, lines[0], again, lines[1], options=["--no-redact"])[2]["stdout"]
    denied = batch(environ, {"id": "3", "line": "docker ps", "as": "operator"}, options=["--no-redact"])
    assert "no-redact" in str(denied[0])


def test_what_is_no_line_of_a_batch_is_said_and_the_next_one_answered(environ):
    given = 'not json\n{"id": 1}\n\n{"id": "ok", "line": "docker version -f {{.Server.Os}}"}\n'
    done = tried(environ, "--batch", given=given)
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert "error" in first
    assert "error" in second
    assert third["stdout"] == "linux\n"


def test_lines_are_shown_as_threads_and_the_last_one_s_status_is_the_exit_status(environ):
    done = tried(environ, "/docker version", "/docker container restrat web")
    assert done.returncode == 1
    assert "ran `docker version`" in done.stdout
    assert "only admin sees this" in done.stdout
    assert tried(environ, "/docker version").returncode == 0


def test_identity_comes_from_role_name_and_policy(environ, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nroles:\n  looker:\n    rules:\n      - commands: [version]\n"
        "bindings:\n  - {role: looker, groups: [S0LOOKERS], channels: [C0OPS]}\n"
    )
    options = ["--policy", str(policy), "--role", "looker", "--as", "ana", "--channel"]
    allowed = tried(environ, *options, "C0OPS", "/docker version")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    assert "@ana" in allowed.stdout
    assert tried(environ, *options, "C0OTHER", "/docker version").returncode == 1
    assert tried(environ, *options, "C0OPS", "/docker ps").returncode == 1


def test_a_policy_with_a_mistake_is_refused_with_its_place(environ, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nrolls: {}\n")
    done = tried(environ, "--policy", str(policy), "/docker version")
    assert done.returncode == 2
    assert f"{policy}:2:1: unknown key `rolls`" in done.stderr


def test_it_does_not_start_beside_real_tokens(environ):
    done = tried({**environ, "SLACK_BOT_TOKEN": "xoxb-123-456-abcdef"}, "/docker version")
    assert done.returncode == 2
    assert "real Slack token" in done.stderr
