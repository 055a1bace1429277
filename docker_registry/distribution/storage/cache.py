"""What one process remembers of the storage: bounded in bytes, asked once for many who wait.

Each entry knows when it was asked for, and each reader says how old an answer
it takes: an immutable fact may be as old as it likes, what another process can
delete only seconds.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

from docker_registry.concurrency import acting

__all__ = ["Cache", "Memory", "OfCallers", "Section"]

T = TypeVar("T")

FOREVER = float("inf")
_PATIENCE = 1.0  # s that one who asks waits for another's request before making its own
_OVERHEAD = 200  # bytes that an entry costs beside its key and value; measured


class _Entry(NamedTuple):
    value: Any
    size: int
    asked: float


class _Flight:
    """One load on its way, and those who wait for it."""

    def __init__(self, asked: float) -> None:
        self.asked = asked
        self.landed = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None


class Cache:
    """A least-recently-used map of facts; safe for threads and greenlets.

    `limit` is in bytes; `clock` gives seconds and never goes back. Not cachetools: its LRUCache keeps three
    dictionaries where one does, and most of what is here are ages and shared loads, which it does not have.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic):
        self.limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}
        self.used = 0  # bytes
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable, max_age: float = FOREVER) -> Any:
        """What is remembered and at most `max_age` seconds old, or None."""
        with self._lock:
            return self._look(key, max_age)

    def put(self, key: Hashable, value: Any) -> None:
        """Remember a fact that was true just now."""
        size = _footprint(key) + _footprint(value)
        with self._lock:
            self._flights.pop(key, None)
            self._store(key, value, size, self._clock())

    def forget(self, key: Hashable) -> None:
        """Drop a fact, and what a load that is on its way may bring."""
        with self._lock:
            self._flights.pop(key, None)
            self._drop(key)

    def fetch(self, key: Hashable, load: Callable[[], T], max_age: float = FOREVER) -> T:
        """What is remembered, or what `load` says; callers of the same key at the same time share one load.

        What `load` raises is raised to all who wait, and not remembered.
        """
        while True:
            with self._lock:
                found = self._look(key, max_age)
                if found is not None:
                    return found  # type: ignore[no-any-return]
                flight = self._flights.get(key)
                mine = flight is None or self._clock() - flight.asked > max_age
                if mine or flight is None:
                    flight = self._flights[key] = _Flight(self._clock())
            if mine:
                return self._load(key, flight, load, keep=True)
            flight.landed.wait()
            if flight.error is None:
                return flight.value  # type: ignore[no-any-return]
            if isinstance(flight.error, Exception):
                raise flight.error
            # Whoever loaded was killed: that says nothing of the fact.

    def ask(self, key: Hashable, load: Callable[[], T]) -> T:
        """What `load` says now: begun after this call, yet shared with others who came meanwhile. Not remembered.

        So many readers of one key make one request at a time, and none of them
        sees less than what was written before it asked.
        """
        came = self._clock()
        while True:
            with self._lock:
                flight = self._flights.get(key)
                mine = flight is None or self._clock() - flight.asked > _PATIENCE
                if mine or flight is None:
                    flight = self._flights[key] = _Flight(self._clock())
            if mine:
                return self._load(key, flight, load, keep=False)
            landed = flight.landed.wait(_PATIENCE)
            if landed and flight.asked >= came:
                if flight.error is None:
                    return flight.value  # type: ignore[no-any-return]
                if isinstance(flight.error, Exception):
                    raise flight.error

    def _load(self, key: Hashable, flight: _Flight, load: Callable[[], T], keep: bool) -> T:
        try:
            value = flight.value = load()
        except BaseException as error:
            flight.error = error
            raise
        else:
            size = _footprint(key) + _footprint(value) if keep else 0
            with self._lock:
                # Otherwise somebody wrote or forgot it meanwhile.
                if keep and self._flights.get(key) is flight:
                    self._store(key, value, size, flight.asked)
            return value
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.landed.set()

    def _look(self, key: Hashable, max_age: float) -> Any:
        entry = self._entries.get(key)
        if entry is None or self._clock() - entry.asked > max_age:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return entry.value

    def _store(self, key: Hashable, value: Any, size: int, asked: float) -> None:
        self._drop(key)
        size += _OVERHEAD
        if size > self.limit:
            return
        self._entries[key] = _Entry(value, size, asked)
        self.used += size
        while self.used > self.limit:
            self.used -= self._entries.popitem(last=False)[1].size

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used -= entry.size


class _Keyed:
    """A part of a cache, under keys of its own; the limit is that of the whole."""

    def __init__(self, cache: Cache | _Keyed):
        self._cache = cache

    def key(self, key: Hashable) -> Hashable:
        raise NotImplementedError

    def get(self, key: Hashable, max_age: float = FOREVER) -> Any:
        return self._cache.get(self.key(key), max_age)

    def put(self, key: Hashable, value: Any) -> None:
        self._cache.put(self.key(key), value)

    def forget(self, key: Hashable) -> None:
        self._cache.forget(self.key(key))

    def fetch(self, key: Hashable, load: Callable[[], T], max_age: float = FOREVER) -> T:
        return self._cache.fetch(self.key(key), load, max_age)

    def ask(self, key: Hashable, load: Callable[[], T]) -> T:
        return self._cache.ask(self.key(key), load)


class Section(_Keyed):
    """What is about one storage."""

    def __init__(self, cache: Cache, name: str):
        super().__init__(cache)
        self._name = name

    def key(self, key: Hashable) -> Hashable:
        return self._name, key


class OfCallers(_Keyed):
    """What the storage showed to each caller: nobody is told what it showed to another, whom it may let see more."""

    def key(self, key: Hashable) -> Hashable:
        caller = acting.current()
        return (caller.key if caller else ""), key


Memory = Cache | Section | OfCallers


def _footprint(value: Any) -> int:
    """The bytes of memory that a fact takes: text, numbers, and tuples, dictionaries and slotted objects of such."""
    size = sys.getsizeof(value)
    if isinstance(value, tuple):
        return size + sum(map(_footprint, value))
    if isinstance(value, dict):
        return size + sum(map(_footprint, value)) + sum(map(_footprint, value.values()))
    return size + sum(_footprint(getattr(value, name)) for name in getattr(value, "__slots__", ()))
