"""What tags meant before: what a move or a delete can be undone by.

A tag's index links say what it meant until it was moved. They go with the tag,
so what it meant when it was deleted is noted beside the tags, for a while,
under a name that Distribution passes over. The index link of a push that
expires ends with the tag: what a tag meant when it expired is not remembered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from enum import Enum
from hashlib import md5
from itertools import groupby
from typing import NamedTuple

from docker_registry.core.quota import QuotaError
from docker_registry.core.types import Entry

from ..model import layout
from ..model.digest import Digest
from .store import DamagedError, Store

__all__ = ["KEPT", "How", "Meaning", "link_md5", "meanings", "note_deleted"]

logger = logging.getLogger(__name__)

KEPT = 30 * 24 * 3600.0  # s for which a deleted tag is remembered


class How(str, Enum):
    """What became of it."""

    CURRENT = "current"
    MOVED = "moved"  # the tag was pushed to another manifest since, and may have expired as that
    DELETED = "deleted"


class Meaning(NamedTuple):
    """What a tag means or meant, by a listing."""

    tag: str
    digest: Digest | None  # None where it is current, and damaged
    how: How
    when: float | None  # seconds since the epoch: when it was pushed to it last, or deleted
    expires: float | None = None  # the same; of what is current


def note_deleted(store: Store, name: str, tag: str, digest: Digest) -> None:
    """Remember what a tag means that is about to be deleted, where the storage forgets it in time."""
    if not store.driver.supports_expiry:
        return
    path = layout.deleted_tag(name, tag, digest)
    try:
        store.driver.overwrite_until(path, str(digest).encode(), store.clock() + KEPT)
    except QuotaError as error:  # who deletes may do so to get room
        logger.warning("that %s:%s was %s is not remembered: %s", name, tag, digest, error)


def link_md5(digest: Digest) -> str:
    """How a listing tells what a link holds, in hex."""
    return md5(str(digest).encode(), usedforsecurity=False).hexdigest()


def meanings(store: Store, name: str) -> Iterator[Meaning]:
    """What the tags of a repository mean, then what they meant: first by moves, then by deletes; 2 listings."""
    folder, past = layout.tags(name), []
    for tag, entries in _by_tag(store, folder):
        current, moved = _split(store, name, tag, entries)
        yield from current
        past += moved
    yield from past
    folder = layout.deleted_tags(name)
    for tag, entries in _by_tag(store, folder):
        for digest, path in layout.under(f"{folder}/{tag}", iter(entries)):
            yield Meaning(tag, digest, How.DELETED, entries[path].modified)


def _by_tag(store: Store, folder: str) -> Iterator[tuple[str, dict[str, Entry]]]:
    """The files of each tag by their paths, without those whose time has come."""
    now = store.clock()
    rows: Iterable[Entry] = (
        entry for entry in store.driver.walk(folder) if entry.expires is None or entry.expires > now
    )
    for tag, group in groupby(rows, key=lambda entry: entry.path[len(folder) + 1 :].partition("/")[0]):
        yield tag, {entry.path: entry for entry in group}


def _split(store: Store, name: str, tag: str, entries: dict[str, Entry]) -> tuple[list[Meaning], list[Meaning]]:
    """What a tag means, if anything, and what it meant."""
    current = entries.pop(layout.tag_current(name, tag), None)
    meant = {digest: entries[path] for digest, path in layout.under(layout.tag_index(name, tag), iter(entries))}
    meaning = None
    if current is not None:
        by_md5 = {link_md5(digest): digest for digest in meant}
        meaning = by_md5.get(current.md5 or "") or _ask(store, name, tag)
    past = [Meaning(tag, digest, How.MOVED, entry.modified) for digest, entry in meant.items() if digest != meaning]
    if current is None:
        return [], past
    return [Meaning(tag, meaning, How.CURRENT, current.modified, current.expires)], past


def _ask(store: Store, name: str, tag: str) -> Digest | None:
    try:
        return store.tag(name, tag)
    except DamagedError as error:
        logger.warning("what %s:%s means cannot be told: %s", name, tag, error)
        return None
