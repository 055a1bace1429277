"""Slow calls that let go of the interpreter lock, such as hashing, in native threads beside everything else."""

from __future__ import unicode_literals

import os

from .greenlets import is_patched

MYPY = False
if MYPY:  # Python 2 has no `typing`
    from collections.abc import Callable  # noqa: F401
    from typing import Any, TypeVar  # noqa: F401

    T = TypeVar("T")

__all__ = ["NativeThreads"]


class NativeThreads(object):
    """Up to `size` native threads, which begin when they are first needed; a forked process gets its own.

    What runs there must not wait for anything: in a process that gevent has patched, the primitives of `threading`
    belong to greenlets.
    """

    def __init__(self, size):
        # type: (int) -> None
        self._size = size
        # By process. That of the process this one was forked from is kept: taking it apart would wait for locks
        # that its threads may have held, and they were not forked.
        self._pools = {}  # type: dict[int, Any]

    def start(self, call, *args):
        """Start a call; returns a function that waits for its end, and returns or raises what it does.

        Waits for a free thread in a process that gevent has patched; elsewhere the call may wait for one.
        """
        pool = self._pool()
        return pool.spawn(call, *args).get if is_patched() else pool.submit(call, *args).result

    def call(self, call, *args):
        # type: (Callable[..., T], Any) -> T
        """`call(*args)`, while other greenlets go on."""
        value = self.start(call, *args)()  # type: T
        return value

    def _pool(self):
        process = os.getpid()
        if process not in self._pools:
            self._pools[process] = self._new_pool()
        return self._pools[process]

    def _new_pool(self):
        if is_patched():
            # Not the standard library's executor: a greenlet that waits for that stops the loop. Nor gevent's own
            # pool, where names are resolved.
            from gevent.threadpool import ThreadPool

            return ThreadPool(self._size)
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self._size)
