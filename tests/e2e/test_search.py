"""`docker search` (rows 17 to 21 of the seed table) against a small stand-in of the index."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = "a description that is far too long for a table and is therefore cut where nobody asks for all of it"
FOUND = [
    {"name": "nginx", "description": "Official build", "star_count": 20310, "is_official": True},
    {"name": "someone/nginx", "description": LONG, "star_count": 12, "is_official": False},
]


class Index(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        term = parse_qs(url.query).get("q", [""])[0]
        results = [{**image, "is_automated": False} for image in FOUND if term in image["name"]]
        answer = {"num_results": len(results), "query": term, "results": results}
        body = json.dumps(answer if url.path == "/v1/search" else True).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Docker-Registry-Version", "0.6.0")
        self.send_header("X-Docker-Registry-Standalone", "true")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet: what is asked for is looked at in the answers."""


@pytest.fixture(scope="module")
def index():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_search_shows_the_official_image_as_ok(workspace, index):
    answer = await workspace.ask(f"docker search {index}/nginx")
    assert answer.exit_code == 0, answer.picture
    lines = answer.stdout.splitlines()
    assert lines[0].split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]
    assert lines[1].startswith("nginx ")
    assert lines[1].rstrip().endswith("[OK]")
    assert LONG not in answer.stdout


async def test_no_trunc_shows_all_of_the_text(workspace, index):
    assert LONG in (await workspace.ask(f"docker search —no-trunc {index}/nginx")).stdout


async def test_stars_filter_the_results(workspace, index):
    answer = await workspace.ask(f"docker search —filter=stars=100 {index}/nginx")
    assert "someone/nginx" not in answer.stdout
    assert "20310" in answer.stdout


async def test_a_limit_out_of_range_is_refused_by_the_engine(workspace, index):
    assert (await workspace.ask(f"docker search —limit 1 {index}/nginx")).exit_code == 0
    refused = await workspace.ask(f"docker search —limit 101 {index}/nginx")
    assert refused.exit_code == 1
    assert "outside the range of [1, 100]" in refused.stderr
