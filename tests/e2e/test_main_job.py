"""From a signed request to the answer in a thread, on a real engine."""

import base64
import json
from pathlib import Path

import docker
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


def parents(workspace):
    return [
        m
        for m in workspace.trial.standin.messages(workspace.ops.id)
        if not m.ephemeral_to and not m.thread_ts
    ]


async def run_web(workspace, unique, image):
    name = unique("web")
    answer = await workspace.ask(f"/docker run -d --name {name} {image} sleep 300")
    assert answer.exit_code == 0, answer.picture
    return name


async def test_a_restart_is_answered_in_a_finished_parent(workspace, unique, image, docker_host):
    name = await run_web(workspace, unique, image)
    client = docker.APIClient(base_url=docker_host, version="auto")
    before = client.inspect_container(name)["State"]["StartedAt"]
    answer = await workspace.ask(f"/docker container restart {name} -t 1")
    after = client.inspect_container(name)["State"]["StartedAt"]
    client.close()
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, f"{name}\n", "")
    assert before != after
    assert f"docker container restart --timeout 1 {name}" in answer.picture
    assert "Done" in answer.picture
    assert answer.calls[-1]["arguments"]["channel"] == workspace.ops.id


async def test_a_listing_is_a_table_in_the_thread(workspace, unique, image):
    name = await run_web(workspace, unique, image)
    answer = await workspace.ask(f"/docker ps --filter name={name}")
    posts = [call["arguments"] for call in answer.calls if call["method"] == "chat.postMessage"]
    assert len(posts) == 2
    assert posts[1]["thread_ts"]
    blocks = posts[1]["blocks"]
    assert "table" in [block["type"] for block in blocks]
    assert name in json.dumps(blocks)


async def test_long_output_is_a_file_in_the_thread(workspace, unique, image):
    name = unique("talker")
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i of a long log; i=$((i+1)); done"
    await workspace.ask(f"/docker run --name {name} {image} sh -c '{script}'")
    answer = await workspace.ask(f"/docker logs {name}")
    assert len(answer.stdout.splitlines()) == 3000
    methods = [call["method"] for call in answer.calls]
    assert "files.completeUploadExternal" in methods
    files = [file for m in workspace.trial.standin.messages(workspace.ops.id) for file in m.files]
    assert files[-1].content.decode() == answer.stdout


async def test_a_denial_names_its_rule_and_runs_nothing(workspace, unique, image, docker_host):
    name = await run_web(workspace, unique, image)
    answer = await workspace.ask(f"/docker rm -f {name}", user=workspace.viewer)
    assert answer.exit_code == 1
    assert "rule: default" in answer.picture
    client = docker.APIClient(base_url=docker_host, version="auto")
    assert client.inspect_container(name)["State"]["Running"]
    client.close()


@pytest.mark.parametrize(
    "account",
    [
        {"is_bot": True},
        {"restricted": True},
        {"ultra_restricted": True},
        {"stranger": True, "team_id": "T0OTHER"},
    ],
    ids=["bot", "guest", "single-channel guest", "external"],
)
async def test_no_account_but_a_member_s_passes(workspace, account):
    standin = workspace.trial.standin
    stranger = standin.world.add_user(f"x{len(standin.world.users)}", **account)
    # Named in the policy or not makes no difference: the standing is looked at first.
    answer = await workspace.ask("/docker ps", user=stranger)
    assert answer.exit_code == 1
    assert "standing rule" in answer.picture


async def test_help_lists_only_what_the_asker_may_run(workspace):
    viewers = await workspace.ask("/docker help", user=workspace.viewer)
    admins = await workspace.ask("/docker help")
    assert "restart" in admins.stdout
    assert "restart" not in viewers.stdout
    assert "ps " in viewers.stdout


async def test_slash_mention_and_button_reach_the_same_function(workspace, unique, image):
    name = await run_web(workspace, unique, image)
    before = len(workspace.trial.requests)
    await workspace.ask(f"/docker restart -t 0 {name}")
    await workspace.ask(f"@docktalk restart -t 0 {name}")
    await workspace.ask(f"@docktalk ps -q --filter name={name}", thread=parents(workspace)[-1].ts)
    refused = await workspace.ask(f"/docker restrat -t 0 {name}")
    assert "Run corrected" in refused.picture
    clicked = await click_correction(workspace)
    seen = workspace.trial.requests[before:]
    assert [request.origin for request in seen] == ["slash", "mention", "mention", "slash", "button"]
    assert {request.user_id for request in seen} == {workspace.admin.id}
    assert clicked.job_id


async def click_correction(workspace):
    standin = workspace.trial.standin
    message = [m for m in standin.messages(workspace.ops.id) if m.ephemeral_to][-1]
    action = next(e["action_id"] for b in message.blocks for e in elements(b) if e.get("type") == "button")
    await standin.click(workspace.admin.id, message, action)
    return await workspace.trial.reply()


def elements(block):
    yield from block.get("elements", [])
    if "accessory" in block:
        yield block["accessory"]


async def test_a_mention_in_a_thread_is_answered_in_that_thread(workspace):
    standin = workspace.trial.standin
    posted = await standin.say(workspace.admin.id, workspace.ops.id, "web is down")
    await workspace.ask("@docktalk version", thread=posted.ts)
    replies = standin.thread(workspace.ops.id, posted.ts)
    assert any("docker version" in json.dumps(m.blocks) for m in replies)


async def test_a_redelivery_becomes_one_job(workspace, unique, image):
    name = unique("once")
    await workspace.ask(f"/docker run -d --name {name} {image} sleep 300")
    standin, before = workspace.trial.standin, len(parents(workspace))
    answer = await standin.redeliver(standin.deliveries[-1])
    assert answer.ok
    reply = await workspace.trial.reply()
    assert reply.duplicate
    # A job after it is done: had the redelivery made one, it would be before that in the channel.
    await workspace.ask("/docker version")
    assert len(parents(workspace)) == before + 1


async def test_without_a_place_to_report_no_change_runs(workspace, unique, image, docker_host):
    elsewhere = workspace.trial.standin.world.add_channel("elsewhere", bot_is_member=False)
    name = unique("nowhere")
    answer = await workspace.ask(f"/docker run -d --name {name} {image} sleep 300", channel=elsewhere)
    assert answer.exit_code == 1
    assert "invite" in answer.picture.lower()
    client = docker.APIClient(base_url=docker_host, version="auto")
    assert client.containers(all=True, filters={"name": name}) == []
    client.close()


async def test_values_of_environment_options_are_found_nowhere(workspace, unique, image, capfd):
    secret = "hunter2-correct-horse-battery"
    forms = [
        secret.encode(),
        # What base64 of it looks like alone and behind the name, without what its neighbours change.
        base64.b64encode(secret.encode())[:-4],
        base64.b64encode(b"DB_PASSWORD=" + secret.encode())[16:-4],
    ]
    name = unique("sealed")
    stored = []
    script = "echo it is $DB_PASSWORD; sleep 300"
    for line in (
        f"/docker run -d --name {name} -e DB_PASSWORD={secret} {image} sh -c '{script}'",
        f"/docker run -d --name {name}-2 -e DB_PASSWORD={secret} --no-such-option {image}",
        f"/docker run --name {name}-3 --evn DB_PASSWORD={secret} {image}",
    ):
        answer = await workspace.ask(line)
        stored.append(await everything_in_redis(workspace.trial.bot.ground.redis))
        assert not found(forms, json.dumps(answer.calls).encode()), line
        assert not found(forms, answer.picture.encode()), line
    logged = await workspace.ask(f"/docker logs {name}")
    assert logged.stdout.startswith("it is ")
    assert secret not in logged.stdout
    inspected = await workspace.ask(f"/docker container inspect {name}")
    assert "DB_PASSWORD=" in inspected.stdout
    assert secret not in inspected.stdout
    stored.append(await everything_in_redis(workspace.trial.bot.ground.redis))
    logs = "".join(capfd.readouterr())
    for haystack in [*stored, logs.encode(), *on_disk(workspace.trial.folder)]:
        assert not found(forms, haystack)


def found(forms, haystack):
    return [form for form in forms if form in haystack]


def on_disk(folder: Path):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def everything_in_redis(client):
    dump = []
    async for key in client.scan_iter("*"):
        kind = (await client.type(key)).decode()
        if kind == "none":
            continue  # it expired since the scan
        read = {
            "string": client.get,
            "hash": client.hgetall,
            "zset": lambda k: client.zrange(k, 0, -1),
            "stream": client.xrange,
            "set": client.smembers,
            "list": lambda k: client.lrange(k, 0, -1),
        }[kind]
        dump.append(repr((key, await read(key))).encode())
    return b"\n".join(dump)


async def test_a_prune_asks_first_and_only_its_asker_can_say_yes(workspace, unique, image, docker_host):
    name = unique("stopped")
    await workspace.ask(f"/docker run --name {name} --label prune={name} {image} true")
    client = docker.APIClient(base_url=docker_host, version="auto")
    asked = await workspace.ask(f"/docker container prune --filter label=prune={name}")
    assert "WARNING! This will remove all stopped containers." in asked.picture
    assert name in asked.picture
    standin = workspace.trial.standin
    card = [m for m in standin.messages(workspace.ops.id) if not m.ephemeral_to][-1]
    await standin.click(workspace.viewer.id, card, "correction")
    await workspace.ask("/docker version")
    assert client.containers(all=True, filters={"name": name})
    await standin.click(workspace.admin.id, card, "correction")
    await workspace.trial.ended((await workspace.trial.reply()).job_id)
    assert client.containers(all=True, filters={"name": name}) == []
    client.close()


async def test_a_dry_run_shows_the_calls_and_changes_nothing(workspace, unique, image, docker_host):
    name = await run_web(workspace, unique, image)
    answer = await workspace.ask(f"/docker rm --dry-run -f {name}")
    assert f"DELETE /containers/{name}?force=1" in answer.stdout
    client = docker.APIClient(base_url=docker_host, version="auto")
    assert client.inspect_container(name)["State"]["Running"]
    client.close()
