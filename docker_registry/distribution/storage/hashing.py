"""Digests of what passes through, computed beside the I/O that moves it."""

from __future__ import annotations

from docker_registry.concurrency.hashing import BackgroundHash
from docker_registry.core.types import Readable

from ..model.digest import Digest, Hash, new_hash
from . import resumable_sha256

__all__ = ["Hasher", "HashingReader"]


class Hasher:
    """A running digest of one stream. Belongs to one thread or greenlet."""

    def __init__(self, algorithm: str, hash: Hash | None = None):
        self.algorithm = algorithm
        self.size = 0  # bytes fed so far
        self._hash = BackgroundHash(hash or new_hash(algorithm))

    @classmethod
    def resumable(cls, algorithm: str, state: bytes = b"") -> Hasher | None:
        """One that has an `export`, and goes on from the `state` of another's; None where there is no such thing."""
        if algorithm != "sha256" or not resumable_sha256.is_available():
            return None
        return cls(algorithm, resumable_sha256.ResumableSha256(state))

    def feed(self, data: bytes) -> None:
        """Append `data` to what is hashed."""
        self.size += len(data)
        self._hash.update(data)

    def digest(self) -> Digest:
        """The digest of all that was fed; waits until it is hashed."""
        return Digest.of_hash(self.algorithm, self._hash.finish())

    def export(self) -> bytes:
        """How far a resumable one has come; waits until it is there."""
        return self._hash.finish().export()  # type: ignore[no-any-return]


class HashingReader:
    """A file-like object that hashes what is read from another."""

    def __init__(self, fp: Readable, hasher: Hasher):
        self._fp = fp
        self._hasher = hasher

    def read(self, size: int, /) -> bytes:
        data = self._fp.read(size)
        self._hasher.feed(data)
        return data
