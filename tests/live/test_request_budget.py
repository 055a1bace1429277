"""What an image of ten layers of 1 MiB may cost in Swift requests, counted by the embedded Swift.

One client, one registry, one worker. Requests for tokens, for `/info` and for
making the container are not part of it: a first image pays for the last.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.live.clients import skopeo_pull, skopeo_push
from tests.live.images import MIB, Layout, file_layer
from tests.live.ours import Ours, write_config
from tests.live.settings import driver_config
from tests.live.wire import Client
from tests.peers import need

PUSH, PUSH_ASKING_ONCE, PUSH_OVER_REPLICAS = 50, 40, 75
PULL_COLD, PULL_WARM = 26, 14


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The image whose price is asked for, under the tag `ten`, and another one, under `first`."""
    layout = Layout(tmp_path / "image")
    layout.add_image("first", [file_layer("first", 10)])
    layout.add_image("ten", [file_layer(f"layer {number}", MIB) for number in range(10)])
    return layout


@contextmanager
def started(tmp_path: Path, swift: EmbeddedSwift, container: str) -> Iterator[str]:
    with Ours(tmp_path, write_config(tmp_path, swift, container)) as registry, Client(registry.url) as client:
        assert client.ask("GET", "/v2/").status_code == 200
        yield registry.url


def test_push_by_skopeo(swift: EmbeddedSwift, container: str, layout: Layout, tmp_path: Path) -> None:
    need("skopeo")
    with started(tmp_path, swift, container) as url:
        skopeo_push(layout.reference("first"), url, "first:1")
        with swift.counting() as requests:
            skopeo_push(layout.reference("ten"), url, "ten:1")
    assert len(requests) <= PUSH, requests


def test_push_by_a_client_that_asks_once(swift: EmbeddedSwift, container: str, layout: Layout, tmp_path: Path) -> None:
    blobs = layout.blobs("ten")
    with started(tmp_path, swift, container) as url, Client(url) as client:
        client.push_image("first", "1", [b"first"])
        with swift.counting() as requests:
            for digest in blobs:
                assert client.ask("HEAD", f"/v2/ten/blobs/{digest}").status_code == 404
                client.push_blob("ten", layout.read(digest))
            client.push_manifest("ten", "1", layout.read(layout.tagged("ten")["digest"]))
    assert len(requests) <= PUSH_ASKING_ONCE, requests


def test_pull_by_skopeo(swift: EmbeddedSwift, container: str, layout: Layout, tmp_path: Path) -> None:
    need("skopeo")
    with started(tmp_path, swift, container) as url:
        skopeo_push(layout.reference("ten"), url, "ten:1")
    with started(tmp_path, swift, container) as url:
        for budget, name in ((PULL_COLD, "cold"), (PULL_WARM, "warm")):
            with swift.counting() as requests:
                skopeo_pull(url, "ten:1", tmp_path / name)
            assert len(requests) <= budget, (name, requests)


def test_push_when_every_call_meets_another_replica(swift: EmbeddedSwift, container: str, layout: Layout) -> None:
    need("skopeo")
    driver = fetch("swift")("/registry", driver_config(swift, swift_container=container))
    settings = Settings(secret=b"one for all replicas")

    def another(environ: Any, start_response: Any) -> Any:
        return Registry(driver, settings)(environ, start_response)

    with serving(another) as url:
        skopeo_push(layout.reference("first"), url, "first:1")
        with swift.counting() as requests:
            skopeo_push(layout.reference("ten"), url, "ten:1")
        with Client(url) as client:
            assert {*layout.blobs("ten"), layout.tagged("ten")["digest"]} == client.pull("ten", "1")
    assert len(requests) <= PUSH_OVER_REPLICAS, requests


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """A WSGI application in a thread of this process."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
