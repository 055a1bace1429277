"""Hash what passes through, beside the I/O that moves it.

hashlib lets go of the interpreter lock, so a native thread can hash one block
while others are received and sent; it never lets go of a greenlet's thread.
That only pays for blocks well above the cost of a switch, and it must stay
bounded: per stream there is one block being hashed and less than `BACKLOG`
bytes waiting, per process there are two threads or one for each processor.
"""

from __future__ import unicode_literals

import os

from .native import NativeThreads

MYPY = False
if MYPY:  # Python 2 has no `typing`
    from typing import Any  # noqa: F401

__all__ = ["BackgroundHash"]

BLOCK = 256 << 10  # bytes; fewer are not worth a switch of threads
BACKLOG = 1 << 20  # bytes that may wait while a block is being hashed

# One stream may be hashed twice: by its digest for the registry, by its MD5 for Swift.
_THREADS = NativeThreads(max(2, os.sysconf(str("SC_NPROCESSORS_ONLN"))))


class BackgroundHash(object):
    """One of hashlib's hashes, or what looks like one, computed beside its caller: a thread, or a greenlet."""

    def __init__(self, hash):
        # type: (Any) -> None
        self._hash = hash
        self._waiting = []  # type: list[bytes]
        self._size = 0  # bytes that wait
        self._wait = None  # waits for the block that is being hashed
        self._is_idle = True

    def update(self, data):
        # type: (bytes) -> None
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= BLOCK and (self._is_idle or self._size >= BACKLOG):
            self._hand_over()

    def hexdigest(self):
        # type: () -> str
        """That of all bytes so far; waits until they are hashed."""
        digest = self.finish().hexdigest()  # type: str
        return digest

    def finish(self):
        # type: () -> Any
        """The hash itself, once all bytes so far are in it."""
        if self._size >= BLOCK:
            self._hand_over()
        self._settle()
        for data in self._waiting:
            self._hash.update(data)
        self._waiting, self._size = [], 0
        return self._hash

    def _hand_over(self):
        self._settle()
        block = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._is_idle = False
        self._wait = _THREADS.start(self._update, block)
        self._waiting, self._size = [], 0

    def _update(self, block):
        self._hash.update(block)
        self._is_idle = True

    def _settle(self):
        if self._wait is not None:
            self._wait()
            self._wait = None
