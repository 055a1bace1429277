"""Bringing a tag back to a manifest that it meant: a push of what is in the storage already, by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import Code, RegistryError
from ..model.digest import Digest
from ..model.grammar import Tag
from ..model.manifest import Manifest, ManifestError, parse_manifest
from . import publishing
from .store import DamagedError, Store

__all__ = ["restore"]

_DEEPEST = 8  # indexes of indexes


def restore(
    store: Store, name: str, tag: Tag, digest: Digest, ends: Callable[[Manifest], Mapping[Tag, float]] = lambda _: {}
) -> None:
    """Point a tag at a manifest, which may have been deleted since, as long as its bytes and layers are there.

    The images of an index that were deleted with it come back too. `ends` says
    of a manifest when the tag vanishes, if it does (seconds since the epoch). Raises
    MANIFEST_UNKNOWN where the manifest is gone, else what a push of it would.
    """
    manifest = _bring_images(store, name, digest, _DEEPEST)
    publishing.publish(store, name, digest, manifest, [tag], ends(manifest))


def _bring_images(store: Store, name: str, digest: Digest, depth: int) -> Manifest:
    """Restore what an index lost; the manifest itself, which is not restored yet."""
    manifest = _read(store, digest)
    if manifest is None:
        raise RegistryError(Code.MANIFEST_UNKNOWN, f"{digest} cannot be brought back: its bytes are gone, or damaged")
    for reference in manifest.references:
        if reference.manifest and depth and _can_return(store, name, reference.digest):
            image = _bring_images(store, name, reference.digest, depth - 1)
            publishing.publish(store, name, reference.digest, image, [], {})
    return manifest


def _can_return(store: Store, name: str, digest: Digest) -> bool:
    """Whether a manifest left the repository, and its bytes are there still."""
    return store.revision(name, digest, fresh=True) is None and _read(store, digest) is not None


def _read(store: Store, digest: Digest) -> Manifest | None:
    """A manifest as a push of it would be understood, or, where that is refused today, as it is served."""
    try:
        stored = store.manifest(digest)
    except (DamagedError, ManifestError):
        return None
    try:
        return stored and parse_manifest(stored.body, stored.media_type)
    except ManifestError:
        return stored
