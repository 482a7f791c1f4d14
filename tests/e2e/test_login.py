"""Registry logins: checked, kept sealed for their owner, used for their commands alone, forgotten."""

import asyncio
import base64
import contextlib
import json
import os
import shlex
from pathlib import Path
from urllib.parse import quote

import docker
import pytest
import pytest_asyncio

from bot.trial.trial import Trial
from tests.e2e.test_main_job import everything_in_redis, found, on_disk

POLICY = """\
version: 1
roles:
  admin:
    rules: [{commands: ["*"]}]
bindings:
  - {role: admin, users: [U0ANN, U0BOB, U0EVE]}
"""
STOLEN = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
echo '{"Username": "%s", "Secret": "%s"}'
"""
"""A credential helper that knows the registry's password and notes that it was asked."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def private(docker_host, image, registry, unique):
    """A reference that only a login can pull."""
    name = f"{registry.address}/{unique('private')}"
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        client.tag(image, name, "1")
        auth = {"username": registry.username, "password": registry.password}
        pushed = client.push(name, "1", auth_config=auth)
        assert "error" not in pushed
        client.remove_image(f"{name}:1")
    return f"{name}:1"


async def logged_out(workspace, registry):
    await workspace.trial.log_in(workspace.admin, {})
    return registry.address


async def test_a_login_on_a_slash_line_is_checked_kept_and_used(workspace, registry, private):
    server = await logged_out(workspace, registry)
    refused = await workspace.ask(f"/docker pull {private}")
    assert refused.exit_code == 1
    line = f"/docker login -u {registry.username} -p {shlex.quote(registry.password)} {server}"
    answer = await workspace.ask(line)
    assert "Login Succeeded" in answer.stdout
    pulled = await workspace.ask(f"/docker pull {private}")
    assert pulled.exit_code == 0, pulled.picture
    stored = await everything_in_redis(workspace.trial.bot.ground.redis)
    assert registry.password.encode() not in stored
    assert registry.password not in str(answer.calls) + str(pulled.calls)


async def test_a_login_is_nobody_else_s(workspace, registry):
    server = await logged_out(workspace, registry)
    await workspace.ask(f"/docker login -u {registry.username} -p {shlex.quote(registry.password)} {server}")
    mine = await workspace.trial.bot.ground.logins.of(
        f"{workspace.trial.standin.team_id}/{workspace.admin.id}"
    )
    theirs = await workspace.trial.bot.ground.logins.of(
        f"{workspace.trial.standin.team_id}/{workspace.viewer.id}"
    )
    assert list(mine) == [server]
    assert theirs == {}


async def test_a_wrong_password_is_not_kept(workspace, registry):
    server = await logged_out(workspace, registry)
    answer = await workspace.ask(f"/docker login -u {registry.username} -p wrong-password {server}")
    assert answer.exit_code == 1
    whose = f"{workspace.trial.standin.team_id}/{workspace.admin.id}"
    assert await workspace.trial.bot.ground.logins.of(whose) == {}


async def test_without_a_password_a_form_asks_for_it(workspace, registry, private):
    server = await logged_out(workspace, registry)
    standin = workspace.trial.standin
    await standin.slash(workspace.admin.id, workspace.ops.id, f"login -u {registry.username} {server}")
    await workspace.trial.reply()
    form = next(v for v in standin.world.views.values() if v.user == workspace.admin.id)
    values = {"username": registry.username, "password": registry.password}
    given = {name: {name: {"type": "plain_text_input", "value": text}} for name, text in values.items()}
    await standin.submit(workspace.admin.id, form, given)
    ended = await workspace.trial.ended((await workspace.trial.reply()).job_id)
    assert ended.result.exit_code == 0
    assert (await workspace.ask(f"/docker pull {private}")).exit_code == 0
    answer = await workspace.ask(f"/docker logout {server}")
    assert f"Removing login credentials for {server}" in answer.stdout
    whose = f"{standin.team_id}/{workspace.admin.id}"
    assert await workspace.trial.bot.ground.logins.of(whose) == {}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def planted(docker_host, registry, tmp_path_factory):
    """A trial whose worker's own docker configuration knows the registry's password; the helper's notes."""
    folder = tmp_path_factory.mktemp("planted")
    auth = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    config = {
        "auths": {registry.address: {"auth": auth}},
        "credsStore": "stolen",
        "credHelpers": {registry.address: "stolen"},
        "HttpHeaders": {"X-Registry-Auth": auth},
    }
    helper = folder / "docker-credential-stolen"
    helper.write_text(STOLEN % (registry.username, registry.password))
    helper.chmod(0o755)
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    for path in (folder / "config.json", folder / ".docker/config.json", folder / ".dockercfg"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(config if path.suffix == ".json" else config["auths"]))
    environ = {
        **os.environ,
        "DOCKER_HOST": docker_host,
        "HOME": str(folder),
        "DOCKER_CONFIG": str(folder),
        "DOCKER_AUTH_CONFIG": json.dumps(config),
        "PATH": f"{folder}:{os.environ['PATH']}",
    }
    async with Trial(policy=policy, environ=environ) as trial:
        yield trial, folder / "asked"


async def test_a_login_of_the_worker_s_own_is_never_used(planted, registry, private):
    trial, asked = planted
    repository = private.rpartition(":")[0]
    for line in (
        f"docker pull {private}",
        f"docker pull -a {repository}",
        f"docker run --pull always --rm {private}",
        f"docker create --pull always {private}",
        f"docker search {registry.address}/x",
        f"docker login {registry.address}",
    ):
        answer = await trial.ask(line, user=trial.user("U0EVE"), channel=trial.channel("ops"))
        assert answer.exit_code != 0, f"{line}\n{answer.picture}"
    assert not asked.exists()


async def test_one_person_s_login_is_never_used_for_another(planted, registry, private):
    trial, _ = planted
    ops, ann, bob = trial.channel("ops"), trial.user("U0ANN"), trial.user("U0BOB")
    login = f"login -u {registry.username} -p {shlex.quote(registry.password)} {registry.address}"
    assert (await trial.ask(f"/docker {login}", user=ann, channel=ops)).exit_code == 0
    refused = await trial.ask(f"/docker pull {private}", user=bob, channel=ops)
    assert "no basic auth credentials" in refused.stderr
    again = await trial.ask(f"/docker login {registry.address}", user=bob, channel=ops)
    assert again.exit_code == 1
    # Not even when somebody who writes to Redis moves it to the other one's name.
    keys = [key async for key in trial.bot.ground.redis.scan_iter("*logins:*")]
    moved = keys[0].replace(ann.id.encode(), bob.id.encode())
    await trial.bot.ground.redis.copy(keys[0], moved)
    assert moved != keys[0]
    assert (await trial.ask(f"/docker pull {private}", user=bob, channel=ops)).exit_code == 1
    assert (await trial.ask(f"/docker logout {registry.address}", user=bob, channel=ops)).exit_code == 0
    assert (await trial.ask(f"/docker pull {private}", user=ann, channel=ops)).exit_code == 0


async def by_form(workspace, registry, password):
    """Logs in through the form; the job's exit code."""
    trial, standin, who = workspace.trial, workspace.trial.standin, workspace.admin.id
    line = f"login -u {registry.username} --password-stdin=true {registry.address}"
    await standin.slash(who, workspace.ops.id, line)
    await trial.reply()
    form = next(view for view in reversed(standin.world.views.values()) if view.user == who)
    given = {"username": registry.username, "password": password}
    values = {name: {name: {"type": "plain_text_input", "value": text}} for name, text in given.items()}
    await standin.submit(who, form, values)
    return (await trial.ended((await trial.reply()).job_id)).result.exit_code


async def test_a_password_is_found_nowhere(workspace, registry, capfd):
    server = await logged_out(workspace, registry)
    secrets = {"right": registry.password, "wrong": "wrong-quokka/ossify tundra+1"}
    processes: set[bytes] = set()
    stop = asyncio.Event()
    watching = asyncio.create_task(watch_processes(processes, stop))
    calls, stored = len(workspace.trial.standin.calls), []
    for name, password in secrets.items():
        expected = int(name == "wrong")
        line = f"login -u {registry.username} -p {shlex.quote(password)} {server}"
        answer = await workspace.ask(f"/docker {line}")
        assert answer.exit_code == expected
        assert "Using --password via the CLI is insecure" in answer.stderr
        assert await by_form(workspace, registry, password) == expected
        mentioned = await workspace.ask(f"@docktalk {line}")
        assert mentioned.exit_code == 1
        assert "change that password" in mentioned.picture
        assert (await workspace.ask(f"/docker {line} --nosuch")).exit_code != 0
        assert (await workspace.ask(f"/docker lgoin -u x -p {shlex.quote(password)}")).exit_code != 0
        stored.append(await everything_in_redis(workspace.trial.bot.ground.redis))
    await workspace.ask(f"/docker pull {server}/nosuch")
    stored.append(await everything_in_redis(workspace.trial.bot.ground.redis))
    stop.set()
    await watching
    made = json.dumps([one.arguments for one in workspace.trial.standin.calls[calls:]])
    places = {
        "redis": b"\n".join(stored),
        "processes": b"\n".join(processes),
        "calls": made.encode(),
        "logs": "".join(capfd.readouterr()).encode(),
        "disk": b"\n".join(on_disk(workspace.trial.folder)),
    }
    for password in secrets.values():
        for place, content in places.items():
            assert not found(forms_of(registry.username, password), content), place
    assert any(b"bot.cli" in process for process in processes)


async def watch_processes(seen, stop):
    """Notes the command lines of all processes, again and again."""
    while not stop.is_set():
        seen |= set(command_lines())
        await asyncio.sleep(0.02)


def command_lines():
    for proc in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (proc / "cmdline").read_bytes().replace(b"\0", b" ")


def forms_of(username, password):
    """A password in the clear and as it looks in headers, addresses and JSON."""
    pair = base64.b64encode(f"{username}:{password}".encode())
    whole = json.dumps({"username": username, "password": password}, separators=(",", ":")).encode()
    body = base64.urlsafe_b64encode(whole)
    return [password.encode(), quote(password).encode(), pair[12:-4], body[36:-8]]


@pytest.mark.parametrize("surface", ["/docker", "@docktalk"])
@pytest.mark.parametrize(
    "line",
    [
        "login -u bob -p xylem quokka ossify tundra {server}",
        "login -u bob -pxylem quokka ossify {server}",
        "login -u bob -p xylem --quokka {server}",
        "login -u bob -p xylem -quokka {server}",
        "login -u bob --password xylem quokka",
        "login -u bob -p xylem --quokka=ossify -t {server}",
    ],
)
async def test_the_later_words_of_a_password_without_quotes_are_hidden_too(
    workspace, registry, surface, line
):
    server = await logged_out(workspace, registry)
    answer = await workspace.ask(f"{surface} {line.format(server=server)}")
    assert answer.exit_code != 0
    shown = str(answer.calls) + answer.stderr
    stored = await everything_in_redis(workspace.trial.bot.ground.redis)
    for word in ("xylem", "quokka", "ossify", "tundra"):
        assert word not in shown
        assert word.encode() not in stored


async def test_a_password_in_a_mention_is_refused_with_advice(workspace, registry):
    server = await logged_out(workspace, registry)
    answer = await workspace.ask(f"@docktalk login -u me -p hunter2-hunter2 {server}")
    assert answer.exit_code == 1
    assert "change that password" in answer.picture
    assert "hunter2" not in str(answer.calls)
