"""Check a blob against its digest while it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docker_registry.core.exceptions import BrokenError
from docker_registry.core.types import Reader

from ..model import layout
from ..model.digest import Digest
from .hashing import Hasher

__all__ = ["verified"]


def verified(reader: Reader, digest: Digest) -> Reader:
    """The same bytes; but the last chunk comes only when all of them have the digest.

    Raises BrokenError instead of it, so that the answer breaks off and no client takes it for whole.
    """
    return Reader(reader.size, reader.length, _checked(reader, digest), reader.close)


def _checked(chunks: Iterable[bytes], digest: Digest) -> Iterator[bytes]:
    hasher = Hasher(digest.algorithm)
    held = b""
    for chunk in chunks:
        hasher.feed(chunk)
        if held:
            yield held
        held = chunk
    if hasher.digest() != digest:
        raise BrokenError(f"{layout.blob_data(digest)} was read with other bytes than its digest says; see fsck --deep")
    if held:
        yield held
