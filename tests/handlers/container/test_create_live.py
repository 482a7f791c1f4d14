"""What only a real engine can show: it takes the body, and the container is what was asked for."""

import pytest

from handlers.catalogue import load
from handlers.engine import DockerEngine
from handlers.faults import EngineFault
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext

OPTIONS = (
    "-e A=1 -l tier=web -h box --domainname example.com -u 7 -w /tmp --group-add 9 --init=false "
    "-m 64m --memory-swap 128m --cpus 0.5 --pids-limit 50 --shm-size 1m --ulimit nofile=64:128 "
    "--oom-score-adj 100 --cap-drop ALL --cap-add CHOWN --security-opt no-new-privileges "
    "--ipc private --restart on-failure:2 --stop-signal INT --stop-timeout 0 --read-only "
    "--tmpfs /run:size=1m --mount type=tmpfs,dst=/t,tmpfs-size=1m --device /dev/null:/dev/x:r "
    "--log-driver json-file --log-opt max-size=1m --health-cmd true --health-interval 5s "
    "--dns 10.0.0.1 --dns-search example.com. --dns-option ndots:1 --add-host db=10.0.0.2 --expose 90"
)


@pytest.fixture
def ctx(docker_host):
    engine = DockerEngine(docker_host, slots=4)
    yield FakeContext(engine)
    engine.close()


def run(ctx, line):
    return parse(line, load()).command.run(ctx)


def test_the_container_is_what_was_asked_for(ctx, image, unique):
    name, volume = unique("made"), unique("data")
    line = f"docker create --name {name} -v {volume}:/d:ro {OPTIONS} {image} sh -c 'exit 3'"
    made = run(ctx, line).lines[0]
    try:
        found = ctx.engine.get(f"/containers/{name}/json")
    finally:
        ctx.engine.delete(f"/containers/{name}", {"force": True})
        ctx.engine.delete(f"/volumes/{volume}")
    config, host = found["Config"], found["HostConfig"]
    assert found["Id"] == made
    assert "A=1" in config["Env"]
    assert config["Labels"]["tier"] == "web"
    assert (config["Hostname"], config["Domainname"], config["User"]) == ("box", "example.com", "7")
    assert (config["StopSignal"], config["StopTimeout"]) == ("INT", 0)
    assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5 * 10**9}
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (64 << 20, 128 << 20, 5 * 10**8)
    assert (host["PidsLimit"], host["ShmSize"], host["OomScoreAdj"]) == (50, 1 << 20, 100)
    assert host["Ulimits"] == [{"Name": "nofile", "Hard": 128, "Soft": 64}]
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], ["CAP_CHOWN"])
    assert host["Binds"] == [f"{volume}:/d:ro"]
    assert host["Tmpfs"] == {"/run": "size=1m"}
    assert host["Devices"][0]["PathInContainer"] == "/dev/x"
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert host["Init"] is False
    assert host["DnsSearch"] == ["example.com"]


def test_what_the_engine_refuses_ends_as_the_cli_does(ctx, image):
    for command, code in (("create", 1), ("run -d", 125)):
        with pytest.raises(EngineFault, match="Invalid signal: NOSUCH") as raised:
            run(ctx, f"docker {command} --stop-signal NOSUCH {image} true")
        assert raised.value.exit_code == code
