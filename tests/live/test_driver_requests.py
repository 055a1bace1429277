"""What each call of the swift driver costs: requests to Swift, and memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from docker_registry.core import driver
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from tests.conformance import pattern
from tests.live.rows import plant_rows
from tests.live.settings import driver_config

MIB = 1 << 20
SEGMENT = MIB


class Zeros:
    """A stream of so many zero bytes."""

    def __init__(self, size: int):
        self._left = size

    def read(self, size: int) -> bytes:
        size = min(size, self._left)
        self._left -= size
        return bytes(size)


@pytest.fixture
def storage(swift: EmbeddedSwift, container: str) -> Storage:
    config = driver_config(swift, swift_container=container, swift_segment_size=SEGMENT)
    storage: Storage = driver.fetch("swift")(path="/registry", config=config)
    storage.put_content("there", b"content")
    storage.exists("nothing")  # reads /info
    return storage


def cost(swift: EmbeddedSwift, call: Any, *args: Any) -> list[str]:
    """The methods of the requests that a call makes; a generator is read to its end."""
    with swift.counting() as counted:
        result = call(*args)
        if isinstance(result, Iterator):
            list(result)
        return [request.method for request in counted.requests]


def test_small_files(swift: EmbeddedSwift, storage: Storage) -> None:
    assert cost(swift, storage.put_content, "new", b"content") == ["PUT"]
    assert cost(swift, storage.put_content, "new", b"content") == ["PUT", "HEAD"]
    assert cost(swift, storage.put_content, "new", b"other") == ["PUT", "HEAD", "PUT"]
    assert cost(swift, storage.get_content, "there") == ["GET"]
    assert cost(swift, storage.exists, "there") == ["HEAD"]
    assert cost(swift, storage.exists, "the") == ["HEAD", "GET"]
    assert cost(swift, storage.get_size, "there") == ["HEAD"]
    assert cost(swift, storage.stat, "there") == ["HEAD"]
    assert cost(swift, storage.stream_read, "there") == ["GET"]
    assert cost(swift, storage.stream_read, "there", (1, 3)) == ["GET"]
    assert cost(swift, storage.parts, "there") == ["HEAD"]
    assert cost(swift, storage.content_redirect_url, "there") in ([], ["HEAD", "HEAD"])
    assert cost(swift, storage.content_redirect_url, "there") == []
    assert cost(swift, storage.remove, "there") == ["HEAD", "DELETE"]
    storage.overwrite("there", b"x")
    assert cost(swift, storage.remove_small, "there") == ["DELETE"]


def test_large_files(swift: EmbeddedSwift, storage: Storage) -> None:
    content = pattern(6 * SEGMENT + SEGMENT // 4)
    methods = cost(swift, storage.stream_write, "large", io.BytesIO(content))
    assert sorted(methods) == ["HEAD"] * 2 + ["PUT"] * (7 + 1)
    assert cost(swift, storage.stream_read, "large") == ["GET"]
    assert cost(swift, storage.stream_read, "large", (SEGMENT - 1, 2 * SEGMENT)) == ["GET"]
    assert cost(swift, storage.get_size, "large") == ["HEAD"]
    assert cost(swift, storage.parts, "large") == ["HEAD", "GET"]
    assert cost(swift, storage.remove, "large") == ["HEAD", "DELETE"]
    assert cost(swift, storage.stream_write, "one", io.BytesIO(content[:SEGMENT])) == ["PUT"]


def test_replacing_large_files(swift: EmbeddedSwift, storage: Storage) -> None:
    content = pattern(3 * SEGMENT)
    storage.stream_write("large", io.BytesIO(content))
    methods = cost(swift, storage.stream_write, "large", io.BytesIO(content))
    # Former segments: their manifest, and one bulk delete.
    assert sorted(methods) == ["GET", "HEAD", "HEAD", "POST"] + ["PUT"] * 4
    assert cost(swift, storage.put_content, "large", b"x") == ["PUT", "HEAD", "GET", "PUT", "HEAD", "POST"]


def test_a_stream_of_200_mib(swift: EmbeddedSwift, container: str) -> None:
    storage = Storage("/registry", driver_config(swift, swift_container=container))
    storage.put_content("there", b"")
    storage.exists("nothing")
    methods = cost(swift, storage.stream_write, "large", Zeros(200 * MIB))
    assert len(methods) == 7 + 3
    assert len(storage.parts("large")) == 7
    storage.remove("large")


def test_two_step_writes(swift: EmbeddedSwift, storage: Storage) -> None:
    def push(content: bytes) -> None:
        with storage.stage() as stage:
            stage.fill(io.BytesIO(content))
            stage.commit("blob", immutable=True)

    assert cost(swift, push, pattern(SEGMENT)) == ["PUT"]
    assert cost(swift, push, pattern(SEGMENT)) == ["PUT", "HEAD"]
    storage.remove("blob")
    assert cost(swift, push, pattern(3 * SEGMENT)) == ["PUT"] * 4
    # The second of two removes its own segments, once it has seen whose are live.
    assert cost(swift, push, pattern(3 * SEGMENT)) == ["PUT"] * 4 + ["HEAD", "GET", "POST"]


def test_a_walk_of_25000_files(swift: EmbeddedSwift, container: str) -> None:
    storage = Storage("/registry", driver_config(swift, swift_container=container))
    storage.put_content("there", b"")
    storage.exists("nothing")
    plant_rows(swift, container, "registry/d/", 25000)
    with swift.counting() as counted:
        assert sum(1 for _ in storage.walk("d")) == 25000
    assert [request.method for request in counted.requests] == ["GET"] * 3


def test_removing_a_folder_is_done_in_bulk(swift: EmbeddedSwift, storage: Storage) -> None:
    for i in range(20):
        storage.put_content(f"d/{i}", b"x")
    assert cost(swift, storage.remove, "d") == ["HEAD", "GET", "POST"]


MEMORY = """
import json, sys
from docker_registry.drivers.swift import Storage
from tests.live.test_driver_requests import MIB, Zeros
storage = Storage("/registry", json.loads(sys.argv[1]))
storage.stream_write("large", Zeros(int(sys.argv[2]) * MIB))
assert storage.get_size("large") == int(sys.argv[2]) * MIB
# Not ru_maxrss: that begins at the peak of the process that started this one.
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024)
"""


def test_memory_of_a_long_stream(swift: EmbeddedSwift, container: str) -> None:
    options = json.dumps(swift.options(swift_container=container))
    done = subprocess.run([sys.executable, "-c", MEMORY, options, "768"], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300, "MiB of resident memory at the peak"
