"""Tasks side by side, a bounded number at a time.

They wait on primitives of the standard library's `threading`: greenlets in a
process that gevent has patched, threads in any other.
"""

from __future__ import unicode_literals

import threading

from . import deadline

__all__ = ["WorkerPool", "each"]


class WorkerPool(object):
    """Runs tasks side by side, at most `limit` at a time. It belongs to one thread.

    After a task has failed, every method that waits raises its error.
    """

    def __init__(self, limit):
        self._limit = limit
        self._running = 0
        self._error = None
        self._change = threading.Condition()

    @property
    def busy(self):
        return self._running > 0

    def submit(self, task, *args):
        """Start a task, waiting for a free place."""
        self._wait(self._limit - 1)
        with self._change:
            self._running += 1
        thread = threading.Thread(target=self._run, args=(task, args, deadline.current()))
        thread.daemon = True
        try:
            thread.start()
        except BaseException:
            self._end(None)
            raise

    def wait_one(self):
        """Wait until one of the running tasks has ended."""
        self._wait(max(0, self._running - 1))

    def join(self):
        """Wait until no task is running."""
        self._wait(0)

    def _wait(self, running):
        with self._change:
            while self._running > running:
                self._change.wait()
            if self._error is not None:
                raise self._error

    def _run(self, task, args, limit):
        error = None
        try:
            with deadline.until(limit):
                task(*args)
        except BaseException as caught:  # noqa: BLE001  it is raised again where the pool is waited for
            error = caught
        self._end(error)

    def _end(self, error):
        with self._change:
            self._running -= 1
            if error is not None and self._error is None:
                self._error = error
            self._change.notify_all()


def each(task, items, limit):
    """`[task(item) for item in items]`, up to `limit` at a time; raises the first error, after all are done."""
    items = list(items)
    if len(items) == 1:
        return [task(items[0])]
    results = [None] * len(items)
    todo = iter(enumerate(items))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                at, item = next(todo, (None, None))
            if at is None:
                return
            results[at] = task(item)

    pool = WorkerPool(limit)
    for _ in range(min(limit, len(items))):
        pool.submit(work)
    pool.join()
    return results
