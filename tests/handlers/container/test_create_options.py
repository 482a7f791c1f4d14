"""The options of a new container: each reaches the request, unset stays unset, refusals come in order."""

import copy
import shlex

import pytest

from handlers.catalogue import load
from handlers.faults import Fault, UsageFault
from handlers.grammar.parser import parse
from handlers.grammar.render import argv
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

NEWEST = (1, 50)
CREATE = load().by_path("container create")


def body(options, *, api=NEWEST, command="create"):
    answers = {
        ("POST", "/containers/create"): {"Id": "c", "Warnings": []},
        ("POST", "/containers/c/start"): None,
    }
    engine = FakeEngine(answers, api=api)
    parse(f"docker {command} {options} busybox", load()).command.run(FakeContext(engine))
    request = engine.requests[0]
    return {**copy.deepcopy(request.body), "query": request.query}


VALUES = {
    "add-host": "a:1.2.3.4",
    "annotation": "a=b",
    "attach": "stdin",
    "blkio-weight": "300",
    "blkio-weight-device": "/dev/a:10",
    "cap-add": "CHOWN",
    "cap-drop": "CHOWN",
    "cgroup-parent": "x",
    "cgroupns": "host",
    "cpus": "1.5",
    "cpuset-cpus": "0",
    "cpuset-mems": "0",
    "device": "/dev/null",
    "device-cgroup-rule": "c 1:3 rwm",
    "device-read-bps": "/dev/a:1",
    "device-read-iops": "/dev/a:1",
    "device-write-bps": "/dev/a:1",
    "device-write-iops": "/dev/a:1",
    "dns": "1.1.1.1",
    "dns-search": "example.com",
    "env": "A=1",
    "expose": "80",
    "gpus": "all",
    "health-interval": "1s",
    "health-start-interval": "1s",
    "health-start-period": "1s",
    "health-timeout": "1s",
    "ip": "10.0.0.9",
    "ip6": "::9",
    "label": "a",
    "link": "a",
    "log-opt": "a=b",
    "mac-address": "02:42:ac:11:00:99",
    "mount": "dst=/x",
    "pid": "host",
    "platform": "linux/arm64",
    "publish": "80",
    "restart": "always",
    "security-opt": "label=disable",
    "stop-timeout": "0",
    "storage-opt": "size=1G",
    "sysctl": "net.a=b",
    "ulimit": "core=0",
    "userns": "host",
    "uts": "host",
}
ELSEWHERE = {
    *("cidfile", "env-file", "label-file"),  # the caller's files
    *("cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"),  # of engines on Windows
    *("pull", "quiet"),  # about the image
    "disable-content-trust",
    "kernel-memory",  # not of this version any more
}


@pytest.mark.parametrize(
    "opt",
    [opt for opt in CREATE.options.values() if opt.long not in ELSEWHERE],
    ids=lambda opt: opt.long,
)
def test_every_option_reaches_the_request(opt):
    value = "" if opt.type.bare else f" {shlex.quote(VALUES.get(opt.long, '5'))}"
    assert body(f"--network front --{opt.long}{value}") != body("--network front")


def test_what_is_not_given_is_not_asked_for():
    plain = body("")
    assert not {"StopTimeout", "StopSignal", "Healthcheck"} & set(plain)
    assert not {"Init", "Mounts", "Tmpfs", "MaskedPaths", "Sysctls", "Runtime", "Annotations"} & set(
        plain["HostConfig"]
    )
    assert plain["Entrypoint"] is None
    assert plain["HostConfig"]["MemorySwappiness"] == -1
    assert plain["query"] == {}


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        ("--stop-timeout 0", "StopTimeout", 0),
        ("--stop-timeout -1", "StopTimeout", -1),
        ("--init=false", "HostConfig.Init", False),
        ("--entrypoint ''", "Entrypoint", [""]),
        ("--memory-swappiness 0", "HostConfig.MemorySwappiness", 0),
        ("--memory-swap -1", "HostConfig.MemorySwap", -1),
        ("--restart ''", "HostConfig.RestartPolicy", {"Name": "", "MaximumRetryCount": 0}),
        ("--restart on-failure:", "HostConfig.RestartPolicy", {"Name": "on-failure", "MaximumRetryCount": 0}),
        ("--security-opt systempaths=unconfined", "HostConfig.MaskedPaths", []),
        ("--security-opt systempaths=unconfined", "HostConfig.ReadonlyPaths", []),
        ("--tmpfs /run --tmpfs /run:size=1m", "HostConfig.Tmpfs", {"/run": "size=1m"}),
        ("-l a=b -l a=c -l d", "Labels", {"a": "c", "d": ""}),
        ("-v a1:/x -v a1:/x", "HostConfig.Binds", ["a1:/x"]),
        ("--cap-add b --cap-add a --cap-add CAP_B", "HostConfig.CapAdd", ["CAP_A", "CAP_B"]),
        ("--net front", "NetworkingConfig.EndpointsConfig", {}),
        ("--net bridge --link a", "NetworkingConfig.EndpointsConfig", {}),
        ("--health-cmd '' --health-interval 0", "Healthcheck", "absent"),
    ],
)
def test_zero_empty_and_unset_are_three_things(options, place, value):
    found = body(options)
    for key in place.split("."):
        found = found.get(key, "absent")
    assert found == value


def test_the_last_value_of_a_variable_counts_in_the_place_of_the_first():
    assert body("-e C=1 -e A=2 -e C=3 -e a=4")["Env"] == ["C=3", "A=2", "a=4"]


def test_a_detached_container_is_attached_to_nothing():
    made = body("-di", command="run")
    assert [made[key] for key in ("AttachStdin", "AttachStdout", "AttachStderr")] == [False] * 3
    assert (made["OpenStdin"], made["StdinOnce"]) == (True, False)


def refusal(line):
    with pytest.raises(UsageFault) as raised:
        parse(f"docker {line}", load())
    return raised.value


BOTH = "conflicting options: cannot specify both"
NEGATIVE = "docker: --health-{} cannot be negative"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--memory-swappiness 101", "docker: invalid value: 101. Valid memory swappiness range is 0-100"),
        ("--memory-swappiness -2", "docker: invalid value: -2. Valid memory swappiness range is 0-100"),
        ("--mac-address abc", "docker: abc is not a valid mac address"),
        ("--device rel", "docker: rel is not an absolute path"),
        ("--device /a:/b:q", "docker: bad mode specified: q"),
        ("--pid container:", "docker: --pid: invalid PID mode"),
        ("--pid private", "docker: --pid: invalid PID mode"),
        ("--uts container:a", "docker: --uts: invalid UTS mode"),
        ("--userns foo", "docker: --userns: invalid USER mode"),
        ("--cgroupns foo", "docker: --cgroupns: invalid CGROUP mode"),
        ("--log-driver none --log-opt a=b", "docker: invalid logging opts for driver none"),
        ("--security-opt foo", 'docker: Invalid --security-opt: "foo"'),
        ("--security-opt seccomp=", 'docker: Invalid --security-opt: "seccomp="'),
        ("--storage-opt foo", "docker: invalid storage option"),
        ("--health-interval -1s", NEGATIVE.format("interval")),
        ("--health-timeout -1s", NEGATIVE.format("timeout")),
        ("--health-retries -1", NEGATIVE.format("retries")),
        ("--health-start-period -1s", NEGATIVE.format("start-period")),
        ("--health-start-interval -1s", NEGATIVE.format("start-interval")),
        (
            "--no-healthcheck --health-retries 1",
            "docker: --no-healthcheck conflicts with --health-* options",
        ),
        ("--rm --restart always", "docker: conflicting options: cannot specify both --restart and --rm"),
        (
            f"--restart on-failure:{'9' * 5000}",
            "docker: invalid restart policy format: maximum retry count must be an integer",
        ),
        ("--net ''", "docker: no name set for network"),
        (
            "--network-alias a",
            "docker: network-scoped aliases are only supported for user-defined networks",
        ),
        *(
            (
                f"--network name=n,{inside} {beside}",
                f"docker: {BOTH} {beside.split()[0]} and per-network {what}",
            )
            for inside, beside, what in (
                ("alias=a", "--network-alias b", "alias"),
                ("ip=1.1.1.1", "--ip 1.1.1.2", "IPv4 address"),
                ("ip6=::1", "--ip6 ::2", "IPv6 address"),
                ("mac-address=02:42:ac:11:00:99", "--mac-address 02:42:ac:11:00:98", "MAC address"),
                ("link-local-ip=1.1.1.1", "--link-local-ip 1.1.1.2", "link-local IP addresses"),
            )
        ),
    ],
)
@pytest.mark.parametrize("command", ["create", "run -d"])
def test_what_cannot_be_is_refused_in_the_clis_words(command, options, message):
    fault = refusal(f"{command} {options} busybox")
    assert (fault.message, fault.exit_code) == (message, 125)
    assert fault.usage == f"Run 'docker {command.split()[0]} --help' for more information"


NO_PLATFORM = 'error parsing specified platform: "a/b/c/d": cannot parse platform specifier: invalid argument'
NO_NAME = f"invalid repository name ({'ab' * 32}), cannot specify 64-byte hexadecimal strings"


@pytest.mark.parametrize(
    ("options", "image", "message"),
    [
        ("", "BAD", "invalid reference format: repository name (library/BAD) must be lowercase"),
        ("--platform a/b/c/d", "x", NO_PLATFORM),
        ("--pull always", "ab" * 32, NO_NAME),
    ],
)
def test_what_is_found_out_late_ends_create_and_run_differently(options, image, message):
    late = refusal(f"create {options} {image}")
    assert (late.message, late.exit_code) == (message, 1)
    early = refusal(f"run {options} {image}")
    assert (early.message, early.exit_code) == (f"docker: {message}", 125)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("create --platform a/b/c/d BAD", "must be lowercase"),
        ("create --net '' --pull foo BAD", "invalid pull option: 'foo'"),
        ("create --device a --memory-swappiness 101 --mac-address z x", "z is not a valid mac address"),
        ("create -p z -v '' x", "invalid empty volume spec"),
        ("run -d -a stdout -p z X", "invalid containerPort: z"),
        ("run -d -a stdout X", "cannot specify both --attach and --detach"),
        ("run -it X", "the input device is not a TTY"),
        ("create --security-opt foo --log-driver none --log-opt a --restart :1 x", "no policy provided"),
    ],
)
def test_of_several_mistakes_the_one_is_told_that_the_cli_tells(line, part):
    assert part in refusal(line).message


def test_limits_of_windows_are_refused_with_all_their_names():
    fault = refusal("create --io-maxiops 1 --cpu-count 0 busybox")
    end = "is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux"
    assert fault.message == f'"--cpu-count" {end}\n"--io-maxiops" {end}'
    assert fault.exit_code == 1


@pytest.mark.parametrize("api", [(1, 39), (1, 40)])
def test_an_engine_without_recursion_is_not_asked_for_it(api):
    mount = "--mount type=bind,src=/a,dst=/b,bind-recursive=disabled"
    if api >= (1, 40):
        assert body(mount, api=api)["HostConfig"]["Mounts"]
        return
    with pytest.raises(Fault, match=r"^bind-recursive=disabled requires API v1\.40 or later$"):
        body(mount, api=api)


@pytest.mark.parametrize(("api", "sent"), [((1, 39), 0), ((1, 40), 1), ((1, 41), 1), ((1, 42), 0)])
def test_kernel_memory_is_sent_to_the_engines_that_take_it(api, sent):
    assert body("--kernel-memory 1", api=api)["HostConfig"].get("KernelMemory", 0) == sent


@pytest.mark.parametrize(("api", "query"), [((1, 40), {}), ((1, 41), {"platform": "linux/arm64/v8"})])
def test_a_platform_is_asked_of_the_engines_that_know_it(api, query):
    assert body("--platform linux/arm64/v8", api=api)["query"] == query


@pytest.mark.parametrize(
    "options",
    [
        "--mount 'dst=/d,\"volume-opt=o=a,b\"' --gpus '\"device=0,1\"' --ulimit nofile=1:2 --sysctl net.a=b",
        "--cpus 1/3 -m 1.5g --memory-swap -1 --health-interval 1h2m --shm-size 64m --stop-timeout 0",
        "--init=false --dns-search example.com. --net-alias a --dns-opt b --net front --link a:b",
        "--device /dev/a:/dev/b:r --device-cgroup-rule 'c 1:3 rwm' --blkio-weight-device /dev/a:10",
    ],
)
def test_a_line_written_anew_is_the_same_command(options):
    line = f"docker create {options.replace('1/3', '1/4')} busybox --not-an-option"
    command = parse(line, load()).command
    again = parse(shlex.join(argv(command)), load()).command
    assert again == command
    assert again.model_fields_set == command.model_fields_set
    assert type(command).model_validate_json(command.model_dump_json(exclude_unset=True)) == command
