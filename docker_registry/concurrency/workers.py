"""Calls side by side, a bounded number at a time.

They wait on primitives of the standard library's `threading`: greenlets in a
process that gevent has patched, threads in any other.

Whoever works for a caller has the caller's deadline, asks in the same name, and
is of its request. After a call has failed no further one begins, those that
have begun are waited for, and the error of the one that was given first is
raised.
"""

from __future__ import unicode_literals

import threading
from collections import deque

from . import acting, deadline, trace

MYPY = False
if MYPY:  # Python 2 has no `typing`
    from collections.abc import Callable, Iterable, Iterator  # noqa: F401
    from typing import Any, TypeVar  # noqa: F401

    T = TypeVar("T")
    R = TypeVar("R")

__all__ = ["WorkerPool", "each", "gather"]

LIMIT = 16  # calls in flight for one request of a client; the driver's pool of connections bounds the process


class WorkerPool(object):
    """Runs tasks side by side, at most `limit` at a time. It belongs to one thread.

    After a task has failed, every method that waits raises its error.
    """

    def __init__(self, limit):
        # type: (int) -> None
        self._limit = limit
        self._given = 0
        self._running = 0
        self._errors = {}  # type: dict[int, BaseException]
        self._change = threading.Condition()

    @property
    def busy(self):
        # type: () -> bool
        return self._running > 0

    @property
    def has_room(self):
        # type: () -> bool
        return self._running < self._limit

    def submit(self, task, *args):
        """Start a task, waiting for a free place."""
        self._wait(self._limit - 1)
        with self._change:
            number, self._given = self._given, self._given + 1
            self._running += 1
        thread = threading.Thread(
            target=self._run, args=(number, task, args, deadline.current(), trace.current(), acting.current())
        )
        thread.daemon = True
        try:
            thread.start()
        except BaseException:
            self._end()
            raise

    def wait_one(self):
        # type: () -> None
        """Wait until one of the running tasks has ended."""
        self._wait(max(0, self._running - 1))

    def join(self):
        # type: () -> None
        """Wait until no task is running."""
        self._wait(0)

    def _wait(self, running):
        with self._change:
            while self._running > running:
                self._change.wait()
            if self._errors:
                raise self._errors[min(self._errors)]

    def _run(self, number, task, args, limit, request, caller):
        trace.begin(request)
        acting.begin(caller)
        try:
            with deadline.until(limit):
                task(*args)
        except BaseException as error:  # noqa: BLE001  it is raised again where the pool is waited for
            self._errors[number] = error
        self._end()

    def _end(self):
        with self._change:
            self._running -= 1
            self._change.notify_all()


def each(task, items, limit):
    # type: (Callable[[T], R], Iterable[T], int) -> Iterator[R]
    """Generate `task(item)` for every item, in order, up to `limit` at a time.

    Items are taken by the caller's thread, which does its share of the work, and at most two for each call that may
    run: memory stays bounded however many there are. Who stops early waits for the calls that have begun.
    """
    calls = _Calls(task, limit)
    try:
        for item in items:
            calls.add(item)
            if calls.pending >= 2 * limit:
                yield calls.oldest()
        while calls.pending:
            yield calls.oldest()
    finally:
        calls.end()


def gather(calls, limit=LIMIT):
    # type: (Iterable[Callable[[], R]], int) -> list[R]
    """The results of all calls, in their order, up to `limit` at a time."""
    return list(each(lambda call: call(), calls, limit))


class _Calls(object):
    """Calls of one task that wait, run, or have results that nobody has taken yet."""

    def __init__(self, task, limit):
        self.pending = 0
        self._task = task
        self._helpers = WorkerPool(limit - 1)  # the caller's thread is one more
        self._added = 0
        self._waiting = deque()  # type: deque[Any]
        self._results = {}  # type: dict[int, Any]
        self._errors = {}  # type: dict[int, BaseException]
        self._change = threading.Condition()

    def add(self, item):
        self._waiting.append((self._added, item))
        self._added += 1
        self.pending += 1
        if self.pending > 1 and self._helpers.has_room:
            self._helpers.submit(self._help)

    def oldest(self):
        """The result that nobody has taken for longest; an error once all that has begun is over."""
        at = self._added - self.pending
        while not self._is_over(at):
            if not self._begin_one():
                with self._change:
                    while not self._is_over(at):
                        self._change.wait()
        if self._errors:
            self.end()
            raise self._errors[min(self._errors)]
        self.pending -= 1
        return self._results.pop(at)

    def end(self):
        """Begin nothing more, and wait for what has begun."""
        self._waiting.clear()
        self._helpers.join()

    def _is_over(self, at):
        return at in self._results or self._errors

    def _help(self):
        while self._begin_one():
            pass

    def _begin_one(self):
        """Do the next call that waits, if there is one; its error is kept like a result."""
        try:
            at, item = self._waiting.popleft()
        except IndexError:
            return False
        try:
            self._results[at] = self._task(item)
        except BaseException as error:  # noqa: BLE001  it is raised again by the caller's thread
            self._waiting.clear()
            self._errors[at] = error
        with self._change:
            self._change.notify_all()
        return True
