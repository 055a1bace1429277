"""How long a caller's calls may wait for Swift, known to every thread or greenlet that works for them."""

from __future__ import unicode_literals

import sys
import time
from contextlib import contextmanager

from .context import ContextVar, holding

monotonic = time.monotonic if sys.version_info >= (3,) else time.time

__all__ = ["Deadline", "apart", "current", "renew", "shortened", "until"]

_current = ContextVar("deadline", default=None)


class Deadline(object):
    """The end of a caller's patience: `seconds` after the last sign of progress."""

    def __init__(self, seconds):
        self._seconds = seconds
        self.renew()

    def renew(self):
        self._end = monotonic() + self._seconds

    def left(self):
        """Seconds; none, or fewer, when it is over."""
        return self._end - monotonic()


def current():
    """The Deadline of whoever this thread or greenlet works for, or None."""
    return _current.get()


def renew():
    """There is progress: a stream has moved on."""
    deadline = current()
    if deadline is not None:
        deadline.renew()


def shortened(seconds):
    """So many seconds, or those that are left if they are fewer."""
    deadline = current()
    return seconds if deadline is None else max(0.0, min(seconds, deadline.left()))


def until(deadline):
    """What is done inside works for this deadline; None is one that never comes."""
    return holding(_current, deadline)


@contextmanager
def apart(seconds):
    """What is done inside has a time of its own, where its caller has a deadline at all."""
    with until(None if current() is None else Deadline(seconds)):
        yield
