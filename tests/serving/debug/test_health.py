"""Checks against real files, sockets and servers, and a storage that lies."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from docker_registry.core.exceptions import UnreachableError
from docker_registry.drivers.memory import Storage
from docker_registry.metrics.figures import Figures
from docker_registry.serving.debug.exposition import CONTENT_TYPE
from docker_registry.serving.debug.health import Guarded, Health, Readiness
from docker_registry.serving.debug.port import DebugPort
from docker_registry.settings import Check

DEADLINE = 20.0  # s


class Broken(Storage):
    """Answers, or does not."""

    complaint = ""
    asked = 0

    def stat(self, path: str, newest: bool = False) -> Any:
        self.asked += 1
        if self.complaint:
            raise UnreachableError(self.complaint)
        return super().stat(path, newest)


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def status() -> Iterator[dict[str, int]]:
    """A server that answers HEAD with the status in the dictionary that this gives, at its port."""
    said = {"status": 200}

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(said["status"] if self.headers["X-Key"] == "v" else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        said["port"] = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield said
        server.shutdown()
        thread.join()


def test_a_file_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "down"
    health = Health([Check("file", str(file), interval=0.01)], Storage())
    assert health.failing == {}
    file.touch()
    until(lambda: health.failing == {str(file): "file exists"})
    file.unlink()
    until(lambda: health.failing == {})


def test_an_answer_with_another_status(status: dict[str, int]) -> None:
    url = f"http://127.0.0.1:{status['port']}/"
    health = Health([Check("http", url, interval=0.01, headers=(("X-Key", "v"),))], Storage())
    status["status"] = 500
    until(lambda: health.failing == {url: "it answers 500, not 200"})
    status["status"] = 200
    until(lambda: health.failing == {})


def test_an_address_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        health = Health([Check("tcp", address, interval=0.01)], Storage())
        until(lambda: bool(server.accept()))
        assert health.failing == {}
    until(lambda: "no connection" in health.failing.get(address, ""))


def test_only_so_many_failures_in_a_row_count() -> None:
    driver = Broken()
    driver.complaint = "Swift is away"
    health = Health([Check("storage", interval=0.01, threshold=1_000_000), Check("file", __file__, 0.01)], driver)
    until(lambda: driver.asked > 3 and bool(health.failing))
    assert health.failing == {__file__: "file exists"}


def test_a_storage_that_does_not_answer() -> None:
    driver = Broken()
    driver.complaint = "Swift is away"
    health = Health([Check("storage", interval=0.01, threshold=2)], driver)
    until(lambda: health.failing == {f"storagedriver_{driver.scheme}": "Swift is away"})
    driver.complaint = ""
    until(lambda: health.failing == {})


def test_while_a_check_fails_nothing_is_served(tmp_path: Path) -> None:
    health = Health([], Storage())
    client = Client(Guarded(lambda _, start: (start("200 OK", []), [b"served"])[1], health))
    assert client.get("/v2/").data == b"served"
    health.failing["x"] = "it is broken"
    answer = client.get("/v2/")
    assert answer.status_code == 503
    # As Distribution 2.8.2 has it.
    error = {"code": "UNAVAILABLE", "message": "service unavailable"}
    assert answer.get_json() == {"errors": [{**error, "detail": "health check failed: please see /debug/health"}]}


def test_the_storage_is_asked_once_in_a_while_however_many_ask() -> None:
    now = [0.0]
    driver = Broken()
    readiness = Readiness(driver, clock=lambda: now[0])
    assert [readiness.complaint() for _ in range(10)] == [""] * 10
    assert driver.asked == 1
    driver.complaint = "Swift is away"
    assert readiness.complaint() == ""
    now[0] += 4
    assert readiness.complaint() == "Swift is away"
    assert driver.asked == 2


def page(path: str, **parts: Any) -> Response:
    defaults = {"health": None, "readiness": None, "is_stopping": lambda: False, "totals": Figures().snapshot}
    return Client(DebugPort("/m", **{**defaults, **parts})).get(path)


def test_the_pages() -> None:
    failing, driver = Health([], Storage()), Broken()
    failing.failing["x"] = "it is broken"
    driver.complaint = "Swift is away"
    broken = Readiness(driver)
    assert page("/healthz", health=failing, readiness=broken, is_stopping=lambda: True).status_code == 200
    assert (page("/debug/health").status_code, page("/debug/health").data) == (200, b"{}")
    assert (page("/readyz", readiness=Readiness(Storage())).status_code, page("/readyz").data) == (200, b"{}")
    for parts, wrong in (
        ({"health": failing, "readiness": broken}, {"x": "it is broken"}),
        ({"readiness": broken}, {"storage": "Swift is away"}),
        ({"is_stopping": lambda: True}, {"server": "it is stopping"}),
    ):
        answer = page("/readyz", **parts)
        assert (answer.status_code, json.loads(answer.data)) == (503, wrong)
    assert page("/debug/health", health=failing).status_code == 503
    assert page("/m").headers["Content-Type"] == CONTENT_TYPE
    assert page("/metrics").status_code == 404
    assert Client(DebugPort("", Figures().snapshot, None, None, lambda: False)).get("/metrics").status_code == 404
    assert Client(DebugPort("", Figures().snapshot, None, None, lambda: False)).post("/healthz").status_code == 405
