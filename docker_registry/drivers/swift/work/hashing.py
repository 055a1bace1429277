"""MD5 beside the I/O, in native threads: hashing never lets go of the thread it runs in, greenlet or not."""

from __future__ import unicode_literals

import threading

from ..compat import md5
from .greenlets import is_patched

__all__ = ["Md5", "NoChecksum"]

_HASHERS = 2
_HASHED_AT_ONCE = 1 << 20  # bytes; handing over fewer costs more than hashing them
_HASHED_INLINE = 256 << 10

_hashers = None


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


def _start_native(task, *args):
    """Run a task in a native thread; returns a function that waits for its end."""
    if is_patched():
        return _green_hashers().spawn(task, *args).get
    thread = threading.Thread(target=task, args=args)
    thread.daemon = True
    thread.start()
    return thread.join


def _green_hashers():
    global _hashers
    if _hashers is None:
        from gevent.threadpool import ThreadPool

        _hashers = ThreadPool(_HASHERS)
    return _hashers
