"""What was found out of credentials lately."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Remembered"]

T = TypeVar("T")


class Remembered(Generic[T]):
    """At most `entries` values, each for `seconds`; beyond that, the oldest go first.

    Each request with a login looks here, so a look is one of a dictionary, without a lock. That of cachetools'
    TTLCache takes as long as all else that a checked login costs. `clock` gives seconds and never goes back.
    """

    def __init__(self, entries: int, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._limit = entries
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[float, T]] = OrderedDict()  # with its end; the first to end first

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> T | None:
        found = self._entries.get(key)
        return found[1] if found and self._clock() < found[0] else None

    def put(self, key: bytes, value: T) -> None:
        with self._lock:
            now = self._clock()
            self._entries.pop(key, None)
            self._entries[key] = (now + self._seconds, value)
            while len(self._entries) > self._limit or self._entries[next(iter(self._entries))][0] <= now:
                self._entries.popitem(last=False)
