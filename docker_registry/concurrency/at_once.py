"""At most so many of something at a time for each who asks."""

from __future__ import unicode_literals

import threading

__all__ = ["AtOnce"]


class AtOnce(object):
    """At most `limit` at a time for each, 0 for any number. Who has none is not remembered."""

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
        with self._lock:
            count = self._counts.get(who, 0)
            if self._limit and count >= self._limit:
                return False
            self._counts[who] = count + 1
            return True

    def give(self, who):
        # type: (str) -> None
        with self._lock:
            self._counts[who] -= 1
            if not self._counts[who]:
                del self._counts[who]
