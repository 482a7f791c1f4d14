"""A stored output goes to the address that the bot sealed, and to no other."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bot.jobs.upload import UploadFailed, send
from bot.jobs.wire import UPLOAD, Uploaded
from permissions.ticket import CommandWire
from tests.bot.jobs.commands import Echo
from tests.bot.jobs.conftest import NOTE


class Receiver(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/upload")
        else:
            self.send_response(500 if self.path.startswith("/broken") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Nothing: the tests' output stays readable."""


@pytest.fixture
def receiver():
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"x" * 300_000)
    with path.open("rb") as opened:
        yield opened


def test_the_bytes_arrive_as_they_are(receiver, file):
    send(f"http://127.0.0.1:{receiver.server_port}/upload?key=1", file, 300_000, ["127.0.0.1"])
    assert receiver.received == [("/upload?key=1", b"x" * 300_000)]


@pytest.mark.parametrize("path", ["/broken?key=secret", "/moved?key=secret"])
def test_another_answer_than_200_is_a_failure_and_is_not_followed(path, receiver, file):
    with pytest.raises(UploadFailed, match=r"127\.0\.0\.1 answered (500|302)") as info:
        send(f"http://127.0.0.1:{receiver.server_port}{path}", file, 300_000, ["127.0.0.1"])
    assert "secret" not in str(info.value)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("url", "hosts", "sentence"),
    [
        ("http://127.0.0.1:1/", ["files.slack.com"], "not on the list"),
        ("https://files.slack.com.evil.example/", ["files.slack.com"], "not on the list"),
        ("https://files.slack.com@127.0.0.1/", ["files.slack.com"], "not on the list"),
        ("http://files.slack.com/", ["files.slack.com"], "not https"),
        ("file://127.0.0.1/etc/passwd", ["127.0.0.1"], "not https"),
        ("https://127.0.0.1:x/", ["127.0.0.1"], "cannot be read"),
        ("http://[::1/", ["::1"], "cannot be read"),
        ("", [], "not on the list"),
    ],
)
def test_other_addresses_are_refused(url, hosts, sentence, file):
    with pytest.raises(UploadFailed, match=sentence):
        send(url, file, 1, hosts)


def test_a_host_that_does_not_answer_is_told_without_the_address(file):
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(UploadFailed, match="could not be reached") as info:
            send(f"http://127.0.0.1:{port}/secret", file, 1, ["127.0.0.1"])
    assert "secret" not in str(info.value)


@pytest.mark.store
@pytest.mark.parametrize(
    ("job", "path", "ok", "error"),
    [
        ("its own", "/upload", True, ""),
        ("J-999999", "/upload", False, "does not have this output"),
        ("its own", "/broken", False, "answered 500"),
    ],
)
async def test_a_signed_upload_sends_what_the_worker_kept(job, path, ok, error, bot, new_worker, receiver):
    new_worker()
    job_id = await bot.order(Echo(words=("kept",)))
    await bot.ended(job_id)
    url = f"http://127.0.0.1:{receiver.server_port}{path}"
    of = job_id if job == "its own" else job
    command = CommandWire(
        path=UPLOAD,
        fields={"job_id": of, "upload_id": "F1"},
        sealed={"url": bot.keys.seal(bot.trust.host_key("local"), url)},
    )
    claims = await bot.claims(Echo())
    claims = claims.model_copy(update={"command": command})
    bot.events.clear()
    await bot.queue.order(claims.job_id, "local", bot.keys.sign(claims), NOTE)
    event = (await bot.ends(of))[0]
    assert isinstance(event, Uploaded)
    assert (event.upload_id, event.ok) == ("F1", ok)
    assert error in event.error
    assert receiver.received == ([] if job == "J-999999" else [(path, b"kept\n")])


@pytest.mark.store
async def test_an_upload_whose_url_is_not_sealed_is_refused(bot, new_worker):
    new_worker()
    claims = await bot.claims(Echo())
    fields = {"job_id": "J-1", "upload_id": "F1", "url": "http://127.0.0.1/"}
    claims = claims.model_copy(update={"command": CommandWire(path=UPLOAD, fields=fields)})
    await bot.queue.order(claims.job_id, "local", bot.keys.sign(claims), NOTE)
    assert (await bot.ends(claims.job_id))[0].refusal == "malformed"
