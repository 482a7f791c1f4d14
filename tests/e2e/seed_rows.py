"""What is expected of every row of the seed table (tests/facts/seed_table.csv), by its number there.

``{n}`` is a name of the row's own, ``{web}`` a running container, ``{image}`` a local image, ``{reg}`` a
registry with a password that the asker is logged in to, ``{net4}`` and ``{net6}`` addresses of this run.
"""

from dataclasses import dataclass

FILES = "waits for the file area"
SESSION = "waits for interactive sessions"


@dataclass(frozen=True)
class Row:
    """A line for one or more rows: its exit code and what the reader sees (regular expressions)."""

    rows: tuple[int, ...]
    line: str
    shows: tuple[str, ...] = ()
    exit: int = 0
    before: tuple[str, ...] = ()
    waits: str = ""
    note: str = ""


def row(*rows, line, shows=(), exit=0, before=(), waits="", note=""):  # noqa: A002 - as docker says it
    shows = (shows,) if isinstance(shows, str) else shows
    before = (before,) if isinstance(before, str) else before
    return Row(rows, line, shows, exit, before, waits, note)


RUN = "docker run -d --name {n} {image} sleep 300"
ENDS_AT_ONCE = "docker run -d --stop-signal KILL --name {n} {image} sleep 300"
STOPPED = "docker create --name {n} {image} sh -c 'echo made; touch /made; rm /var/www/index.html'"
NET = "docker network create {n}"
TAGGED = "docker tag {image} {reg}/{n}:7"
PUSHED = (TAGGED, "docker push {reg}/{n}:7")

ROWS = (
    row(1, 2, line="docker image pull {reg}/{n}:7", before=PUSHED, shows="{n}:7"),
    row(3, line="docker image pull -a {reg}/{n}:7", exit=1, shows="tag can't be used with --all-tags/-a"),
    row(4, line="docker image pull -a {reg}/{n}", before=PUSHED, shows="{reg}/{n}"),
    row(
        5,
        line="docker image pull gcr.io.tensorflow/tensorflow",
        exit=1,
        shows="gcr.io.tensorflow",
        note="the seed's slip: it names a registry host of that name, which does not exist",
    ),
    row(6, line="docker image pull {reg}/{n}:7", before=PUSHED, shows="{n}:7"),
    row(7, line="docker image ls {reg}/{n}", before=TAGGED, shows="{n}"),
    row(8, line="docker image ls -a {reg}/{n}", before=TAGGED, shows="{n}"),
    row(
        9,
        line="docker image ls — digests",
        exit=125,
        shows="docker image ls --digests|image ls --digests",
        note="a dash standing alone: explained, and the corrected line is offered",
    ),
    row(
        10,
        line="docker image ls — no -trunc",
        exit=125,
        shows="no-trunc",
        note="explained, and the corrected line is offered",
    ),
    row(11, line="docker image ls -q {reg}/{n}", before=TAGGED, shows="[0-9a-f]{{12}}"),
    row(12, line="docker image inspect {image}", shows='"Os": "linux"'),
    row(13, 14, line='docker image inspect —format="{{{{ .Os}}}}" {image}', shows="linux"),
    row(
        15,
        line='docker image inspect —format="{{{{ . ContainerConfig.Image}}}}" {image}',
        exit=64,
        shows='function "ContainerConfig" not defined',
        note="the seed's blank behind the dot is refused by Go; without it the template is right",
    ),
    row(16, line="docker image tag {image} user/{n}:1", shows="no output"),
    row(28, line="docker login {reg}", shows="Login Succeeded"),
    row(29, 30, line="docker login -u {user} -p {password} {reg}", shows="Login Succeeded"),
    row(31, line="docker logout {n}.example", shows="Removing login credentials"),
    row(
        32,
        33,
        line="docker image push {reg}/user/{n}:7",
        before="docker tag {image} {reg}/user/{n}:7",
        shows="digest",
    ),
    row(22, line="docker image rm {reg}/{n}:7", before=TAGGED, shows="Untagged: {reg}/{n}:7"),
    row(23, line="docker image rm -f {reg}/{n}:7", before=TAGGED, shows="Untagged"),
    row(24, line="docker image rm —no-prune {reg}/{n}:7", before=TAGGED, shows="Untagged"),
    row(25, line="docker image prune", shows="WARNING! This will remove all dangling images."),
    row(26, line="docker image prune -a --filter label=never", shows="without at least one container"),
    row(27, line="docker image prune -f --filter label=never", shows="Total reclaimed space: 0B"),
    row(34, line="docker container create --name {n} {image} true", shows="[0-9a-f]{{12}}"),
    row(35, 44, line="docker container run --name {n} {image} echo hello", shows="hello"),
    row(36, line="docker container run -a STDOUT --name {n} {image} echo hello", shows="hello"),
    row(37, line="docker container run —cidfile id {image} true", exit=125, shows="--cidfile", waits=FILES),
    row(38, 45, line="docker container run -d --name {n} {image} sleep 300", shows="[0-9a-f]{{64}}"),
    row(39, line="docker container run -i --name {n} {image} cat", shows="no output"),
    row(40, line="docker container run -t --name {n} {image} echo hello", shows="hello"),
    row(41, line="docker container run —name {n} {image} true", shows="no output"),
    row(42, line="docker container run --name {n} {image} /bin/cal", shows="Su Mo Tu"),
    row(43, line="docker container run -it --name {n} {image} /bin/sh", exit=1, shows="TTY", waits=SESSION),
    row(46, 68, line="docker container run -u nobody --name {n} {image} id -un", shows="nobody"),
    row(
        47,
        line="docker container run -d —restart=on-failure:3 --name {n} {image} sleep 300",
        shows="[0-9a-f]{{64}}",
    ),
    row(48, line="docker container run —rm --name {n} {image} echo hello", shows="hello"),
    row(
        49, line="docker container logs {n}", before="docker run --name {n} {image} echo hello", shows="hello"
    ),
    row(50, 54, line="docker container run —net=none --name {n} {image} true", shows="no output"),
    row(
        51,
        line="docker container run —add-host=db:10.0.0.9 --name {n} {image} cat /etc/hosts",
        shows="10.0.0.9\\s+db",
    ),
    row(
        52,
        line="docker container run —dns=10.0.0.9 --name {n} {image} cat /etc/resolv.conf",
        shows="10.0.0.9",
    ),
    row(
        53,
        line="docker container run -d —expose 7000-7002 --name {n} {image} sleep 300",
        shows="[0-9a-f]{{64}}",
    ),
    row(55, line="docker container run -h box --name {n} {image} hostname", shows="box"),
    row(56, line="docker container run -d -p0:80 --name {n} {image} sleep 300", shows="[0-9a-f]{{64}}"),
    row(57, line="docker container run -d -p 80 --name {n} {image} sleep 300", shows="[0-9a-f]{{64}}"),
    row(58, 59, line="docker container run -c 512 --name {n} {image} true", shows="no output"),
    row(60, line="docker container run -m 64m --name {n} {image} true", shows="no output"),
    row(61, line="docker container run -v {n}:/data --name {n} {image} ls -d /data", shows="/data"),
    row(
        62,
        line="docker container run -d -v /tmp/{n}:/usr/share/nginx/html --name {n} {image} sleep 300",
        shows="[0-9a-f]{{64}}",
        note="a host path is ROOT_EQUIVALENT: the asker's role has to allow it",
    ),
    row(63, 64, line="docker container run -e GREETING=hello --name {n} {image} env", shows="GREETING="),
    row(
        65, line="docker container run —env-file=vars {image} true", exit=125, shows="--env-file", note=FILES
    ),
    row(
        66,
        line="docker container run —read-only true {image}",
        exit=125,
        shows="true",
        note="as the CLI: a bool takes its value with =, so `true` is the image",
    ),
    row(67, line="docker container run -w /etc --name {n} {image} pwd", shows="/etc"),
    row(69, line="docker container ls", shows="CONTAINER ID"),
    row(70, line="docker container ls -a -f name={n}", before=STOPPED, shows="{n}"),
    row(71, line="docker container ls -f name={web}", shows="{web}"),
    row(72, line="docker container ls -n 1", shows="CONTAINER ID"),
    row(73, line="docker container ls -l", shows="CONTAINER ID"),
    row(74, line="docker container ls —no-trunc -f name={web}", shows="[0-9a-f]{{64}}"),
    row(75, line="docker container ls -q -f name={web}", shows="[0-9a-f]{{12}}"),
    row(76, line="docker container ls -s -f name={web}", shows="virtual"),
    row(77, line="docker container stats --no-stream {web}", shows="CPU %"),
    row(78, line="docker container start {n}", before=STOPPED, shows="{n}"),
    row(79, line="docker container start -a {n}", before=STOPPED, shows="made"),
    row(80, line="docker container start -i {n}", before=STOPPED, shows="made"),
    row(81, line="docker container stop {n}", before=ENDS_AT_ONCE, shows="{n}"),
    row(82, line="docker container stop -t 1 {n}", before=RUN, shows="{n}"),
    row(83, line="docker container kill {n}", before=RUN, shows="{n}"),
    row(84, line="docker container restart -t 0 {n}", before=RUN, shows="{n}"),
    row(85, 86, line="docker container restart -t 1 {n}", before=RUN, shows="{n}"),
    row(87, line="docker container rm {n}", before=STOPPED, shows="{n}"),
    row(88, line="docker container rm -f {n}", before=RUN, shows="{n}"),
    row(89, line="docker container rm -v {n}", before=STOPPED, shows="{n}"),
    row(90, line="docker container prune", shows="WARNING! This will remove all stopped containers."),
    row(91, line="docker container pause {n}", before=RUN, shows="{n}"),
    row(92, line="docker container unpause {n}", before=(RUN, "docker pause {n}"), shows="{n}"),
    row(93, line="docker network ls", shows=("bridge", "host", "none")),
    row(94, line="docker network ls -f name={n}", before=NET, shows="{n}"),
    row(95, line="docker network ls --no-trunc -f name={n}", before=NET, shows="[0-9a-f]{{64}}"),
    row(96, line="docker network ls -q", shows="[0-9a-f]{{12}}"),
    row(97, line="docker network ls -q -f driver=bridge", shows="[0-9a-f]{{12}}"),
    row(98, line="docker network ls -f driver=bridge", shows="bridge"),
    row(99, 100, line="docker network create -d bridge {n}", shows="[0-9a-f]{{64}}"),
    row(
        101,
        102,
        line="docker network create --subnet {net4}1.0/24 --ip-range {net4}1.0/28 {n}",
        shows="[0-9a-f]{{64}}",
    ),
    row(103, line="docker network create --ipv6 --subnet {net6}:1::/64 {n}", shows="[0-9a-f]{{64}}"),
    row(104, line="docker network create -d=bridge {n}", shows="[0-9a-f]{{64}}"),
    row(105, line="docker network connect {n} {n}", before=(NET, RUN), shows="no output"),
    row(
        106,
        line="docker network connect --ip {net4}2.9 {n} {n}",
        before=("docker network create --subnet {net4}2.0/24 {n}", RUN),
        shows="no output",
    ),
    row(
        107,
        line="docker network connect --ip6 {net6}:2::9 {n} {n}",
        before=("docker network create --ipv6 --subnet {net6}:2::/64 {n}", RUN),
        shows="no output",
    ),
    row(108, line="docker network connect --alias db {n} {n}", before=(NET, RUN), shows="no output"),
    row(109, line="docker network connect --link {web} {n} {n}", before=(NET, RUN), shows="no output"),
    row(
        110,
        line="docker container run -itd --name={n} --net={n} {image} sh",
        before=NET,
        shows="[0-9a-f]{{64}}",
    ),
    row(
        111,
        line="docker network disconnet {n} {n}",
        exit=1,
        shows="network disconnect {n} {n}",
        note="the seed's slip: explained, and the corrected line is offered",
    ),
    row(112, line="docker network inspect {n}", before=NET, shows='"Name": "{n}"'),
    row(113, line="docker network rm {n}", before=NET, shows="{n}"),
    row(
        114,
        line="docker container attach {n}",
        before="docker run -d --name {n} {image} sh -c 'sleep 1; echo out'",
    ),
    row(115, 116, line="docker container attach --help", shows="--detach-keys", waits=SESSION),
    row(117, line="docker container exec {web} echo hello", shows="hello"),
    row(118, line="docker container exec -it {web} sh", exit=1, shows="TTY", waits=SESSION),
    row(119, line="docker container top {web}", shows="PID"),
    row(
        120,
        line="docker container port {n}",
        before="docker run -d -p 80 --name {n} {image} sleep 300",
        shows="80/tcp ->",
    ),
    row(121, line="docker container rename {n} {n}-new", before=RUN, shows="no output"),
    row(122, line="docker container cp {web}:/etc/hosts hosts", exit=1, shows="file", waits=FILES),
    row(123, line="docker container cp hosts {web}:/tmp", exit=1, shows="file", waits=FILES),
    row(
        124,
        125,
        126,
        127,
        line="docker container diff {n}",
        before=(STOPPED, "docker start -a {n}"),
        shows=("A /made", "C /var", "D /var/www/index.html"),
    ),
    row(128, line="docker container commit {n} {n}:made", before=STOPPED, shows="sha256:"),
    row(
        129,
        130,
        131,
        132,
        line="docker container commit -a me -m why -c 'CMD [\"true\"]' -p {n} {n}:made",
        before=STOPPED,
        shows="sha256:",
    ),
    row(133, line="docker container export {web}", exit=1, shows="file", waits=FILES),
    row(
        134, line="docker container export {web} > webserver_latest.tar", exit=125, shows="shell", waits=FILES
    ),
    row(
        135, line="tar -tf webserver_latest.tar", exit=1, shows="unknown command", note="not a docker command"
    ),
    row(136, line="docker image import webserver.tar app:1", exit=1, shows="file", waits=FILES),
    row(137, 138, 139, line="docker image save -o tensorflow.tar {image}", exit=1, shows="file", waits=FILES),
    row(140, 141, 142, line="docker image load -i tensorflow.tar", exit=1, shows="file", waits=FILES),
    row(143, line="docker system prune", shows="WARNING! This will remove"),
    row(144, line="docker system prune -a", shows="all images without at least one container"),
    row(145, line="docker system prune -f --filter label=never", shows="Total reclaimed space: 0B"),
)

SEARCH = (17, 18, 19, 20, 21)
"""Searching needs an index of images; tests/e2e/test_search.py answers as one would."""
