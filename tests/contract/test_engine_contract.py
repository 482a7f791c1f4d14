"""The same cases on the real engine and on the model that unit tests trust."""

import itertools

import pytest

from handlers.context import segment
from handlers.engine import DockerEngine
from handlers.faults import Conflict, EngineFault, Fault, NotFound
from tests.fakes.engine import ModelEngine


@pytest.fixture(params=["model", "real"])
def engine(request):
    if request.param == "model":
        return ModelEngine()
    return request.getfixturevalue("real_engine")


@pytest.fixture(scope="module")
def real_engine(docker_host):
    engine = DockerEngine(docker_host, slots=4)
    yield engine
    engine.close()


@pytest.fixture
def make(engine, request):
    """Makes a container of the test's image and returns its name; removes it afterwards."""
    if isinstance(engine, ModelEngine):
        image = "busybox"
        numbers = itertools.count(1)
        name_it = lambda: f"web-{next(numbers)}"  # noqa: E731
    else:
        image = request.getfixturevalue("image")
        unique = request.getfixturevalue("unique")
        name_it = lambda: unique("contract")  # noqa: E731
    made = []

    def make(*command, tty=False, remove=False, image=image):
        name = name_it()
        body = {"Image": image, "Cmd": list(command), "Tty": tty, "HostConfig": {"AutoRemove": remove}}
        engine.post("/containers/create", {"name": name}, body)
        made.append(name)
        return name

    yield make
    for name in made:
        try:
            engine.delete(f"/containers/{name}", {"force": True})
        except EngineFault:
            continue


def path(name, action=""):
    return f"/containers/{segment(name)}" + (f"/{action}" if action else "")


def running(engine, name):
    return engine.get(path(name, "json"))["State"]["Running"]


def output(engine, name, *, tty=False):
    frames = engine.frames("GET", path(name, "logs"), {"stdout": True, "stderr": True}, tty=tty)
    return b"".join(data for _, data in frames)


def run_to_its_end(engine, name, *, tty=False):
    streams = {"stream": True, "stdout": True, "stderr": True}
    frames = engine.frames("POST", path(name, "attach"), streams, tty=tty)
    end = engine.progress(path(name, "wait"), {"condition": "next-exit"})
    engine.post(path(name, "start"))
    shown = list(frames)
    return shown, next(iter(end))["StatusCode"]


def test_a_created_container_has_its_name_and_does_not_run(engine, make):
    name = make("sleep", "60")
    assert engine.get(path(name, "json"))["Name"] == f"/{name}"
    assert not running(engine, name)


def test_a_name_that_is_taken_is_a_conflict(engine, make):
    name = make("sleep", "60")
    body = {"Image": engine.get(path(name, "json"))["Config"]["Image"], "Cmd": ["sleep", "1"]}
    with pytest.raises(Conflict, match=f'The container name "/{name}" is already in use by container'):
        engine.post("/containers/create", {"name": name}, body)


def test_an_image_that_is_not_there_is_not_found(make):
    with pytest.raises(NotFound, match=r"^No such image: contract-no-such:latest$"):
        make("true", image="contract-no-such")


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
def test_what_is_not_there_is_not_found_in_the_engines_words(engine, action):
    with pytest.raises(NotFound, match=r"^No such container: contract-no-such$"):
        engine.post(path("contract-no-such", action))


def test_killing_what_is_not_there_says_so_twice(engine):
    with pytest.raises(NotFound, match=r"^Cannot kill container: no-such: No such container: no-such$"):
        engine.post(path("no-such", "kill"))


def test_starting_and_stopping_twice_is_no_failure(engine, make):
    name = make("sleep", "60")
    assert engine.post(path(name, "start")) is None
    assert engine.post(path(name, "start")) is None
    assert running(engine, name)
    assert engine.post(path(name, "stop"), {"t": 0}) is None
    assert engine.post(path(name, "stop"), {"t": 0}) is None
    assert not running(engine, name)


def test_restart_starts_what_was_stopped(engine, make):
    name = make("sleep", "60")
    engine.post(path(name, "restart"), {"t": 0})
    assert running(engine, name)


def test_killing_what_does_not_run_is_a_conflict(engine, make):
    name = make("sleep", "60")
    with pytest.raises(Conflict, match=r"is not running$"):
        engine.post(path(name, "kill"))


def test_kill_ends_a_container(engine, make):
    name = make("sleep", "60")
    engine.post(path(name, "start"))
    end = engine.progress(path(name, "wait"), {"condition": "not-running"})
    engine.post(path(name, "kill"), {"signal": "KILL"})
    assert next(iter(end))["StatusCode"] == 137
    assert not running(engine, name)


def test_a_running_container_is_removed_by_force_alone(engine, make):
    name = make("sleep", "60")
    engine.post(path(name, "start"))
    with pytest.raises(Conflict, match=r"^You cannot remove a running container"):
        engine.delete(path(name))
    engine.delete(path(name), {"force": True})
    with pytest.raises(NotFound):
        engine.get(path(name, "json"))


def test_output_and_exit_code_reach_who_attached_before_the_start(engine, make):
    name = make("echo", "hello", "there")
    assert run_to_its_end(engine, name) == ([("stdout", b"hello there\n")], 0)
    assert output(engine, name) == b"hello there\n"


def test_a_terminals_output_is_all_stdout(engine, make):
    name = make("echo", "hello", tty=True)
    shown, code = run_to_its_end(engine, name, tty=True)
    assert {stream for stream, _ in shown} == {"stdout"}
    assert b"".join(data for _, data in shown) == b"hello\r\n"
    assert code == 0


def test_the_exit_code_is_the_commands_own(engine, make):
    name = make("sh", "-c", "exit 7")
    assert run_to_its_end(engine, name) == ([], 7)


def test_a_command_that_is_not_there_fails_the_start(engine, make):
    name = make("no-such-program")
    with pytest.raises(EngineFault, match="executable file not found"):
        engine.post(path(name, "start"))


def test_keys_that_are_none_are_refused_when_attaching(engine, make):
    name = make("sleep", "60")
    with pytest.raises(Fault, match=r"^unable to upgrade to tcp, received 400$"):
        engine.frames("POST", path(name, "attach"), {"stream": True, "detachKeys": "toolong"}, tty=False)
