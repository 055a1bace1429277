"""A storage that makes large files of segments without copying, as Swift does: losing a segment breaks the file."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from docker_registry.core.driver import Base, fetch, resolve_range
from docker_registry.core.exceptions import BrokenError, FileNotFoundError
from docker_registry.core.staging import Stage
from docker_registry.core.types import BytesRange, Part, Readable, Reader, Stat

__all__ = ["Linked"]


class Linked(Base):
    """Everything but large files is in the memory driver that it is built on."""

    def __init__(self, path: str | None = None, config: object = None):
        self.small = fetch("memory")("/", None)
        self.segments: dict[str, bytes] = {}
        self.large: dict[str, list[Part]] = {}

    def get_content(self, path: str) -> bytes:
        return b"".join(self.open(path))

    def put_content(self, path: str, content: bytes) -> str:
        return self.small.put_content(path, content)

    def stat(self, path: str) -> Stat:
        if path in self.large:
            return Stat(sum(part.size for part in self.large[path]), None)
        return self.small.stat(path)

    def open(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        if path not in self.large:
            return self.small.open(path, bytes_range)
        content = b"".join(self._read(path))
        first, last = resolve_range(bytes_range, len(content)) if bytes_range else (0, len(content) - 1)
        return Reader(len(content), last + 1 - first, iter([content[first : last + 1]]))

    def _read(self, path: str) -> Iterator[bytes]:
        for part in self.large[path]:
            if part.name not in self.segments:
                raise BrokenError(f"a segment of {path} is gone")
            yield self.segments[part.name]

    def stage(self, parts: Iterable[Part] = ()) -> LinkedStage:
        return LinkedStage(self, parts)

    def shared(self) -> set[str]:
        """The segments that more than one file needs."""
        names = [part.name for parts in self.large.values() for part in parts]
        return {name for name in names if names.count(name) > 1}


class LinkedStage(Stage):
    def __init__(self, driver: Linked, parts: Iterable[Part]):
        self._driver = driver
        self._given = list(parts)
        self._mine: list[Part] = []

    @property
    def size(self) -> int:  # type: ignore[override]
        return sum(part.size for part in self._given + self._mine)

    def fill(self, fp: Readable) -> int:
        name, data = uuid.uuid4().hex, b""
        while piece := fp.read(7):
            data += piece
        self._driver.segments[name] = data
        self._mine.append(Part(name, len(data)))
        return len(data)

    def read(self) -> Iterator[bytes]:
        for part in self._given + self._mine:
            if part.name not in self._driver.segments:
                raise FileNotFoundError(part.name)
            yield self._driver.segments[part.name]

    def keep(self) -> list[Part]:
        self._given, self._mine = self._given + self._mine, []
        return list(self._given)

    def commit(self, path: str, immutable: bool = False) -> None:
        parts = self.keep()
        there = self._driver.large.get(path)
        if there is not None and immutable and self._driver.stat(path).size == self.size:
            self._remove(part for part in parts if part not in there)
        else:
            self._driver.large[path] = parts

    def discard(self) -> None:
        self._remove(self.keep())

    def _abandon(self) -> None:
        self._remove(self._mine)
        self._mine = []

    def _remove(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._driver.segments.pop(part.name, None)
