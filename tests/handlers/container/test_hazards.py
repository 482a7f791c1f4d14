"""Every spelling of an option that hands over the host is ROOT_EQUIVALENT; the rest is not."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.catalogue import load
from handlers.container import hazards
from handlers.container.hazards import Gift, danger_of
from handlers.faults import UsageFault
from handlers.grammar.parser import parse
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb

ROOT, SAFE = Danger.ROOT_EQUIVALENT, Danger.SAFE


def operation(line):
    return parse(line, load()).command.operation("box")


@pytest.mark.parametrize(
    "options",
    [
        "-v /x:/y",
        "-tv /x:/y",
        "-v=/x:/y",
        "-v/x:/y",
        "--volume /x:/y",
        "--volume=/x:/y",
        "-v '/x:/y:ro'",
        "-v /var/run/docker.sock:/s",
        "-v data:/data -v /:/host",
        "-v /../etc:/y",
        "-v //:/y",
        "-v ' /x:/y'",
        "-v data/../..:/y",
        "-v 'C:\\\\x:/y'",
        "--privileged",
        "--privileged=true",
        "--privileged=1",
        "--net host",
        "--net=host",
        "--network host",
        "--network=host",
        "--network name=host",
        "--network 'NAME=HOST'",
        "--network 'ip=10.0.0.9,name=host'",
        "--net container:web",
        "--network=container:4f0c",
        "--network name=container:web",
        "--network container:",
        "--network name=web,driver-opt=com.docker.network.endpoint.sysctls=net.x=1",
        "--mount type=bind,src=/x,dst=/y",
        "--mount=TYPE=Bind,SOURCE=/x,TARGET=/y,readonly",
        "--mount 'dst=/y,type=bind'",
        '--mount \'"type=bind","src=/x,z",dst=/y\'',
        "--mount src=/x,dst=/y",
        "--mount type=npipe,src=x,dst=/y",
        "--mount type=cluster,src=x,dst=/y",
        "--mount type=nosuch,dst=/y",
        "--mount src=data,dst=/y,volume-driver=local",
        "--mount dst=/y,volume-opt=type=none,volume-opt=device=/",
        "--mount 'dst=/y,\"volume-opt=o=bind,rw\"'",
        "--mount dst=/a --mount type=bind,src=/,dst=/y",
        "--volume-driver local",
        "--volume-driver=nfs -v data:/d",
        "--volumes-from web",
        "--volumes-from web:ro",
        "--device /dev/sda",
        "--device=/dev/null",
        "--device vendor.com/class=all",
        "--device-cgroup-rule 'a *:* rwm'",
        "--gpus all",
        "--gpus 1",
        "--cap-add ALL",
        "--cap-add all",
        "--cap-add SYS_ADMIN",
        "--cap-add=cap_sys_admin",
        "--cap-drop ALL --cap-add CHOWN --cap-add net_admin",
        "--cap-add ''",
        "--security-opt seccomp=unconfined",
        "--security-opt seccomp:unconfined",
        "--security-opt apparmor=unconfined",
        "--security-opt apparmor:other",
        "--security-opt label=disable",
        "--security-opt label:type:svirt_x",
        "--security-opt systempaths=unconfined",
        "--security-opt no-new-privileges=false",
        "--security-opt no-new-privileges:false",
        "--security-opt =x",
        "--runtime runc",
        "--runtime=kata",
        "--isolation process",
        "--cgroup-parent /",
        "--sysctl net.ipv4.ip_forward=1",
        "--pid host",
        "--pid=container:web",
        "--ipc host",
        "--ipc container:web",
        "--ipc HOST",
        "--uts host",
        "--userns host",
        "--cgroupns host",
        "--use-api-socket",
        "--use-api-socket=1",
        "--annotation run.oci.hooks=1",
        "--log-driver syslog",
        "--log-opt syslog-address=unix:///run/x.sock",
        "--log-driver fluentd --log-opt fluentd-address=unix:///run/x.sock",
        "--storage-opt nosuch=1",
    ],
)
@pytest.mark.parametrize("command", ["run", "create", "container run", "container create"])
def test_what_gives_the_host_away_is_root_equivalent(command, options):
    found = operation(f"docker {command} {options} busybox")
    assert found.danger is ROOT
    assert found.verb is Verb.CREATE


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-v data:/data",
        "-v data:/data:ro",
        "-v /data",
        "--privileged=false",
        "--network web",
        "--network bridge",
        "--network none",
        "--network name=hosts,alias=host",
        "-u root",
        "-p 80:80",
        "-P",
        "--read-only",
        "-e A=/x:/y",
        "-l a=/x:/y",
        "--mount src=data,dst=/d",
        "--mount type=volume,src=data,dst=/d,readonly,volume-nocopy,volume-subpath=a,volume-label=a=/x",
        "--mount type=volume,dst=/d",
        "--mount type=tmpfs,dst=/t,tmpfs-size=1m",
        "--mount type=image,src=busybox,dst=/i",
        "--tmpfs /run:size=1m",
        "--volume-driver ''",
        "--cap-drop ALL",
        "--cap-drop ALL --cap-add CHOWN --cap-add cap_net_bind_service",
        "--security-opt no-new-privileges",
        "--security-opt no-new-privileges:true",
        "--security-opt seccomp=builtin",
        "--runtime ''",
        "--isolation default",
        "--cgroup-parent=",
        "--pid ''",
        "--ipc private",
        "--ipc shareable",
        "--ipc none",
        "--cgroupns private",
        "--use-api-socket=false",
        "--network name=web,driver-opt=com.docker.network.endpoint.ifname=eth5",
        "--link db:d --add-host a:1.2.3.4 --dns 1.1.1.1",
        "--log-driver json-file --log-opt max-size=1m --log-opt tag=x",
        "--log-driver none",
        "--storage-opt size=1G",
        "--device-read-bps /dev/sda:1mb --blkio-weight-device /dev/sda:10",
        "-m 1g --cpus 2 --pids-limit 5 --oom-kill-disable --oom-score-adj -999 --ulimit nofile=5",
        "--health-cmd 'cat /etc/shadow' --stop-signal KILL --group-add 0",
    ],
)
def test_what_stays_inside_is_safe(options):
    assert operation(f"docker run {options} busybox").danger is SAFE


def test_what_follows_the_image_is_the_containers_own():
    assert operation("docker run busybox -v /x:/y --privileged --net host").danger is SAFE


@pytest.mark.parametrize("source", ["..", ".", "./x", "../x", ".hidden"])
def test_paths_of_the_caller_are_root_equivalent_and_refused(source):
    assert danger_of(hazards.volumes([f"{source}:/y"])) is ROOT
    with pytest.raises(UsageFault) as raised:
        parse(f"docker run -v '{source}:/y' busybox", load())
    assert raised.value.reason == "caller_file"


@pytest.mark.parametrize("source", ["~", "~/x", "~root/x"])
def test_a_home_is_no_name_to_anyone(source):
    assert operation(f"docker run -v '{source}:/y' busybox").danger is ROOT


@pytest.mark.parametrize("spec", ["", ":/x", "a:b:c:d:e", "a::b", "/x:", "C:/x", "a:/b"])
def test_a_volume_that_could_be_read_otherwise_is_as_bad_as_it_could_be(spec):
    assert danger_of(hazards.volumes([spec])) is ROOT


@pytest.mark.parametrize("text", ["", "foo", "dst=/x,nope=1", "type=bind"])
def test_a_mount_that_cannot_be_read_is_as_bad_as_it_could_be(text):
    assert danger_of(hazards.mounts([text])) is ROOT


@pytest.mark.parametrize("text", ["alias=x", "name=a,nope=b"])
def test_a_network_that_cannot_be_read_is_as_bad_as_it_could_be(text):
    assert danger_of(hazards.networks([text])) is ROOT


@pytest.mark.parametrize(
    ("line", "verb", "danger"),
    [
        ("docker start web", Verb.OPERATE, SAFE),
        ("docker start --checkpoint c --checkpoint-dir /tmp web", Verb.OPERATE, ROOT),
        ("docker stop web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker restart web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker kill web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker rm web", Verb.DESTROY, Danger.LOSES_DATA),
        ("docker logs web", Verb.REVEAL, SAFE),
    ],
)
def test_the_other_commands_are_as_dangerous_as_they_say(line, verb, danger):
    found = operation(line)
    assert (found.verb, found.danger) == (verb, danger)
    assert found.resources == (Resource(kind=Kind.CONTAINER, name="web"),)


def named(kind, *names):
    return [Resource(kind=kind, name=name) for name in names]


@pytest.mark.parametrize("command", ["run", "create"])
def test_a_new_container_names_everything_it_touches(command):
    line = (
        f"docker {command} --name web --network front --network name=back,alias=a -v data:/d -v /anon "
        "-v /x:/y "
        "--mount src=logs,dst=/l --mount type=image,src=tools:1,dst=/t --mount type=bind,src=/e,dst=/e "
        "--volumes-from db:ro --volumes-from cache --link api:a --link /old:/web/o --pid container:p "
        "--ipc container:i nginx"
    )
    assert set(operation(line).resources) == {
        *named(Kind.IMAGE, "nginx", "tools:1"),
        Resource(kind=Kind.CONTAINER, name="web", new=True),
        *named(Kind.NETWORK, "front", "back"),
        *named(Kind.VOLUME, "data", "logs"),
        *named(Kind.CONTAINER, "db", "cache", "api", "/old", "p", "i"),
    }


def test_what_is_named_twice_stands_once():
    found = operation("docker run -v a:/b --mount src=a,dst=/c --link d --volumes-from d x")
    assert found.resources == (
        *named(Kind.IMAGE, "x"),
        *named(Kind.CONTAINER, "d"),
        *named(Kind.VOLUME, "a"),
    )


def test_a_shared_network_names_the_container_it_belongs_to():
    found = operation("docker run --network container:db nginx")
    assert Resource(kind=Kind.CONTAINER, name="db") in found.resources


@pytest.mark.parametrize("option", ["--network", "--pid", "--ipc", "--uts", "--userns"])
def test_nobodys_namespace_names_no_container(option):
    mode = "container:" if option in ("--network", "--ipc") else "host"
    found = operation(f"docker run {option} {mode} nginx")
    assert found.danger is ROOT
    assert found.resources == (Resource(kind=Kind.IMAGE, name="nginx"),)


def test_the_values_of_variables_stand_nowhere_in_the_operation():
    found = operation("docker run -e TOKEN=hunter22 busybox")
    assert "hunter22" not in found.model_dump_json()
    assert found.flags == ("env",)


def exposures(words):
    command = parse(shlex.join(["docker", "run", *words, "busybox"]), load()).command
    return sorted(command.exposures(), key=str), command.operation("box")


plain = st.text(alphabet="abcdefghijkmnopqrstuwxyz0123456789_-", min_size=2, max_size=6)
absolute = st.lists(st.one_of(plain, st.sampled_from(["..", ".", "", "a b", "é"])), min_size=1, max_size=4)
paths = absolute.map(lambda parts: "/" + "/".join(parts))


@st.composite
def one_mount(draw):
    """A source, a target, and whether it is read-only."""
    source = draw(st.one_of(plain.filter(lambda name: not name.startswith(("-", "_"))), paths))
    return source, "/" + draw(plain), draw(st.booleans())


@st.composite
def spelt(draw, mount):
    """The words of one mount in one of its spellings."""
    source, target, read_only = mount
    bind = source.startswith("/")
    if draw(st.booleans()):
        value = f"{source}:{target}" + (":ro" if read_only else "")
        return draw(
            st.sampled_from(
                [["-v", value], [f"-v{value}"], [f"-v={value}"], ["--volume", value], [f"--volume={value}"]]
            )
        )
    fields = [
        f"{draw(st.sampled_from(['src', 'source', 'SRC']))}={source}",
        f"{draw(st.sampled_from(['dst', 'target', 'Destination']))}={target}",
    ]
    if bind or draw(st.booleans()):
        fields.append("type=" + (draw(st.sampled_from(["bind", "Bind", "BIND"])) if bind else "volume"))
    if read_only:
        fields.append(draw(st.sampled_from(["readonly", "ro", "ro=true", "readonly=1"])))
    fields = draw(st.permutations(fields))
    quoted = [f'"{field}"' if draw(st.booleans()) else field for field in fields]
    value = ",".join(quoted)
    return draw(st.sampled_from([["--mount", value], [f"--mount={value}"]]))


@given(st.data())
def test_a_mount_is_the_same_in_every_spelling_and_order(data):
    mounts = data.draw(st.lists(one_mount(), max_size=4))
    seen = []
    for _ in range(2):
        words = [data.draw(spelt(mount)) for mount in data.draw(st.permutations(mounts))]
        found, operation = exposures([word for pair in words for word in pair])
        seen.append((found, operation.danger, set(operation.resources)))
    assert seen[0] == seen[1]
    hosts = [source for source, _, _ in mounts if source.startswith("/")]
    assert (seen[0][1] is ROOT) == bool(hosts)
    assert [exposure.gift for exposure in seen[0][0]] == [Gift.HOST_PATH] * len(hosts)


GIVEN = {
    "--privileged": [["--privileged"], ["--privileged=true"], ["--privileged=1"], ["--privileged=T"]],
    "--cap-add": [
        ["--cap-add", name] for name in ("SYS_ADMIN", "sys_admin", "CAP_SYS_ADMIN", "cap_Sys_Admin")
    ],
    "--network": [["--network", "host"], ["--net=host"], ["--network", "name=host"], ["--net", "NAME=HOST"]],
    "--pid": [["--pid", "host"], ["--pid=host"]],
    "--device": [["--device", "/dev/sda"], ["--device=/dev//sda:rw"], ["--device", "/dev/x/../sda:/dev/y"]],
    "--security-opt": [["--security-opt", "seccomp=unconfined"], ["--security-opt=seccomp:unconfined"]],
    "--volumes-from": [["--volumes-from", "web"], ["--volumes-from=web:ro"]],
    "--userns": [["--userns", "host"], ["--userns=host"]],
}
HARMLESS = [
    ["-d"],
    ["-e", "A=--privileged"],
    ["-l", "x=-v /:/y"],
    ["--name", "web"],
    ["-p80:80"],
    ["--cap-drop=ALL"],
]


@given(st.data())
def test_the_same_gift_is_the_same_danger_however_it_is_spelt(data):
    chosen = data.draw(st.lists(st.sampled_from(sorted(GIVEN)), min_size=1, max_size=4, unique=True))
    seen = []
    for _ in range(2):
        words = [data.draw(st.sampled_from(GIVEN[option])) for option in chosen]
        words += data.draw(st.lists(st.sampled_from(HARMLESS), max_size=3, unique_by=tuple))
        found, operation = exposures([word for pair in data.draw(st.permutations(words)) for word in pair])
        seen.append((found, operation.danger))
    assert seen[0] == seen[1]
    assert seen[0][1] is ROOT
    assert len(seen[0][0]) == len(chosen)


@given(st.lists(st.sampled_from(HARMLESS), max_size=6, unique_by=tuple))
def test_what_is_harmless_stays_so_together(words):
    found, operation = exposures([word for pair in words for word in pair])
    assert (found, operation.danger) == ([], SAFE)


def test_a_host_path_is_named_as_the_engine_will_read_it():
    found, _ = exposures(["-v", "/a/../etc/:/x", "--mount", "type=bind,src=//var/./run,dst=/y"])
    assert [(one.gift, one.what) for one in found] == [
        (Gift.HOST_PATH, "/etc"),
        (Gift.HOST_PATH, "/var/run"),
    ]


def test_what_an_exposure_names_holds_no_values():
    found, _ = exposures(
        [
            *("--mount", "dst=/x,volume-driver=nfs,volume-opt=password=hunter22"),
            *("--log-driver", "splunk", "--log-opt", "splunk-token=hunter22"),
            *("--annotation", "a=hunter22", "--sysctl", "net.a=hunter22"),
        ]
    )
    assert found
    assert "hunter22" not in str(found)
