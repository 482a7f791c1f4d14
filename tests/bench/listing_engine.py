"""A stand-in of an engine that has many containers: `python -m tests.bench.listing_engine SOCKET COUNT`.

It answers what a `docker container ls` asks, from bytes made before, so that only its reader is measured.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

CREATED = 1_790_000_000
VERSION = {
    "Version": "20.10.24",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.12",
    "Os": "linux",
    "Arch": "amd64",
}


def container(number: int) -> dict[str, Any]:
    """As an engine tells of a service's container; every tenth is stopped, every fifth has ports."""
    public = [{"IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 20_000 + number % 40_000, "Type": "tcp"}]  # noqa: S104
    network = {
        "IPAMConfig": None,
        "NetworkID": f"{number % 7:064x}",
        "EndpointID": f"{number:064x}",
        "Gateway": "172.18.0.1",
        "IPAddress": f"172.18.{number // 250}.{number % 250}",
        "IPPrefixLen": 16,
        "MacAddress": "02:42:ac:12:00:02",
    }
    return {
        "Id": f"{number * 2_654_435_761 % 2**256:064x}",
        "Names": [f"/shop-web-{number}"],
        "Image": f"registry.example.com:5000/shop/web:1.{number % 30}",
        "ImageID": f"sha256:{number % 30:064x}",
        "Command": "/usr/local/bin/server --listen 0.0.0.0:8080 --workers 4",
        "Created": CREATED - 97 * number,
        "Ports": public if number % 5 == 0 else [],
        "Labels": {
            "com.example.team": f"team-{number % 12}",
            "com.example.tier": "web",
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": "web",
        },
        "State": "exited" if number % 10 == 0 else "running",
        "Status": "Exited (0) 2 hours ago" if number % 10 == 0 else "Up 3 hours (healthy)",
        "HostConfig": {"NetworkMode": "shop_default"},
        "NetworkSettings": {"Networks": {"shop_default": network}},
        "Mounts": [],
    }


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    containers = b"[]"

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        if self.path.endswith("/_ping"):
            self._answer(b"OK", "text/plain")
        elif self.path.endswith("/version"):
            self._answer(json.dumps(VERSION).encode())
        else:
            self._answer(self.containers)

    def _answer(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Api-Version", VERSION["ApiVersion"])
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


def main(socket: str, count: str) -> None:
    Answers.containers = json.dumps([container(n) for n in range(int(count))]).encode()
    with Server(socket, Answers) as server:
        print(len(Answers.containers), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
