"""Pushing through real servers: bodies of open length, clients that go away, two replicas on one Swift."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from tests.live.ours import Ours, write_config
from tests.live.settings import driver_config

MIB = 1 << 20
DATA = bytes(range(256)) * (5 * MIB // 256) + b"the end"
DIGEST = Digest.of(DATA)
DEADLINE = 20.0  # seconds


@pytest.fixture(scope="module")
def replicas(swift: EmbeddedSwift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ours, Ours]]:
    """Two registry processes on one Swift, with segments of a MiB."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    configs = [write_config(folder, swift, "replicas") for folder in folders]
    for config in configs:
        text = config.read_text()
        config.write_text(text.replace('"storage": "swift"', '"storage": "swift", "swift_segment_size": 1048576'))
    with Ours(folders[0], configs[0]) as one, Ours(folders[1], configs[1]) as two:
        yield one, two


@pytest.fixture(scope="module")
def driver(swift: EmbeddedSwift) -> Base:
    return fetch("swift")("/", driver_config(swift, swift_container="replicas"))


def call(server: Ours, method: str, url: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own; `url` may be a Location of either replica."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=DEADLINE)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers)  # type: ignore[arg-type]
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def start(server: Ours, name: str) -> str:
    return call(server, "POST", f"/v2/{name}/blobs/uploads/")[1]["Location"]


def pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


def test_an_upload_begun_on_one_replica_is_closed_on_the_other(replicas: tuple[Ours, Ours]) -> None:
    one, two = replicas
    location = start(one, "a/streamed")
    # A generator's length is not known: http.client sends it chunked.
    status, headers, _ = call(two, "PATCH", location, pieces(DATA))
    assert (status, headers["Range"]) == (202, f"0-{len(DATA) - 1}")
    assert call(one, "PUT", f"{headers['Location']}&digest={DIGEST}")[0] == 201
    for server in replicas:
        assert call(server, "GET", f"/v2/a/streamed/blobs/{DIGEST}")[2] == DATA


def test_chunks_may_go_to_different_replicas(replicas: tuple[Ours, Ours]) -> None:
    data = DATA[::-1]
    location = start(replicas[0], "a/chunked")
    for index, first in enumerate(range(0, len(data), 2 * MIB)):
        chunk = data[first : first + 2 * MIB]
        content_range = {"Content-Range": f"{first}-{first + len(chunk) - 1}"}
        status, headers, _ = call(replicas[index % 2], "PATCH", location, chunk, **content_range)
        assert status == 202
        location = headers["Location"]
    assert call(replicas[1], "PUT", f"{location}&digest={Digest.of(data)}")[0] == 201
    assert call(replicas[0], "GET", f"/v2/a/chunked/blobs/{Digest.of(data)}")[2] == data


def test_lost_answers_repeats_and_older_urls_end_right_on_two_replicas(replicas: tuple[Ours, Ours]) -> None:
    one, two = replicas
    data = DATA[::-3]
    digest, half, first = Digest.of(data), len(data) // 2, start(one, "a/stale")

    def patch(server: Ours, url: str, begin: int, end: int) -> tuple[int, dict[str, str]]:
        content_range = {"Content-Range": f"{begin}-{end - 1}"}
        return call(server, "PATCH", url, data[begin:end], **content_range)[:2]

    assert patch(one, first, 0, half)[0] == 202  # the answer is lost
    status, headers = patch(two, first, 0, half)
    assert (status, headers["Range"]) == (416, f"0-{half - 1}")
    for server in replicas:
        status, headers, _ = call(server, "GET", first)
        assert (status, headers["Range"]) == (204, f"0-{half - 1}")
    older = headers["Location"]
    status, headers = patch(two, older, half, len(data))
    assert (status, headers["Range"]) == (202, f"0-{len(data) - 1}")
    assert patch(one, older, half, len(data))[0] == 416
    for url in (first, older, headers["Location"]):
        assert call(one, "GET", url)[1]["Range"] == f"0-{len(data) - 1}"
    for server, url in ((one, older), (two, first), (one, headers["Location"])):
        assert call(server, "PUT", f"{url}&digest={digest}")[0] == 201  # and again
    assert call(two, "DELETE", older)[0] == 404
    for server in replicas:
        assert call(server, "GET", f"/v2/a/stale/blobs/{digest}")[2] == data


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with a length", "of open length"])
def test_a_manifest_that_is_cut_is_the_clients_fault(replicas: tuple[Ours, Ours], is_chunked: bool) -> None:
    server = replicas[0]
    name = f"a/cut{int(is_chunked)}"
    framing = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 1000"
    head = f"PUT /v2/{name}/manifests/latest HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    body = b"100\r\n{" if is_chunked else b"{"
    host, _, port = urlsplit(server.url).netloc.rpartition(":")
    with socket.create_connection((host, int(port)), DEADLINE) as connection:
        connection.sendall(head + body)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["errors"][0]["code"]) == (400, "SIZE_INVALID")
    with socket.create_connection((host, int(port)), DEADLINE) as connection:
        connection.sendall(head + body)
    wait_for(lambda: server.log.count(f"PUT /v2/{name}/manifests/latest") >= 2)
    assert "Traceback" not in server.log
    assert call(server, "GET", "/v2/")[0] == 200


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with a length", "of open length"])
def test_a_client_that_goes_away_leaves_nothing(replicas: tuple[Ours, Ours], driver: Base, is_chunked: bool) -> None:
    server = replicas[0]
    data = b"cut" + bytes([is_chunked]) + DATA
    location = start(server, "a/cut")
    before = {entry.path for entry in driver.walk_parts()}
    parts = urlsplit(location)
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(data)}"
    head = f"PATCH {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    sent = data[: 3 * MIB]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces(sent)) if is_chunked else sent
    host, _, port = urlsplit(server.url).netloc.rpartition(":")
    with socket.create_connection((host, int(port)), DEADLINE) as connection:
        connection.sendall(head + body)
        wait_for(lambda: {entry.path for entry in driver.walk_parts()} > before)
    wait_for(lambda: {entry.path for entry in driver.walk_parts()} == before)
    with pytest.raises(FileNotFoundError):
        driver.stat(layout.blob_data(Digest.of(data)))
    assert "Traceback" not in server.log
    status, headers, _ = call(server, "GET", location)
    assert (status, headers["Range"]) == (204, "0-0")
    assert call(server, "PUT", f"{headers['Location']}&digest={Digest.of(data)}", data)[0] == 201
    assert call(server, "GET", f"/v2/a/cut/blobs/{Digest.of(data)}")[2] == data


def wait_for(condition: Callable[[], bool]) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_a_client_that_goes_away_while_pulling_is_let_go(replicas: tuple[Ours, Ours]) -> None:
    server = replicas[0]
    data = b"pulled" + DATA * 4
    assert call(server, "PUT", f"{start(server, 'a/pull')}&digest={Digest.of(data)}", data)[0] == 201
    host, _, port = urlsplit(server.url).netloc.rpartition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), DEADLINE) as connection:
            connection.sendall(f"GET /v2/a/pull/blobs/{Digest.of(data)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert call(server, "GET", f"/v2/a/pull/blobs/{Digest.of(data)}")[2] == data
    assert "Traceback" not in server.log
