"""Values that each thread or greenlet has for itself: contextvars, also on Python 2."""

from __future__ import unicode_literals

import sys
from contextlib import contextmanager

if sys.version_info >= (3,):
    from contextvars import ContextVar
else:
    import threading

    class ContextVar(object):
        """A value of its own for each thread or greenlet."""

        def __init__(self, _name, default):
            self._local = threading.local()
            self._default = default

        def get(self):
            return getattr(self._local, "value", self._default)

        def set(self, value):
            former, self._local.value = self.get(), value
            return former

        def reset(self, former):
            self._local.value = former


MYPY = False
if MYPY:  # Python 2 has no `typing`
    from typing import Iterator, TypeVar  # noqa: F401

    T = TypeVar("T")

__all__ = ["ContextVar", "holding"]


@contextmanager
def holding(variable, value):
    # type: (ContextVar[T], T) -> Iterator[None]
    """The variable has this value inside, and its former one afterwards."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
