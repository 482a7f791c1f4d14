"""Listed host paths at the worker: what a container or a volume was found to have of its host."""

from typing import Any

import pytest

from permissions.host_paths import HostPath
from permissions.operation import Bind
from permissions.policy import Policy, Rule
from tests.bot.jobs.live_host import Host, container, decided, found, policy, volume

LISTED = (HostPath(path="/srv/share"), HostPath(path="/srv/up", mode="rw"))
ANYTHING = policy(Rule(commands=("*",)))
WITH_PATHS: Policy = ANYTHING.model_copy(update={"host_paths": LISTED})


def mount(source: str = "/srv/share/a", **more: Any) -> dict[str, Any]:
    plain = {"Type": "bind", "Source": source, "Destination": "/in", "RW": False, "Propagation": "rprivate"}
    return {**plain, **more}


def bound(device: str = "/srv/share", o: str = "bind,ro", **options: str) -> dict[str, Any]:
    return volume("data", Options={"type": "none", "o": o, "device": device, **options})


FITTING: dict[str, dict[str, Any]] = {
    "read below": {"mounts": [mount()], "Binds": ["/srv/share/a:/in:ro"]},
    "read itself": {"mounts": [mount("/srv/share", Propagation="")]},
    "written alone": {"mounts": [mount("/srv/up", RW=True)], "Binds": ["/srv/up:/in"]},
    "read where it may be written": {"mounts": [mount("/srv/up")]},
}
BEYOND: dict[str, dict[str, Any]] = {
    "written": {"mounts": [mount(RW=True)]},
    "nobody says whether it is written": {"mounts": [{k: v for k, v in mount().items() if k != "RW"}]},
    "beside": {"mounts": [mount("/srv/shared")]},
    "above": {"mounts": [mount("/srv")]},
    "out again": {"mounts": [mount("/srv/share/../../etc")]},
    "below what is written": {"mounts": [mount("/srv/up/link")]},
    "no path": {"mounts": [mount("")]},
    "mounts pass through": {"mounts": [mount(Propagation="rshared")]},
    "nobody says what passes": {"mounts": [{k: v for k, v in mount().items() if k != "Propagation"}]},
    "a pipe": {"mounts": [mount(Type="npipe")]},
    "relabelled": {"mounts": [mount()], "Binds": ["/srv/share/a:/in:ro,z"]},
    "another one too": {"mounts": [mount(), mount("/etc")]},
    "privileged too": {"mounts": [mount()], "Privileged": True},
}


@pytest.mark.parametrize("line", ["exec x sh", "cp x:/a -", "start x", "restart x"])
@pytest.mark.parametrize("has", FITTING.values(), ids=FITTING)
def test_a_container_with_listed_paths_is_one_like_any_other(has: dict[str, Any], line: str):
    host = Host(containers={"x": container("x", **has)})
    assert decided(WITH_PATHS, line, host) == ""
    assert decided(ANYTHING, line, host) == "default"


@pytest.mark.parametrize("has", BEYOND.values(), ids=BEYOND)
def test_a_container_with_anything_beyond_is_root(has: dict[str, Any]):
    host = Host(containers={"x": container("x", **has)})
    assert decided(WITH_PATHS, "exec x sh", host) == "default"
    assert decided(WITH_PATHS, "stop x", host) == ""


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (bound(), ""),
        (bound(o="ro,bind"), ""),
        (bound("/srv/up", "bind"), ""),
        (bound(o="bind"), "default"),
        (bound("/srv/up/link"), "default"),
        (bound("/srv/share/../up"), "default"),
        (bound("/etc"), "default"),
        (bound(o="rbind,ro"), "default"),
        (bound(type="nfs"), "default"),
        (bound(more="x"), "default"),
        (volume("data", Options={"device": "/srv/share"}), "default"),
        ({**bound(), "Driver": "rclone"}, "default"),
        ({**bound(), "Driver": ""}, "default"),
    ],
)
def test_a_volume_that_binds_is_the_path_that_it_binds(made: dict[str, Any], rule: str):
    mounts = [{"Type": "volume", "Name": "data"}]
    host = Host(volumes={"data": made}, containers={"x": container("x", mounts=mounts)})
    assert decided(WITH_PATHS, "run -v data:/in busybox", host) == rule
    assert decided(WITH_PATHS, "exec x sh", host) == rule
    assert decided(ANYTHING, "exec x sh", host) == "default"


def test_what_is_taken_over_with_a_target_is_known():
    host = Host(containers={"x": container("x", mounts=[mount()])})
    assert found("exec x sh", host).binds == (Bind(path="/srv/share/a", read_only=True),)
    assert found("stop x", host).binds == ()


def test_what_a_line_mounts_itself_is_decided_on_at_the_worker_too():
    line = "run -v /srv/share:/in:ro busybox"
    assert decided(WITH_PATHS, line, Host()) == ""
    taking = line.replace("run", "run --volumes-from x", 1)
    assert decided(WITH_PATHS, taking, Host(containers={"x": container("x")})) == "default"
    assert decided(ANYTHING, line, Host()) == "default"
    assert decided(WITH_PATHS, "run -v /srv/share:/in busybox", Host()) == "default"


def test_a_danger_that_bot_and_worker_see_differently_is_the_greater_one():
    asked = found("run -v /srv/share:/in:ro busybox", Host())
    worse = asked.model_copy(update={"binds": (), "otherwise": None, "live": False})
    assert decided(WITH_PATHS, "run -v /srv/share:/in:ro busybox", Host(), operation=worse) == "default"
