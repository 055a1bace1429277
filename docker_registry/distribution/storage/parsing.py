"""Costly manifests are read one at a time, and others get as much of the process as they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Code, RegistryError

__all__ = ["Parsing"]

_CHEAP = 32 * 1024  # bytes; whatever they are, they take about as long as the rest of a request
_QUEUE_MAX = 32  # who wait; each takes 0.1 s at worst, and as much pause
_PAUSE_MAX = 0.1  # s; a machine that stood still must not make it long
_RETRY_AFTER = 5  # s


class Parsing:
    """What a worker's requests share. Safe for threads and greenlets."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._inside = 0  # who wait, and who reads
        self._last = 0.0  # s that the one before took, at most _PAUSE_MAX

    @contextmanager
    def turn(self, size: int) -> Iterator[None]:
        """A block that parses `size` bytes; raises UNAVAILABLE where too many wait.

        Before it, there is a pause as long as the last such block took, 0.1 s at most: parsing
        holds a whole worker up, and no client gets more of it than all others.
        """
        if size <= _CHEAP:
            yield
            return
        with self._place(), self._turn:
            time.sleep(self._last)
            start = time.monotonic()
            try:
                yield
            finally:
                self._last = min(time.monotonic() - start, _PAUSE_MAX)

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            if self._inside > _QUEUE_MAX:
                raise RegistryError(
                    Code.UNAVAILABLE,
                    "too many large manifests are being pushed at once, try again",
                    headers={"Retry-After": str(_RETRY_AFTER)},
                )
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
