"""Work side by side, and the memory it may take.

Everything here waits on primitives of the standard library's `threading`: in
a process that gevent has patched these are greenlets, in any other threads.
Hashing is the exception, since it never lets go of its thread: it runs in
native threads in both.
"""

from __future__ import unicode_literals

import sys
import threading
import time
from contextlib import contextmanager

from .compat import md5

__all__ = ["Budget", "Crew", "Md5", "NoChecksum", "breathe", "each", "shared_budget"]

STEP = 1 << 20  # bytes by which a lease grows
LEAST = 4 << 20  # bytes of a portion; smaller ones cost Swift more than waiting does
_HASHERS = 2
_HASHED_AT_ONCE = 1 << 20  # bytes; handing over fewer costs more than hashing them
_HASHED_INLINE = 256 << 10

_lock = threading.Lock()
_budgets = {}  # type: dict[int, Budget]
_hashers = None


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


class Crew(object):
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
        thread = threading.Thread(target=self._run, args=(task, args))
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

    def _run(self, task, args):
        error = None
        try:
            task(*args)
        except BaseException as caught:  # noqa: BLE001  it is raised again where the crew is waited for
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

    crew = Crew(limit)
    for _ in range(min(limit, len(items))):
        crew.submit(work)
    crew.join()
    return results


class Md5(object):
    """An MD5 that is computed in native threads beside its caller."""

    def __init__(self):
        self._md5 = md5()
        self._waiting = []
        self._size = 0
        self._running = None

    def update(self, block):
        self._waiting.append(block)
        self._size += len(block)
        if self._size >= _HASHED_AT_ONCE:
            self._flush()

    def hexdigest(self):
        if self._size >= _HASHED_INLINE:
            self._flush()
        self._settle()
        self._hash(self._waiting)
        self._waiting, self._size = [], 0
        return self._md5.hexdigest()

    def _flush(self):
        self._settle()
        self._running = _start_native(self._hash, self._waiting)
        self._waiting, self._size = [], 0

    def _settle(self):
        running, self._running = self._running, None
        if running is not None:
            running()

    def _hash(self, blocks):
        for block in blocks:
            self._md5.update(block)


class NoChecksum(object):
    """What stands in for an Md5 where none is wanted."""

    def update(self, block):
        pass

    def hexdigest(self):
        return None


def breathe():
    """Let other greenlets of this thread do what I/O is possible now; threads need no such favour."""
    if _patched():
        import gevent

        # sleep(0) comes back before the loop has looked at a socket. At the highest priority, idle comes back after
        # one look, however much is going on.
        gevent.idle(2)


def _start_native(task, *args):
    """Run a task in a native thread; returns a function that waits for its end."""
    if _patched():
        return _green_hashers().spawn(task, *args).get
    thread = threading.Thread(target=task, args=args)
    thread.daemon = True
    thread.start()
    return thread.join


def _patched():
    """Whether gevent has made greenlets of this process's threads."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and monkey.is_module_patched("threading")


def _green_hashers():
    global _hashers
    if _hashers is None:
        from gevent.threadpool import ThreadPool

        _hashers = ThreadPool(_HASHERS)
    return _hashers
