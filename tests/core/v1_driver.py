"""A driver that knows the v1 interface and nothing else, not even ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docker_registry.core import driver
from docker_registry.core.exceptions import WrongArgumentsError
from docker_registry.core.types import BytesRange, Readable
from docker_registry.drivers import memory

__all__ = ["Storage"]


class Storage(driver.Base):
    scheme = "v1"
    buffer_size = 1000

    def __init__(self, path: str | None = None, config: Any = None):
        self.memory = memory.Storage(path, config)

    def get_content(self, path: str) -> bytes:
        return self.memory.get_content(path)

    def put_content(self, path: str, content: bytes) -> str:
        return self.memory.put_content(path, content)

    def stream_read(self, path: str, bytes_range: BytesRange | None = None) -> Iterator[bytes]:
        if bytes_range is not None:
            raise WrongArgumentsError("this driver reads no ranges")
        content = self.get_content(path)
        for start in range(0, len(content), self.buffer_size):
            yield content[start : start + self.buffer_size]

    def stream_write(self, path: str, fp: Readable) -> None:
        self.memory.stream_write(path, fp)

    def list_directory(self, path: str | None = None) -> Iterator[str]:
        return self.memory.list_directory(path)

    def exists(self, path: str) -> bool:
        return self.memory.exists(path)

    def remove(self, path: str) -> None:
        self.memory.remove(path)

    def get_size(self, path: str) -> int:
        return self.memory.get_size(path)
