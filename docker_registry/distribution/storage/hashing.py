"""Hash what passes through, beside the I/O that moves it.

hashlib lets go of the interpreter lock, so a native thread can hash one block
while the process's greenlets receive and send others. That only pays for
blocks well above the cost of a switch, and it must stay bounded: per stream
there is one block being hashed and less than `_BACKLOG` bytes waiting.

A process that gevent has not patched hashes inline. A patched one must not
use the standard library's executor: waiting for it would stop the loop.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from docker_registry.core.types import Readable

from ..model.digest import Digest, Hash, new_hash
from . import resumable_sha256

__all__ = ["Hasher", "HashingReader"]

_BLOCK = 256 * 1024  # bytes; less is not worth a thread switch
_BACKLOG = 1024 * 1024  # bytes that may wait while a block is being hashed


class Hasher:
    """A running digest of one stream. Belongs to one thread or greenlet."""

    def __init__(self, algorithm: str, hash: Hash | None = None):
        self.algorithm = algorithm
        self.size = 0  # bytes fed so far
        self._hash = hash or new_hash(algorithm)
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._job: Any = None  # the block being hashed, a gevent AsyncResult
        self._spawn = _background()

    @classmethod
    def resumable(cls, algorithm: str, state: bytes = b"") -> Hasher | None:
        """One that has an `export`, and goes on from the `state` of another's; None where there is no such thing."""
        if algorithm != "sha256" or not resumable_sha256.is_available():
            return None
        return cls(algorithm, resumable_sha256.ResumableSha256(state))

    def feed(self, data: bytes) -> None:
        """Append `data` to what is hashed."""
        self.size += len(data)
        if self._spawn is None:
            self._hash.update(data)
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size >= _BLOCK and (self._is_idle() or self._waiting_size >= _BACKLOG):
            self._hash_waiting(self._spawn)

    def digest(self) -> Digest:
        """The digest of all that was fed; waits until it is hashed."""
        self._finish()
        return Digest.of_hash(self.algorithm, self._hash)

    def export(self) -> bytes:
        """How far a resumable one has come; waits until it is there."""
        self._finish()
        return self._hash.export()  # type: ignore[attr-defined, no-any-return]

    def _is_idle(self) -> bool:
        return self._job is None or self._job.ready()

    def _hash_waiting(self, spawn: Callable[..., Any]) -> None:
        block = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting, self._waiting_size = [], 0
        self._settle()
        self._job = spawn(self._hash.update, block)

    def _finish(self) -> None:
        self._settle()
        for data in self._waiting:
            self._hash.update(data)
        self._waiting, self._waiting_size = [], 0

    def _settle(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.get()


class HashingReader:
    """A file-like object that hashes what is read from another."""

    def __init__(self, fp: Readable, hasher: Hasher):
        self._fp = fp
        self._hasher = hasher

    def read(self, size: int, /) -> bytes:
        data = self._fp.read(size)
        self._hasher.feed(data)
        return data


def _background() -> Callable[..., Any] | None:
    """How to start a job in a native thread, or None where a plain call is right."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    return _pool(os.getpid()).spawn  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=1)
def _pool(pid: int) -> Any:
    """The process's threads for hashing, apart from gevent's own that resolve names; a fork needs new ones."""
    from gevent.threadpool import ThreadPool

    return ThreadPool(os.cpu_count() or 1)
