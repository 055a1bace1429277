"""What images hold, and what deleting one would free once garbage is collected: what nothing else needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from docker_registry.concurrency.workers import gather
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.model.manifest import Manifest, ManifestError, load, named_in
from docker_registry.distribution.storage.store import DamagedError
from docker_registry.distribution.views.listing import Tag
from docker_registry.distribution.views.usage import Usage

from .inside import Inside

__all__ = ["Weighed", "Weight", "shares", "weigh"]

_DEPTH = 8  # of indexes in indexes

Blobs = dict[str, int]  # hexadecimal digest -> bytes, manifests among them


class Weight(NamedTuple):
    """One manifest with all tags that mean it: bytes of what it consists of, and of what only it needs."""

    tags: tuple[str, ...]
    digest: Digest
    size: int
    frees: int


class Weighed(NamedTuple):
    """A repository: its tagged images, and about how many bytes it has that none of them needs."""

    images: list[Weight]
    rest: int  # what is attached to them, manifests without a tag, and what gc has not taken yet


def weigh(registry: Inside, name: str, usage: Usage) -> Weighed:
    """Every tagged image of a repository, the one that frees most first: a request for each manifest.

    Manifests without a tag do not count as needing something: gc can be told to take them.
    """
    listing = registry.looker.listing(name)
    if listing.is_empty:
        raise UsageError(f"there is no repository {name}")
    named = (*listing.tags, *listing.fallback)
    tags: dict[Digest, list[str]] = {}
    for tag, digest in zip(named, gather([partial(_meaning, registry, name, tag) for tag in named]), strict=True):
        if digest is not None:
            tags.setdefault(digest, []).append(tag.name)
    blobs = gather([partial(_blobs, registry, name, digest, _DEPTH) for digest in tags])
    weights = shares(dict(zip(tags, blobs, strict=True)), usage.owners)
    images = [Weight(tuple(tags[digest]), digest, size, frees) for digest, size, frees in weights]
    held = sum(used.size for used in usage.repositories if used.name == name)
    needed = {blob: size for each in blobs for blob, size in each.items()}
    return Weighed(images, max(held - sum(needed.values()), 0))


def shares(images: Mapping[Digest, Blobs], elsewhere: Iterable[str]) -> list[tuple[Digest, int, int]]:
    """Each image with its bytes and with those that no other one and nobody elsewhere needs; pure.

    >>> one, two = Digest.of(b"1"), Digest.of(b"2")
    >>> [row[1:] for row in shares({one: {"a": 5, "b": 7}, two: {"b": 7, "c": 1}}, ["c"])]
    [(12, 5), (8, 0)]
    """
    known = set(elsewhere)
    users = Counter(blob for blobs in images.values() for blob in blobs)
    rows = [
        (
            digest,
            sum(blobs.values()),
            sum(size for blob, size in blobs.items() if users[blob] == 1 and blob not in known),
        )
        for digest, blobs in images.items()
    ]
    return sorted(rows, key=lambda row: (-row[2], -row[1], str(row[0])))


def _meaning(registry: Inside, name: str, tag: Tag) -> Digest | None:
    """A request only where the listing does not tell."""
    try:
        return tag.digest or registry.store(name).tag(name, tag.name)
    except DamagedError:
        return None


def _blobs(registry: Inside, name: str, digest: Digest, depth: int) -> Blobs:
    """What a manifest consists of, as far as it can be read, and that of its parts."""
    try:
        manifest = registry.store(name).manifest(digest) if depth else None
    except (DamagedError, ManifestError):
        manifest = None
    if manifest is None:
        return {}
    found = {digest.hex: len(manifest.body)}
    for reference in manifest.references:
        if reference.manifest:
            found |= _blobs(registry, name, reference.digest, depth - 1)
    return found | _named(manifest)


def _named(manifest: Manifest) -> Blobs:
    found = {}
    for thing in named_in(load(manifest.body)):
        try:
            size = thing.descriptor["size"]
            if not thing.is_manifest and isinstance(size, int) and 0 <= size < 1 << 63:
                found[thing.digest.hex] = int(size)
        except (DigestError, KeyError, TypeError):
            continue
    return found
