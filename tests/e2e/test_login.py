"""Registry logins: checked, kept sealed for their owner, used for their commands alone, forgotten."""

import contextlib
import shlex

import docker
import pytest

from tests.e2e.test_main_job import everything_in_redis

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
    stored = await everything_in_redis(workspace.trial.bot.redis)
    assert registry.password.encode() not in stored
    assert registry.password not in str(answer.calls) + str(pulled.calls)


async def test_a_login_is_nobody_else_s(workspace, registry):
    server = await logged_out(workspace, registry)
    await workspace.ask(f"/docker login -u {registry.username} -p {shlex.quote(registry.password)} {server}")
    mine = await workspace.trial.bot.logins.of(f"{workspace.trial.standin.team_id}/{workspace.admin.id}")
    theirs = await workspace.trial.bot.logins.of(f"{workspace.trial.standin.team_id}/{workspace.viewer.id}")
    assert list(mine) == [server]
    assert theirs == {}


async def test_a_wrong_password_is_not_kept(workspace, registry):
    server = await logged_out(workspace, registry)
    answer = await workspace.ask(f"/docker login -u {registry.username} -p wrong-password {server}")
    assert answer.exit_code == 1
    whose = f"{workspace.trial.standin.team_id}/{workspace.admin.id}"
    assert await workspace.trial.bot.logins.of(whose) == {}


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
    assert await workspace.trial.bot.logins.of(whose) == {}


async def test_a_password_in_a_mention_is_refused_with_advice(workspace, registry):
    server = await logged_out(workspace, registry)
    answer = await workspace.ask(f"@docktalk login -u me -p hunter2-hunter2 {server}")
    assert answer.exit_code == 1
    assert "change that password" in answer.picture
    assert "hunter2" not in str(answer.calls)
