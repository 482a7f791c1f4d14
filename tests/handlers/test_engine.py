"""The client of the engine: what it must never send, how it ends, how faults are told."""

import base64
import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from handlers.context import segment
from handlers.engine import DockerEngine
from handlers.faults import (
    Cancelled,
    Conflict,
    EngineFault,
    Fault,
    NotFound,
    OutcomeUnknown,
    Reason,
    Unreachable,
)

CHECK_IF = "check if the server supports the requested API version"

SOON = 10.0
"""Seconds a closed call may take to come back; in practice it is a millisecond."""


class Handler(BaseHTTPRequestHandler):
    """Answers by path: `/v1.41/status/404?message=…` and a few that break off."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Keeps the test's output clean."""

    def handle_any(self):
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        path = self.path.partition("?")[0].removeprefix("/v1.41")
        if path == "/version":
            self.answer(200, json.dumps({"ApiVersion": self.server.api}).encode())
        elif path == "/breaks":
            self.close_connection = True
            self.connection.close()
        elif path == "/hangs":
            self.server.hung.set()
            self.server.release.wait(60)
            self.answer(*self.server.answers.get(path, (200, b"{}")))
        else:
            status, body = self.server.answers.get(path, (200, b"{}"))
            self.answer(status, body)

    do_GET = do_POST = do_DELETE = do_CONNECT = handle_any  # noqa: N815 - the library's names

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.server.told:
            self.send_header("Api-Version", self.server.told)
        if status == 301:
            self.send_header("Location", "/v1.41/elsewhere")
        with suppress(ConnectionError):  # who waited may be gone
            self.end_headers()
            self.wfile.write(body)


@contextmanager
def serve():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.answers, server.api, server.told = [], {}, "1.41", ""
    server.hung, server.release = threading.Event(), threading.Event()
    server.url = f"tcp://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server():
    with serve() as server:
        yield server


@pytest.fixture
def engine(server):
    engine = DockerEngine(server.url, slots=2)
    yield engine
    engine.close()


def secrets_of_the_worker(proxy_port):
    login = base64.b64encode(b"worker:own-password").decode()
    proxy = f"http://127.0.0.1:{proxy_port}"
    return {
        "auths": {"https://index.docker.io/v1/": {"auth": login}, "127.0.0.1": {"auth": login}},
        "HttpHeaders": {"X-Worker-Token": "own-token", "Authorization": f"Basic {login}"},
        "proxies": {"default": {"httpProxy": proxy, "httpsProxy": proxy}},
        "credsStore": "stolen",
        "credHelpers": {"example.com": "stolen"},
    }


@pytest.mark.parametrize("place", ["HOME", "DOCKER_CONFIG"])
def test_nothing_of_the_workers_own_configuration_reaches_a_request(place, tmp_path, monkeypatch):
    with serve() as server, serve() as proxy:
        config = secrets_of_the_worker(proxy.server_port)
        folder = tmp_path / ".docker" if place == "HOME" else tmp_path
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login worker password own-password\n")
        monkeypatch.delenv("DOCKER_CONFIG", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv(place, str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        engine = DockerEngine(server.url)
        engine.get("/info")
        engine.post("/containers/create", {"name": "x"}, {"Image": "example.com/app"})
        list(engine.progress("/images/create", {"fromImage": "docker.io/library/app"}))
        engine.delete("/containers/x")
        engine.close()
        assert not proxy.seen
    assert [(method, path.partition("?")[0]) for method, path, _ in server.seen] == [
        ("GET", "/version"),
        ("GET", "/v1.41/info"),
        ("POST", "/v1.41/containers/create"),
        ("POST", "/v1.41/images/create"),
        ("DELETE", "/v1.41/containers/x"),
    ]
    everything = json.dumps(server.seen).lower()
    for leak in ("authorization", "x-registry", "x-worker-token", "own-", "proxy", "stolen"):
        assert leak not in everything


@pytest.mark.parametrize("text", ["[]", "not json", '{"auths": 7, "proxies": []}', '"text"'])
def test_a_broken_configuration_of_the_worker_does_not_matter(text, server, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    engine = DockerEngine(server.url)
    assert engine.get("/info") == {}
    engine.close()


def test_a_login_is_sent_where_it_is_given_for_one_call(engine, server):
    list(engine.progress("/images/create", headers={"X-Registry-Auth": "abc"}))
    list(engine.progress("/images/create"))
    engine.get("/images/search", headers={"X-Registry-Auth": "def"})
    engine.get("/images/search")
    sent = [headers.get("X-Registry-Auth") for _, path, headers in server.seen[1:]]
    assert sent == ["abc", None, "def", None]


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"message": "No such container: x"}\n', NotFound, "No such container: x"),
        (409, b'{"message": "Conflict. In use."}', Conflict, "Conflict. In use."),
        (400, b'{"message": "invalid mode: bogus"}', EngineFault, "invalid mode: bogus"),
        (500, b"plain words\n", EngineFault, "plain words"),
        (
            503,
            b"",
            EngineFault,
            f"request returned 503 Service Unavailable for API route /v1.41/x, {CHECK_IF}",
        ),
        (
            301,
            b"",
            EngineFault,
            f"request returned 301 Moved Permanently for API route /v1.41/x, {CHECK_IF}",
        ),
        (200, b"<html>", EngineFault, "The engine's answer is not JSON"),
    ],
)
def test_faults_carry_the_engines_own_words(engine, server, status, body, kind, message):
    server.answers["/x"] = (status, body)
    with pytest.raises(kind) as raised:
        engine.post("/x")
    assert type(raised.value) is kind
    assert raised.value.message == message


@pytest.mark.parametrize("status", [200, 201, 204, 304])
def test_an_answer_without_a_body_is_none(engine, server, status):
    server.answers["/x"] = (status, b"")
    assert engine.post("/x") is None


def test_a_redirect_is_never_followed(engine, server):
    server.answers["/x"] = (301, b"")
    with pytest.raises(EngineFault):
        engine.get("/x")
    assert not [path for _, path, _ in server.seen if "elsewhere" in path]


def test_the_query_leaves_out_what_is_none_and_writes_booleans_as_numbers(engine, server):
    engine.post("/x", {"t": 0, "force": True, "v": False, "signal": None, "name": "a b&c"})
    assert server.seen[-1][1] == "/v1.41/x?t=0&force=1&v=0&name=a+b%26c"


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("web", "web"),
        ("/web", "web"),
        ("a/b", "a%2Fb"),
        ("a?t=1#x", "a%3Ft%3D1%23x"),
        ("a%2e%2e", "a%252e%252e"),
        ("ä\n", "%C3%A4%0A"),
    ],
)
def test_a_name_stays_one_segment_of_the_path(engine, server, name, quoted):
    engine.get(f"/containers/{segment(name)}/json")
    assert server.seen[-1][1] == f"/v1.41/containers/{quoted}/json"


@pytest.mark.parametrize("name", ["", "/", "..", ".", "../images/x", "a/../b", "a//b", "a/", "./a"])
def test_a_name_that_would_lead_elsewhere_is_refused(name):
    with pytest.raises(Fault) as raised:
        segment(name)
    assert raised.value.reason is Reason.BAD_VALUE


@pytest.mark.parametrize("url", ["unix:///no-such-engine.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_is_down_is_told_in_the_clis_words(url):
    engine = DockerEngine(url)
    for ask in (lambda: engine.api_version, lambda: engine.get("/info"), lambda: engine.post("/x")):
        with pytest.raises(Unreachable) as raised:
            ask()
        assert raised.value.message == (
            f"Cannot connect to the Docker daemon at {url}. Is the docker daemon running?"
        )
    engine.close()


def test_an_engine_that_comes_up_later_is_found(server):
    server.answers["/info"] = (200, b'{"Name": "box"}')
    engine = DockerEngine(server.url)
    server.api = "nonsense"
    with pytest.raises(EngineFault):
        engine.get("/info")
    server.api = "1.41"
    assert engine.get("/info") == {"Name": "box"}
    assert engine.get("/info") == {"Name": "box"}
    assert [path for _, path, _ in server.seen].count("/version") == 2
    engine.close()


def test_the_version_in_the_header_goes_before_the_one_in_the_answer(server, engine):
    server.api, server.told = "1.48", "1.44"
    assert engine.api_version == (1, 44)


@pytest.mark.parametrize(("offered", "spoken"), [("1.41", (1, 41)), ("1.99", (1, 50)), ("2.0", (1, 50))])
def test_the_older_of_two_api_versions_is_spoken(server, engine, offered, spoken):
    server.api = offered
    assert engine.api_version == spoken


def test_a_change_that_breaks_off_has_an_unknown_outcome(engine):
    with pytest.raises(OutcomeUnknown):
        engine.post("/breaks")
    with pytest.raises(OutcomeUnknown):
        engine.delete("/breaks")


def test_a_read_that_breaks_off_is_unreachable(engine):
    with pytest.raises(Unreachable):
        engine.get("/breaks")


def test_a_change_is_sent_once_even_when_it_breaks_off(engine, server):
    with pytest.raises(OutcomeUnknown):
        engine.post("/breaks")
    assert [path for _, path, _ in server.seen].count("/v1.41/breaks") == 1


@pytest.mark.parametrize("call", ["post", "delete", "progress", "frames"])
def test_a_call_that_waits_for_its_answer_is_ended_from_another_thread(engine, server, call):
    closes = []

    def ask():
        if call == "frames":
            return engine.frames("GET", "/hangs", tty=False, on_cancel=closes.append)
        return getattr(engine, call)("/hangs", on_cancel=closes.append)

    caught = []

    def run():
        try:
            ask()
        except Fault as fault:
            caught.append((type(fault), time.monotonic()))

    thread = threading.Thread(target=run)
    thread.start()
    assert server.hung.wait(60)
    began = time.monotonic()
    for close in closes:
        close()
    thread.join(60)
    [(kind, at)] = caught
    assert kind is Cancelled
    assert at - began < SOON


def test_a_call_that_was_cancelled_before_it_began_sends_nothing(engine, server):
    with pytest.raises(Cancelled):
        engine.post("/x", on_cancel=lambda close: close())
    assert [path for _, path, _ in server.seen if path != "/version"] == []


def test_closing_a_call_that_is_over_leaves_its_connection_to_the_next(engine, server):
    closes = []
    engine.post("/x", on_cancel=closes.append)
    assert list(engine.progress("/x", on_cancel=closes.append)) == [{}]
    answers = []
    thread = threading.Thread(target=lambda: answers.append(engine.post("/hangs", on_cancel=lambda _: None)))
    server.answers["/hangs"] = (200, b'{"late": 1}')
    thread.start()
    assert server.hung.wait(60)
    for close in closes:
        close()
    server.release.set()
    thread.join(60)
    assert answers == [{"late": 1}]
