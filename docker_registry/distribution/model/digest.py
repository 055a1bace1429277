"""A content digest, parsed once into a value that cannot be wrong.

The grammar is the OCI image spec's (descriptor.md, "Digests"); the algorithms
are its registered ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Digest", "DigestError", "Hash", "UnsupportedAlgorithmError", "new_hash"]

_FORM = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)
_HEX = {"sha256": re.compile("[a-f0-9]{64}"), "sha512": re.compile("[a-f0-9]{128}")}


class Hash(Protocol):
    """A hash object of hashlib, as far as it is used here."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


_ALGORITHMS: dict[str, Callable[[], Hash]] = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}

_OF_NOTHING = {algorithm: make().hexdigest() for algorithm, make in _ALGORITHMS.items()}


class DigestError(ValueError):
    """Text that is no digest; what a client must be told with DIGEST_INVALID."""


class UnsupportedAlgorithmError(DigestError):
    """The name of an algorithm that this registry does not compute."""


def new_hash(algorithm: str) -> Hash:
    """A fresh hash object; raises UnsupportedAlgorithmError."""
    if algorithm not in _ALGORITHMS:
        raise UnsupportedAlgorithmError(_unsupported(algorithm))
    return _ALGORITHMS[algorithm]()


def _unsupported(algorithm: str) -> str:
    return f"the digest algorithm {algorithm[:40]!r} is not supported, use {' or '.join(_ALGORITHMS)}"


@dataclass(frozen=True, slots=True)
class Digest:
    """`<algorithm>:<hex>`, made by `parse` or `of_hash` and so always well-formed.

    >>> digest = Digest.of(b"")
    >>> str(digest)[:23], digest.algorithm, len(digest.hex)
    ('sha256:e3b0c44298fc1c14', 'sha256', 64)
    >>> Digest.parse(str(digest)) == digest
    True
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Raises DigestError, or UnsupportedAlgorithmError for a well-formed digest of another algorithm."""
        if not _FORM.fullmatch(text):
            raise DigestError(f"{text[:160]!r} is not a digest, write <algorithm>:<hex>")
        algorithm, _, encoded = text.partition(":")
        if algorithm not in _HEX:
            raise UnsupportedAlgorithmError(_unsupported(algorithm))
        if not _HEX[algorithm].fullmatch(encoded):
            raise DigestError(f"{text[:160]!r} is not {algorithm}: and its lower-case hexadecimal digits")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """The digest of bytes at hand."""
        hasher = new_hash(algorithm)
        hasher.update(data)
        return cls.of_hash(algorithm, hasher)

    @classmethod
    def of_hash(cls, algorithm: str, hasher: Hash) -> Digest:
        """The digest that a hash object of `algorithm` has reached."""
        return cls(algorithm, hasher.hexdigest())

    @property
    def is_of_nothing(self) -> bool:
        """Whether this is the digest of zero bytes."""
        return self.hex == _OF_NOTHING[self.algorithm]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
