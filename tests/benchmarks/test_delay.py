"""The delay proxy passes every byte on, both ways, one request after the other."""

from __future__ import annotations

import http.client
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.processes import Server, free_port


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port(tmp_path) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        port = free_port()
        argv = [sys.executable, "-m", "benchmarks.delay", str(port), str(server.server_port), "0.01"]
        with Server(argv, f"http://127.0.0.1:{port}", tmp_path / "log.txt"):
            yield port
        server.shutdown()
        serving.join()


def test_bodies_pass_both_ways_on_one_connection(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for size in (0, 1, 5_000_000, 10):
        body = os.urandom(size)
        connection.request("PUT", "/", body)
        assert connection.getresponse().read() == body
    connection.close()
