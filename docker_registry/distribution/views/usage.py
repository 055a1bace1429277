"""What holds the bytes: which repositories have which blobs, from listings alone.

A blob counts for each repository that has a link to it, whether a manifest
still needs it or not: that is what garbage collection has not taken yet. What
only one repository links is what deleting that one would free, once collected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from docker_registry.concurrency.workers import gather

from ..container import Container, Containers
from ..model import layout
from ..model.digest import Digest

__all__ = ["ROWS", "Usage", "Used", "measure"]

ROWS = 100_000  # looked at in each container; one request to Swift for each 10,000
_NAMED = 20  # repositories that are remembered of one blob
_TAGS = "/_manifests/tags/"
_NOTHING = {Digest.of(b"", algorithm).hex for algorithm in ("sha256", "sha512")}


class Used(NamedTuple):
    """One repository: bytes of its blobs, of those that no other one has, and how many they are."""

    name: str
    size: int
    alone: int
    blobs: int
    tags: int
    pushed: float | None  # the newest tag, in seconds since the epoch


@dataclass(frozen=True, slots=True)
class Usage:
    """`stored` is in bytes, of all blobs; `unused` of those that no repository links."""

    repositories: tuple[Used, ...]  # the largest first
    stored: int
    blobs: int
    unused: int
    shared: int  # bytes of what several repositories have
    unsized: int  # blobs whose size a listing does not tell: Distribution's large ones
    owners: dict[str, tuple[str, ...]]  # hexadecimal digest of a shared blob -> some of the repositories that have it
    is_whole: bool


class _Counted(NamedTuple):
    sizes: dict[str, int]
    links: dict[str, list[str]]  # hexadecimal digest -> repositories
    tags: dict[str, list[float]]  # repository -> when each of its tags was set
    is_whole: bool


def measure(containers: Containers) -> Usage:
    """Blobs of different containers are different ones."""
    counted = gather([partial(_count, container) for container in containers])
    return _usage(counted)


def _count(container: Container) -> _Counted:
    sizes: dict[str, int] = {}
    links: dict[str, list[str]] = {}
    tags: dict[str, list[float]] = {}
    now = container.store.clock()
    seen = 0
    for entry in islice(container.driver.walk(layout.BLOBS), ROWS):
        seen += 1
        parts = entry.path.rsplit("/", 2)
        if parts[-1] == "data":
            sizes[parts[-2]] = entry.size
    left = ROWS - seen
    for entry in islice(container.driver.walk(layout.REPOSITORIES), left):
        left -= 1
        name, kind, rest = _parts(entry.path)
        if kind == _TAGS:
            if entry.expires is None or entry.expires > now:
                tags.setdefault(name, []).append(entry.modified or 0.0)
        elif kind:
            owners = links.setdefault(rest, [])
            if not owners or owners[-1] != name:
                owners.append(name)
    return _Counted(sizes, links, tags, left > 0)


def _parts(path: str) -> tuple[str, str, str]:
    """Repository, kind of link and hexadecimal digest of a path of a link, a tag's name for it; else empty."""
    inner = path[len(layout.REPOSITORIES) + 1 :]
    if inner.endswith("/current/link"):
        name, found, rest = inner.removesuffix("/current/link").partition(_TAGS)
        return (name, found, rest) if found else ("", "", "")
    for folder in ("/_layers/", "/_manifests/revisions/"):
        name, found, rest = inner.partition(folder)
        pieces = rest.split("/")
        if found and len(pieces) == 3 and pieces[2] == "link":
            return name, folder, pieces[1]
    return "", "", ""


def _usage(counted: Iterable[_Counted]) -> Usage:
    totals: dict[str, list[int]] = {}
    tags: dict[str, list[float]] = {}
    owners: dict[str, tuple[str, ...]] = {}
    stored = blobs = unused = shared = unsized = 0
    is_whole = True
    for each in counted:
        is_whole = is_whole and each.is_whole
        tags.update(each.tags)
        for digest, size in each.sizes.items():
            names = each.links.get(digest, [])
            stored, blobs = stored + size, blobs + 1
            unused += 0 if names else size
            unsized += not size and digest not in _NOTHING
            if len(names) > 1:
                shared += size
                owners[digest] = tuple(names[:_NAMED])
            for name in names:
                total = totals.setdefault(name, [0, 0, 0])
                total[0] += size
                total[1] += size if len(names) == 1 else 0
                total[2] += 1
    found = (_used(name, totals.get(name, [0, 0, 0]), tags.get(name, [])) for name in {**totals, **tags})
    used = sorted(found, key=lambda each: (-each.alone, each.name))
    return Usage(tuple(used), stored, blobs, unused, shared, unsized, owners, is_whole)


def _used(name: str, total: list[int], pushed: list[float]) -> Used:
    size, alone, blobs = total
    return Used(name, size, alone, blobs, len(pushed), max(pushed, default=0.0) or None)
