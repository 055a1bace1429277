"""A bound on the bytes that all requests of a process hold together; over it, a request is refused at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import Code, RegistryError

__all__ = ["MemoryBound"]

_RETRY_AFTER = 5  # s


class MemoryBound:
    """`limit` is in bytes. Safe for threads and greenlets."""

    def __init__(self, limit: int):
        self._limit = limit
        self._lock = threading.Lock()
        self.used = 0  # bytes

    @contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """A function that takes more bytes, until the block ends; it raises UNAVAILABLE when there are none."""
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            with self._lock:
                if self.used + size > self._limit:
                    raise RegistryError(
                        Code.UNAVAILABLE,
                        "too many manifests are being pushed at once, try again",
                        headers={"Retry-After": str(_RETRY_AFTER)},
                    )
                self.used += size
                mine += size

        try:
            yield take
        finally:
            with self._lock:
                self.used -= mine
