"""The driver alone, in a process of its own: `python -m benchmarks.driver write|read|stream PATH SIZE`.

Its options come as JSON on stdin. `write` stores the file PATH of this machine, `read` gets it back,
`stream` stores SIZE bytes that no file has. Prints what it took, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable

from docker_registry.core.driver import fetch
from docker_registry.settings import DriverConfig

__all__ = ["WARM_UP", "main"]

WARM_UP = "not-there"  # a name that is asked for before anything is measured

_NAME = "benchmark/blob"


class _Endless:
    """Random bytes again and again, up to a size; each block begins differently."""

    def __init__(self, size: int):
        self._left = size
        self._block = os.urandom(1024 * 1024)

    def read(self, size: int, /) -> bytes:
        size = min(size, self._left, len(self._block))
        data = self._left.to_bytes(8, "big") + self._block[8:size] if size >= 8 else self._block[:size]
        self._left -= size
        return data


def main() -> None:
    verb, path, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    storage = fetch("swift")("/", DriverConfig(json.load(sys.stdin)))
    storage.exists(WARM_UP)  # the token is there before the clock starts

    def write() -> None:
        with open(path, "rb") as file:
            storage.stream_write(_NAME, file)

    def read() -> None:
        got = sum(len(data) for data in storage.stream_read(_NAME))
        if got != size:
            raise RuntimeError(f"{got} bytes came back, not {size}")

    def stream() -> None:
        storage.stream_write(f"{_NAME}-long", _Endless(size))

    work: Callable[[], None] = {"write": write, "read": read, "stream": stream}[verb]
    cpu, began = time.process_time(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak}))


if __name__ == "__main__":
    main()
