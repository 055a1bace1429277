"""What one flat listing of a repository tells: its tags, what each means, when it was pushed, what is attached to what.

A link's row has the MD5 of its content, which is a digest; and the digests of a
repository's manifests are in the names of other rows. So no link is read.
Listings lag: this is for people to look at, and nothing is removed by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from itertools import islice
from typing import NamedTuple

from docker_registry.core.types import Entry

from ..model import grammar, layout
from ..model.digest import Digest, DigestError
from ..storage.store import Store

__all__ = ["WEEKS", "Listing", "Summary", "Tag", "list_repository", "summarize"]

ROWS = 100_000  # looked at, of one repository
_FIRST = 10_000  # looked at for a summary: one request to Swift
WEEKS = 12
_WEEK = 7 * 24 * 3600.0  # s
# Tags under which clients keep what is attached to a digest: cosign's, and the spec's for registries without referrers.
_FALLBACK = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(\.[a-z]{2,8})?", re.ASCII)


class Tag(NamedTuple):
    """`digest` is None where the listing does not tell it; times are in seconds since the epoch."""

    name: str
    digest: Digest | None
    pushed: float | None
    expires: float | None = None


class Summary(NamedTuple):
    """One repository in a line; `is_whole` is False where there is more than was looked at."""

    tags: int
    pushed: float | None  # the newest
    weeks: tuple[int, ...]  # pushes of the last weeks that the tags still tell of, the oldest first
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository as it was listed."""

    tags: tuple[Tag, ...]
    fallback: tuple[Tag, ...]  # tags that only say what is attached to a digest
    revisions: dict[Digest, float | None]  # manifests, and when they were first linked here
    referrers: dict[Digest, tuple[Digest, ...]]  # what refers to a manifest
    weeks: tuple[int, ...]
    is_whole: bool

    @property
    def is_empty(self) -> bool:
        return not (self.tags or self.fallback or self.revisions)

    def summary(self) -> Summary:
        times = [tag.pushed for tag in self.tags if tag.pushed is not None]
        return Summary(len(self.tags), max(times, default=None), self.weeks, self.is_whole)


def list_repository(store: Store, name: str) -> Listing:
    """At most `ROWS` rows, and as many of its tags; one request to Swift for each 10,000."""
    rows = _Rows(name, store.clock())
    if not rows.take(store.driver.walk(layout.manifests(name)), ROWS):
        rows.forget_tags()
        rows.take(store.driver.walk(layout.tags(name)), ROWS)
    return rows.listing()


def summarize(store: Store, name: str) -> Summary:
    """What the first rows tell: one request to Swift."""
    rows = _Rows(name, store.clock())
    rows.take(store.driver.walk(layout.tags(name)), _FIRST)
    return rows.listing().summary()


class _Rows:
    """Sorts the rows of one repository."""

    def __init__(self, name: str, now: float):
        self._folder = layout.manifests(name) + "/"
        self._now = now
        self._current: dict[str, Entry] = {}
        self._revisions: dict[Digest, float | None] = {}
        self._referrers: dict[Digest, list[Digest]] = {}
        self._weeks = [0] * WEEKS
        self._is_whole = True

    def take(self, entries: Iterator[Entry], limit: int) -> bool:
        """Whether all fit into `limit`."""
        for entry in islice(entries, limit):
            self._sort(entry.path.removeprefix(self._folder).split("/"), entry)
            limit -= 1
        self._is_whole = limit > 0
        return self._is_whole

    def forget_tags(self) -> None:
        """They come once more, and now before the others' rows have used up the limit."""
        self._current.clear()
        self._weeks = [0] * WEEKS

    def _sort(self, parts: list[str], entry: Entry) -> None:
        match parts:
            case ["tags", tag, "current", "link"]:
                if entry.expires is None or entry.expires > self._now:
                    self._current[tag] = entry
            case ["tags", _, "index", _, _, "link"]:
                self._count(entry.modified)
            case ["revisions", algorithm, value, "link"]:
                digest = _digest(algorithm, value)
                if digest:
                    self._revisions[digest] = entry.modified
            case ["referrers", algorithm, value, other, hexes, _]:
                subject, digest = _digest(algorithm, value), _digest(other, hexes)
                if subject and digest:
                    self._referrers.setdefault(subject, []).append(digest)

    def _count(self, modified: float | None) -> None:
        weeks = int((self._now - modified) / _WEEK) if modified is not None else WEEKS
        if 0 <= weeks < WEEKS:
            self._weeks[WEEKS - 1 - weeks] += 1

    def listing(self) -> Listing:
        meanings = {md5(str(digest).encode(), usedforsecurity=False).hexdigest(): digest for digest in self._revisions}
        tags: list[Tag] = []
        fallback: list[Tag] = []
        for name, entry in self._current.items():
            if grammar.is_tag(name):
                tag = Tag(name, meanings.get(entry.md5 or ""), entry.modified, entry.expires)
                (fallback if _FALLBACK.fullmatch(name) else tags).append(tag)
        return Listing(
            tuple(tags),
            tuple(fallback),
            self._revisions,
            {subject: tuple(found) for subject, found in self._attached(fallback).items()},
            tuple(self._weeks),
            self._is_whole,
        )

    def _attached(self, fallback: list[Tag]) -> dict[Digest, list[Digest]]:
        """What refers to each manifest by the registry's own lists, and by cosign's tags."""
        found = {subject: list(digests) for subject, digests in self._referrers.items()}
        for tag in fallback:
            match = _FALLBACK.fullmatch(tag.name)
            subject = _digest(match[1], match[2]) if match and match[3] else None
            if subject and tag.digest and tag.digest not in found.get(subject, ()):
                found.setdefault(subject, []).append(tag.digest)
        return found


def _digest(algorithm: str, value: str) -> Digest | None:
    try:
        return Digest.parse(f"{algorithm}:{value}")
    except DigestError:
        return None
