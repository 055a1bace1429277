"""The values that a driver hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

__all__ = ["BytesRange", "Entry", "Part", "Readable", "Reader", "Stat"]

# Inclusive (first, last); (first, None) to the end; (None, n) the last n bytes.
BytesRange = tuple[int | None, int | None]


class Readable(Protocol):
    """What a driver reads an upload from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end only."""
        ...


class Stat(NamedTuple):
    """What the storage says of one file."""

    size: int  # bytes
    modified: float | None  # seconds since the epoch; None where the storage does not say


class Entry(NamedTuple):
    """One row of a flat listing. A hint, never a proof: listings lag behind."""

    path: str
    size: int  # bytes; 0 for a dynamic large object, whatever it holds
    modified: float | None  # seconds since the epoch
    md5: str | None = None  # hex, of the content, where the listing has it
    segmented: bool | None = None  # whether it consists of parts; None where the listing does not say
    expires: float | None = None  # seconds since the epoch, from which on it is gone; see `overwrite_until`


class Part(NamedTuple):
    """Bytes kept in the storage for a file that is not committed yet.

    The name means something to the driver that gave it, and to no one else.
    """

    name: str
    size: int  # bytes


class Reader:
    """An open file: iterate it once, then (or on giving up) close it.

    Iterating raises `ConnectionError` when the body breaks and cannot be
    resumed; it never ends early without an error.
    """

    def __init__(self, size: int, length: int, chunks: Iterator[bytes], close: Callable[[], None] = lambda: None):
        self.size = size  # bytes in the whole file
        self.length = length  # bytes this reader yields
        self._chunks = chunks
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
