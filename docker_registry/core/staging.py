"""The two-step write: bring bytes to safety first, name them later.

A registry learns a blob's digest, and so its name, when the last byte has
come. A `Stage` takes the bytes meanwhile; `commit` gives them their name.
"""

from __future__ import annotations

import contextlib
import io
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Protocol

from .exceptions import BrokenError, FileNotFoundError, UnspecifiedError
from .types import Part, Readable, Stat

__all__ = ["CopyingStage", "Joined", "Stage"]


class Stage(ABC):
    """Bytes on their way to a name. Use it as a context manager.

    Leaving the block with neither `commit` nor `keep` done removes what this
    stage stored since it was opened; the parts it was opened with stay.
    One stage belongs to one thread or greenlet.
    """

    size: int  # bytes staged so far, those of the parts it was opened with included

    @abstractmethod
    def fill(self, fp: Readable) -> int:
        """Append all of `fp`, read once, to its end; returns how many bytes came.

        What `fp` raises passes through; `size` then says how much is staged.
        """

    @abstractmethod
    def read(self) -> Iterator[bytes]:
        """All staged bytes, from the start."""

    @abstractmethod
    def keep(self) -> list[Part]:
        """Make every byte durable; the result opens the stage again, on any host."""

    @abstractmethod
    def commit(self, path: str, immutable: bool = False) -> None:
        """Make the staged bytes the content of `path`, all at once.

        Nothing shows under `path` before every byte is safe. With `immutable`
        the content follows from the name: a file of the same size that is
        there already stays and the staged bytes are removed; one of another
        size is damaged and gets replaced.
        """

    @abstractmethod
    def discard(self) -> None:
        """Remove all staged bytes, those the stage was opened with too."""

    @abstractmethod
    def _abandon(self) -> None:
        """Remove what this stage stored itself, unless it was committed or kept."""

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._abandon()


class _Files(Protocol):
    """What a copying stage asks of a driver: v1's verbs, as `driver.Base` explains them."""

    def stream_read(self, path: str) -> Iterator[bytes]: ...

    def stream_write(self, path: str, fp: Readable) -> None: ...

    def stat(self, path: str) -> Stat: ...

    def remove(self, path: str) -> None: ...


class CopyingStage(Stage):
    """The stage of any v1 driver: parts are files, and a commit copies them."""

    folder = "_staged"

    def __init__(self, driver: _Files, parts: Iterable[Part] = ()):
        self._driver = driver
        self._given = list(parts)
        self._mine: list[Part] = []

    @property
    def size(self) -> int:  # type: ignore[override]
        return sum(part.size for part in self._given + self._mine)

    def fill(self, fp: Readable) -> int:
        name = f"{self.folder}/{uuid.uuid4().hex}"
        try:
            count = self._write(name, fp)
        except BaseException:
            with contextlib.suppress(UnspecifiedError):  # a driver may have left what came before the error
                self._driver.remove(name)
            raise
        self._mine.append(Part(name, count))
        return count

    def _write(self, path: str, fp: Readable) -> int:
        """Write a file; returns its size."""
        source = _Source(fp)
        self._driver.stream_write(path, source)
        if source.error:
            raise source.error
        return source.count

    def read(self) -> Iterator[bytes]:
        for part in self._given + self._mine:
            yield from self._driver.stream_read(part.name)

    def keep(self) -> list[Part]:
        self._given += self._mine
        self._mine = []
        return list(self._given)

    def commit(self, path: str, immutable: bool = False) -> None:
        if not (immutable and self._is_there(path)):
            self._copy(path)
        self.discard()

    def _copy(self, path: str) -> None:
        count = self._write(path, Joined(self.read()))
        if count != self.size:
            raise BrokenError(f"{path}: the storage gave back {count} of {self.size} bytes; push again")

    def _is_there(self, path: str) -> bool:
        try:
            return self._driver.stat(path).size == self.size
        except FileNotFoundError:
            return False

    def discard(self) -> None:
        self._mine = self.keep()
        self._given = []
        self._abandon()

    def _abandon(self) -> None:
        while self._mine:
            try:
                self._driver.remove(self._mine.pop().name)
            except FileNotFoundError:
                pass


class _Source:
    """Counts what a driver reads, and remembers why it could read no more: some drivers keep that to themselves."""

    def __init__(self, fp: Readable):
        self._fp = fp
        self.count = 0
        self.error: BaseException | None = None

    def read(self, size: int, /) -> bytes:
        try:
            data = self._fp.read(size)
        except BaseException as error:
            self.error = error
            raise
        self.count += len(data)
        return data


class Joined(io.RawIOBase):
    """A file over an iterator of bytes."""

    def __init__(self, chunks: Iterator[bytes]):
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return bytes(self._rest) + b"".join(self._chunks)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        head, self._rest = self._rest[:size], self._rest[size:]
        return bytes(head)
