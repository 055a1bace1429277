"""The swift driver on a real Swift that fails: lost answers, cut bodies, outages, time-outs, lagging listings."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnreachableError
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from tests.conformance import pattern, read
from tests.live.faults import FaultProxy
from tests.live.settings import driver_config

SEGMENT = 1 << 20
LARGE = pattern(5 * SEGMENT + 99)

Connect = Callable[..., Storage]


@pytest.fixture
def faults(swift: EmbeddedSwift) -> Iterator[FaultProxy]:
    with FaultProxy(swift.storage_url) as proxy:
        yield proxy


@pytest.fixture
def connect(swift: EmbeddedSwift, faults: FaultProxy, container: str) -> Connect:
    def make(**options: Any) -> Storage:
        common = {"swift_container": container, "swift_segment_size": SEGMENT, "swift_object_storage_url": faults.url}
        return Storage("/registry", driver_config(swift, **{**common, **options}))

    return make


@pytest.fixture
def storage(connect: Connect) -> Storage:
    storage = connect()
    storage.put_content("there", b"content")
    return storage


def segments(storage: Storage) -> list[str]:
    return [entry.path for entry in storage.walk_parts()]


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("fault", ["answer", "refuse", "swallow"])
def test_a_fault_that_passes_is_not_seen(storage: Storage, faults: FaultProxy, method: str, fault: str) -> None:
    status = {"status": 503} if fault == "answer" else {}
    getattr(faults, fault)(method=method, times=2, **status)
    storage.put_content("f", b"x")
    assert storage.get_content("f") == b"x"
    assert storage.get_size("f") == 1
    storage.remove("f")
    assert not storage.exists("f")
    assert faults.spoiled


def test_a_large_write_through_faults(storage: Storage, faults: FaultProxy) -> None:
    faults.swallow(method="PUT", path="/00000001", times=1)
    faults.answer(500, method="PUT", path="/00000002", times=1)
    faults.refuse(method="PUT", path="/00000003", times=1)
    faults.swallow(method="PUT", path="multipart-manifest=put", times=1)
    with storage.stage() as stage:
        stage.fill(io.BytesIO(LARGE))
        stage.commit("f", immutable=True)
    assert len(faults.spoiled) == 4
    assert read(storage, "f") == LARGE
    assert len(segments(storage)) == 6


@pytest.mark.parametrize("bytes_range", [None, (SEGMENT - 5, None)])
def test_a_cut_body_goes_on(storage: Storage, faults: FaultProxy, bytes_range: Any) -> None:
    storage.stream_write("f", io.BytesIO(LARGE))
    faults.cut(1500000, method="GET", times=2)
    assert read(storage, "f", bytes_range) == LARGE[bytes_range[0] if bytes_range else 0 :]
    assert len(faults.spoiled) == 2


def test_a_body_that_stalls_goes_on(connect: Connect, faults: FaultProxy) -> None:
    storage = connect(swift_timeout=1)
    storage.stream_write("f", io.BytesIO(LARGE))
    faults.hang(SEGMENT, 30, method="GET", times=1)
    assert read(storage, "f") == LARGE


def test_an_outage_is_said_and_is_no_missing_file(connect: Connect, faults: FaultProxy) -> None:
    storage = connect(swift_retries=1)
    storage.put_content("there", b"x")
    faults.refuse(path=".")
    for call in (storage.get_content, storage.exists, storage.get_size, storage.remove, storage.open):
        with pytest.raises(UnreachableError, match="there in container"):
            call("there")
    with pytest.raises(UnreachableError):
        next(storage.list_directory())
    with pytest.raises(UnreachableError):
        storage.put_content("f", b"x")


def test_nobody_listens(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        storage = connect(
            swift_object_storage_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1/AUTH_test", swift_retries=1
        )
        with pytest.raises(UnreachableError, match="refused"):
            storage.get_content("f")


def test_a_server_that_does_not_answer_in_time(connect: Connect, faults: FaultProxy) -> None:
    storage = connect(swift_timeout=0.5, swift_retries=0)
    faults.delay(30, method="HEAD")
    with pytest.raises(UnreachableError, match="timed out"):
        storage.get_size("f")


def test_the_wish_of_the_server_is_honoured(
    storage: Storage, faults: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("docker_registry.drivers.swift.http.client.time.sleep", pauses.append)
    faults.answer(429, headers={"Retry-After": "3"}, method="GET", times=2)
    assert storage.get_content("there") == b"content"
    assert pauses == [3.0, 3.0]


def test_a_commit_without_an_answer_keeps_its_segments(connect: Connect, faults: FaultProxy) -> None:
    storage = connect(swift_retries=0)
    storage.put_content("there", b"x")
    faults.swallow(method="PUT", path="multipart-manifest=put")
    with pytest.raises(UnreachableError):
        storage.stream_write("f", io.BytesIO(LARGE))
    faults.clear()
    assert read(storage, "f") == LARGE


def test_a_failed_large_write_leaves_nothing(connect: Connect, faults: FaultProxy) -> None:
    storage = connect(swift_retries=0)
    storage.put_content("there", b"x")
    faults.answer(403, method="PUT", path="/00000003")
    with pytest.raises(BrokenError, match="more rights"):
        storage.stream_write("f", io.BytesIO(LARGE))
    assert segments(storage) == []
    assert not storage.exists("f")


def test_a_lagging_listing_hides_no_file(storage: Storage, faults: FaultProxy) -> None:
    faults.hide(names=".", path="format=json")
    assert storage.exists("there")
    assert storage.get_content("there") == b"content"
    storage.stream_write("f", io.BytesIO(LARGE))
    storage.put_content("f", b"small")
    faults.clear()
    assert segments(storage) == []


def test_a_stale_row_of_a_removed_file(storage: Storage, faults: FaultProxy) -> None:
    faults.hold(path="delimiter|prefix")
    assert list(storage.list_directory()) == ["there"]
    storage.remove("there")
    assert list(storage.list_directory()) == ["there"]
    with pytest.raises(FileNotFoundError):
        storage.get_content("there")
    assert storage.remove_many(["there"]) == {}


def test_every_look_that_decides_asks_for_the_newest(storage: Storage, faults: FaultProxy) -> None:
    def push() -> None:
        with storage.stage() as stage:
            stage.fill(io.BytesIO(LARGE))
            stage.commit("f", immutable=True)

    for act in (
        lambda: storage.stream_write("f", io.BytesIO(LARGE)),
        lambda: storage.stream_write("f", io.BytesIO(LARGE[1:])),
        push,  # over another size
        push,  # over the same
        lambda: storage.put_content("f", b"small"),
        lambda: storage.put_content("f", b"small"),
        lambda: storage.stream_write("f", io.BytesIO(LARGE)),
        lambda: storage.parts("f"),
        lambda: storage.get_newest("there"),
        lambda: storage.stat("there", newest=True),
        lambda: storage.remove("f"),
    ):
        faults.forget()
        act()
        looks = [
            seen
            for seen in faults.requests
            if (seen.method in ("HEAD", "GET") and seen.target != "/info") or "manifest=delete" in seen.target
        ]
        assert looks
        assert [seen for seen in looks if not seen.newest] == []
    assert segments(storage) == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_slow_manifest_does_not_lose_a_pushed_blob(storage: Storage, faults: FaultProxy, times: int) -> None:
    faults.swallow(method="PUT", path="multipart-manifest=put", times=times)
    for _ in range(2):
        with storage.stage() as stage:
            stage.fill(io.BytesIO(LARGE))
            stage.commit("f", immutable=True)
        assert read(storage, "f") == LARGE
    # Of the second commit nobody knows whether its own PUT may still take effect, if that had no answer.
    assert len(segments(storage)) == (6 if times == 1 else 12)


def test_a_big_body_for_a_name_that_is_taken(connect: Connect) -> None:
    # Swift refuses before it has read the body.
    storage = connect(swift_segment_size=32 * SEGMENT)
    content = pattern(20 * SEGMENT)
    for i in range(3):
        storage.stream_write("f", io.BytesIO(content[i:]))
    assert storage.get_size("f") == len(content) - 2
