"""The memory that bytes on their way to Swift may take, one budget for the whole process."""

from __future__ import unicode_literals

import threading
import time
from contextlib import contextmanager

__all__ = ["LEAST", "STEP", "Budget", "Lease", "shared_budget"]

STEP = 1 << 20  # bytes by which a lease grows
LEAST = 4 << 20  # bytes of a portion; smaller ones cost Swift more than waiting does

_lock = threading.Lock()
_budgets = {}  # type: dict[int, Budget]


class Budget(object):
    """Memory for bytes in flight, shared by all streams of a process."""

    def __init__(self, total):
        self.total = total
        self.used = 0
        self._streams = 0
        self._change = threading.Condition()

    @contextmanager
    def stream(self):
        """One that gathers bytes counts as a stream for as long as it does."""
        with self._change:
            self._streams += 1
        try:
            yield
        finally:
            with self._change:
                self._streams -= 1

    def portion(self):
        """Bytes that a stream gathers before it sends them; None while there is plenty.

        Two portions for each stream fit: it sends one while it gathers the
        next. Were they larger, all would gather until nothing is left, then
        all wait for what they send.
        """
        with self._change:
            if self.used <= self.total // 2:
                return None
            return max(LEAST, self.total // (2 * max(1, self._streams)))

    def take(self, size, patience=0):
        """Take `size` bytes, waiting up to `patience` seconds for them; whether it worked."""
        deadline = time.time() + patience
        with self._change:
            while self.used + size > self.total:
                left = deadline - time.time()
                if left <= 0:
                    return False
                self._change.wait(left)
            self.used += size
            return True

    def overdraw(self, size):
        """Take `size` bytes whether they are there or not."""
        with self._change:
            self.used += size

    def give(self, size):
        with self._change:
            self.used -= size
            self._change.notify_all()


def shared_budget(total):
    """The one budget of `total` bytes in this process."""
    with _lock:
        return _budgets.setdefault(total, Budget(total))


class Lease(object):
    """What one segment holds of a budget; it grows in steps."""

    def __init__(self, budget):
        self._budget = budget
        self._held = 0

    def cover(self, size, patience=0):
        """Whether `size` bytes are held now, or can be within `patience` seconds."""
        missing = self._missing(size)
        if missing and not self._budget.take(missing, patience):
            return False
        self._held += missing
        return True

    def overdraw(self, size):
        """Hold `size` bytes in any case."""
        missing = self._missing(size)
        self._budget.overdraw(missing)
        self._held += missing

    def end(self):
        held, self._held = self._held, 0
        if held:
            self._budget.give(held)

    def _missing(self, size):
        step = min(STEP, self._budget.total)
        return max(0, -(-(size - self._held) // step) * step)
