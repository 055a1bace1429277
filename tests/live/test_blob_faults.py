"""Pushes and pulls while Swift fails: what was promised is there, and what was refused can be tried again."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.distribution.pushing import Push, blob_url, pull
from tests.live.faults import FaultProxy
from tests.live.ours import Ours
from tests.live.settings import driver_config

SEGMENT = 4096
DATA = bytes(range(256)) * 40  # two and a half segments
DIGEST = Digest.of(DATA)
ALWAYS = {"times": 1000}


@pytest.fixture
def faults(swift: EmbeddedSwift) -> Iterator[FaultProxy]:
    with FaultProxy(swift.storage_url) as proxy:
        yield proxy


@pytest.fixture
def driver(swift: EmbeddedSwift, container: str, faults: FaultProxy) -> Base:
    config = driver_config(
        swift,
        swift_container=container,
        swift_object_storage_url=faults.url,
        swift_segment_size=SEGMENT,
        swift_retries=1,
    )
    driver = fetch("swift")("/", config)
    driver.put_content("warm", b"")
    driver.remove("warm")
    return driver


@pytest.fixture
def client(driver: Base) -> Client:
    return Client(Registry(driver, Settings(secret=b"a secret of the tests")))


def unowned(driver: Base) -> set[str]:
    """Segments that no file has."""
    owned = {part.name for entry in driver.walk("") for part in driver.parts(entry.path) or ()}
    return {entry.path for entry in driver.walk_parts()} - owned


@pytest.mark.parametrize("path", ["/segments/", "/blobs/"], ids=["segments", "manifest"])
def test_a_streamed_push_that_swift_does_not_take(client: Client, driver: Base, faults: FaultProxy, path: str) -> None:
    push = Push(client)
    faults.answer(503, method="PUT", path=path, **ALWAYS)
    refused = push.stream(DATA, expected=503)
    assert "Retry-After" in refused.headers
    faults.clear()
    push.stream(DATA)
    push.close(DIGEST)
    assert pull(client, "some/repo", DIGEST) == DATA
    if path == "/segments/":  # in doubt about the manifest they stay, for garbage collection
        assert unowned(driver) == set()


@pytest.mark.parametrize("path", ["/segments/", "/blobs/", "/_layers/"], ids=["segments", "manifest", "link"])
@pytest.mark.parametrize("way", ["streamed", "chunked", "monolithic"])
def test_an_answer_that_gets_lost_on_the_way_from_swift(
    client: Client, driver: Base, faults: FaultProxy, path: str, way: str
) -> None:
    faults.swallow(method="PUT", path=path, times=1)
    push = Push(client)
    if way == "streamed":
        push.stream(DATA)
    elif way == "chunked":
        push.chunk(DATA[:5000])
        push.chunk(DATA[5000:])
    push.close(DIGEST, DATA if way == "monolithic" else b"")
    assert len(faults.spoiled) == 1
    assert pull(client, "some/repo", DIGEST) == DATA
    assert unowned(driver) == set()


@pytest.mark.parametrize("way", ["streamed", "chunked"])
def test_a_201_that_is_another_requests_stores_nothing(client: Client, faults: FaultProxy, way: str) -> None:
    push = Push(client)
    faults.answer(201, headers={"ETag": f'"{"0" * 32}"'}, method="PUT", path="multipart-manifest=put", **ALWAYS)
    if way == "streamed":
        push.stream(DATA, expected=503)
    else:
        push.chunk(DATA[:5000])
        push.chunk(DATA[5000:])
        push.close(DIGEST, expected=503)
    faults.clear()
    if way == "streamed":
        push.stream(DATA)
    push.close(DIGEST)
    assert pull(client, "some/repo", DIGEST) == DATA


def test_a_link_that_swift_does_not_take(client: Client, faults: FaultProxy) -> None:
    push = Push(client)
    push.stream(DATA)
    faults.answer(503, method="PUT", path="/_layers/", **ALWAYS)
    push.close(DIGEST, expected=503)
    assert client.head(blob_url("some/repo", DIGEST)).status_code == 404
    faults.clear()
    push.close(DIGEST)
    assert pull(client, "some/repo", DIGEST) == DATA


@pytest.mark.parametrize("fault", ["answer", "swallow"])
@pytest.mark.parametrize(("rest", "requests"), [(0, 9), (4000, 10)], ids=["all in chunks", "the end in the PUT"])
def test_closing_a_chunked_push_can_be_repeated_wherever_swift_failed(
    client: Client, driver: Base, faults: FaultProxy, fault: str, rest: int, requests: int
) -> None:
    for done in range(requests + 1):
        data = bytes([done, rest // 1000, len(fault)]) + DATA
        cut = len(data) - rest
        push = Push(client)
        push.chunk(data[:5000])
        push.chunk(data[5000:cut])
        faults.forget()
        if fault == "answer":
            faults.answer(503, skip=done, **ALWAYS)
        else:  # the first one is carried out, and nothing is heard of it
            faults.swallow(skip=done, times=1)
            faults.refuse(skip=done + 1, **ALWAYS)
        push.close(Digest.of(data), data[cut:], expected=201 if done == requests else 503)
        assert bool(faults.spoiled) == (done < requests)
        faults.clear()
        push.close(Digest.of(data), data[cut:])
        push.cancel(expected=404)
        assert pull(client, "some/repo", Digest.of(data)) == data
    if not rest:  # else segments of the last piece stay, which was sent again
        assert unowned(driver) == set()


@pytest.mark.parametrize("fault", ["answer", "swallow"])
def test_a_chunk_can_be_sent_again_wherever_swift_failed(client: Client, faults: FaultProxy, fault: str) -> None:
    for done in range(4):
        data = bytes([done, len(fault)]) + DATA[:3000]
        push = Push(client)
        push.chunk(data[:1000])
        if fault == "answer":
            faults.answer(503, skip=done, **ALWAYS)
        else:
            faults.swallow(skip=done, times=1)
            faults.refuse(skip=done + 1, **ALWAYS)
        push.chunk(data[1000:], expected=202 if done == 3 else 503)
        faults.clear()
        if done < 3:
            push.count = push.status()
            rest = data[push.count :]
            assert len(rest) in (0, len(data) - 1000)
            if rest:
                push.chunk(rest)
            else:
                push.location = push.call("GET", 204).headers["Location"]
        push.close(Digest.of(data))
        assert pull(client, "some/repo", Digest.of(data)) == data


def test_a_cancel_can_be_repeated_wherever_swift_failed(client: Client, driver: Base, faults: FaultProxy) -> None:
    for done in range(8):
        push = Push(client)
        push.chunk(DATA[:4000])
        faults.answer(503, skip=done, **ALWAYS)
        status = client.delete(push.location).status_code
        faults.clear()
        assert status in (204, 503)
        push.cancel()
        push.close(Digest.of(DATA[:4000]), expected=404)
    assert unowned(driver) == set()


def test_a_pull_resumes_where_swift_broke_off(client: Client, faults: FaultProxy) -> None:
    Push(client).close(DIGEST, DATA)
    faults.cut(3000, method="GET", path="/blobs/", times=1)
    assert client.get(blob_url("some/repo", DIGEST)).data == DATA
    assert len(faults.spoiled) == 1


def test_a_pull_that_swift_breaks_off_for_good_is_cut_and_takes_one_line_of_the_log(
    swift: EmbeddedSwift, container: str, faults: FaultProxy, tmp_path: Path, client: Client
) -> None:
    Push(client).close(DIGEST, DATA)
    options = swift.options(swift_container=container, swift_object_storage_url=faults.url, swift_retries=1)
    config = tmp_path / "config.yml"
    config.write_text(json.dumps({"test": {"storage": "swift", **options}}))
    with Ours(tmp_path, config) as server:
        faults.cut(3000, method="GET", path="/blobs/", times=1)
        faults.answer(503, method="GET", path="/blobs/", **ALWAYS)
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        connection.request("GET", blob_url("some/repo", DIGEST))
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()
        faults.clear()
        connection.request("GET", blob_url("some/repo", DIGEST))
        assert connection.getresponse().read() == DATA
        connection.close()
        assert "Traceback" not in server.log
        assert f"GET {blob_url('some/repo', DIGEST)}" in server.log
