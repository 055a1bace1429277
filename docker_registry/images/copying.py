"""Copying images between places: what they name first, then they themselves, as a push does it.

What the target has already is left alone, so a copy that was interrupted goes
on where it ended. All bytes are checked against their digests by the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model.digest import Digest

from .places import Place, Repository, Stored

__all__ = ["copy"]

_DEPTH = 8  # of indexes in indexes
_AT_ONCE = 4  # blobs

Advance = Callable[[], None]


def copy(source: Place, target: Place, reference: str, tags: list[str], advance: Advance = lambda: None) -> Digest:
    """Copy the image under a tag or digest, with all that it consists of, and set `tags` in the target; its digest.

    `advance` is called for each blob. Raises UsageError.
    """
    top = source.manifest(reference)
    images = list(_images(source, top, _DEPTH))
    blobs = dict.fromkeys(named.digest for image in images for named in image.manifest.references if not named.manifest)
    for _ in each(partial(_copy_blob, source, target, advance), blobs, _AT_ONCE):
        pass
    for image in images[:-1]:
        target.put_manifest(image, [])
    target.put_manifest(top, tags)
    return top.digest


def _images(source: Place, stored: Stored, depth: int) -> Iterator[Stored]:
    """All manifests, each behind those that it names."""
    if not depth:
        raise UsageError(f"{stored.digest} is an index of indexes, too deep to be copied")
    for named in stored.manifest.references:
        if named.manifest:
            yield from _images(source, source.manifest(str(named.digest)), depth - 1)
    yield stored


def _copy_blob(source: Place, target: Place, advance: Advance, digest: Digest) -> None:
    if not (_is_mounted(source, target, digest) or target.has_blob(digest)):
        with source.blob(digest) as (body, size):
            target.put_blob(digest, body, size)
    advance()


def _is_mounted(source: Place, target: Place, digest: Digest) -> bool:
    if isinstance(source, Repository) and isinstance(target, Repository) and source.registry is target.registry:
        return target.mount(digest, source)
    return False
