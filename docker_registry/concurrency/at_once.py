"""At most so many of something at a time for each who asks."""

from __future__ import unicode_literals

import threading

__all__ = ["AtOnce"]


class AtOnce(object):
    """At most `limit` at a time for each; with 0 any number, and nothing is counted. Who has none is not remembered."""

    def __init__(self, limit):
        # type: (int) -> None
        self._limit = limit
        self._lock = threading.Lock()
        self._counts = {}  # type: dict[str, int]

    def __len__(self):
        # type: () -> int
        return len(self._counts)

    def take(self, who):
        # type: (str) -> bool
        """Whether there is room for one more; then `give` has to follow."""
        if not self._limit:
            return True
        with self._lock:
            count = self._counts.get(who, 0)
            if count >= self._limit:
                return False
            self._counts[who] = count + 1
            return True

    def give(self, who):
        # type: (str) -> None
        if not self._limit:
            return
        with self._lock:
            self._counts[who] -= 1
            if not self._counts[who]:
                del self._counts[who]
