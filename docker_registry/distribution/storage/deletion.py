"""Taking tags and manifests out of a repository. The bytes stay: they are garbage collection's.

A manifest is there as long as its revision's link is, and a tag no longer than
its manifest: that is how both are read. So the link decides alone, and it goes
last. What goes before it (tags, found by a listing, which may lack some; the
entry with the subject) is tidying: a tag that the listing hid is dead with the
link, and goes when the manifest is deleted once more. A crash in between is
mended by deleting again. See `publishing` for what a push does meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from docker_registry.concurrency.workers import gather
from docker_registry.core.exceptions import FileNotFoundError

from ..model import layout
from ..model.digest import Digest
from ..model.manifest import Manifest, ManifestError
from .history import link_md5, note_deleted
from .store import DamagedError, Store
from .tags import ListedTag, listed_tags

__all__ = ["delete_manifest", "delete_tag", "retire_tag", "tags"]

logger = logging.getLogger(__name__)

_SAME = 0.01  # s: by how much listing and HEAD may differ over when an object was written


class _Tag(NamedTuple):
    name: str
    history: list[str]  # the paths of its index links


def delete_tag(store: Store, name: str, tag: str) -> bool:
    """Remove a tag and its history; whether it was there. What it points to stays."""
    current = layout.tag_current(name, tag)
    there, meaning = _read(store, current)  # a removal that is repeated, its answer lost, would find nothing
    if meaning is not None:
        note_deleted(store, name, tag, meaning)
    _remove_all(store, [entry.path for entry in store.driver.walk(layout.tag_index(name, tag))])
    if there:
        store.remove_link(current)
    return there


def retire_tag(store: Store, name: str, tag: ListedTag) -> bool:
    """Remove a tag and its history, unless it was pushed since it was listed; whether it was removed.

    The last look comes straight before the removal, which is one request that
    is not sent again: only a push between these two is undone (its image is
    there by digest), and no late repetition hits a later push. Raises
    ConnectionError where nobody knows whether the tag still goes.
    """
    current = layout.tag_current(name, tag.name)
    history = [entry.path for entry in store.driver.walk(layout.tag_index(name, tag.name))]
    _, meaning = _read(store, current)
    if meaning is None or tag.md5 not in (None, link_md5(meaning)):
        return False
    note_deleted(store, name, tag.name, meaning)
    try:
        pushed = store.driver.stat(current, newest=True).modified
        if pushed is None or tag.pushed is None or abs(pushed - tag.pushed) > _SAME:
            return False
        store.driver.remove_once(current)
    except FileNotFoundError:
        return False
    _remove_all(store, history)
    return True


def _read(store: Store, path: str) -> tuple[bool, Digest | None]:
    """Whether a link is there, and what it holds; None where that is damaged."""
    try:
        digest = store.read_link(path)
    except DamagedError:
        return True, None
    return digest is not None, digest


def delete_manifest(store: Store, name: str, digest: Digest) -> list[str] | None:
    """Remove a manifest, every tag that points to it and its entry with its subject.

    The tags that went along; None where none of it was there.

    What refers to it stays, and is listed still.
    """
    revision, layer = layout.revision_link(name, digest), layout.layer_link(name, digest)
    manifest = _manifest(store, digest)
    links = [path for path in ([layer, revision] if manifest else [revision]) if store.has_link(path)]
    # Distribution 2.1 linked manifests as layers; but what is served as a blob only is no business of this call.
    if layer in links and not store.is_sound(digest):
        links.remove(layer)
    untagged = _untag(store, name, digest)
    if not links and not untagged:
        return None
    if manifest and manifest.subject:
        _remove_all(store, [layout.referrer(name, manifest.subject, digest)])
    if layer in links:
        store.remove_link(layer)
    # Even if it was gone: a push may have come between, and must not keep its link without the tag just removed.
    store.remove_link(revision)
    return untagged


def tags(store: Store, name: str) -> Iterator[str]:
    """The tags of a repository, as far as a listing shows them."""
    yield from (tag.name for tag in listed_tags(store, layout.tags(name)))


def _manifest(store: Store, digest: Digest) -> Manifest | None:
    try:
        return store.manifest(digest)
    except (DamagedError, ManifestError):
        return None


def _untag(store: Store, name: str, digest: Digest) -> list[str]:
    """Remove the tags that mean `digest`, and what the others' history says of it; which tags meant it."""
    tags = list(_tags_that_may_mean(store, name, digest))
    meant = gather([partial(_untag_one, store, name, digest, tag) for tag in tags])
    return [tag.name for tag, was_one in zip(tags, meant, strict=True) if was_one]


def _untag_one(store: Store, name: str, digest: Digest, tag: _Tag) -> bool:
    """One tag, removed straight after it was read: a push may move it in between, and nothing in Swift compares."""
    current = layout.tag_current(name, tag.name)
    try:
        meaning = store.read_link(current)
    except DamagedError as error:
        logger.warning("whether the tag means %s cannot be told: %s", digest, error)
        return False
    if meaning not in (None, digest):
        _remove_all(store, [layout.tag_index_link(name, tag.name, digest)])
        return False
    if meaning is not None:
        store.remove_link(current)
        note_deleted(store, name, tag.name, digest)  # not before: nothing may come between the look and the removal
    _remove_all(store, tag.history)
    return meaning is not None


def _tags_that_may_mean(store: Store, name: str, digest: Digest) -> Iterator[_Tag]:
    """From one flat listing: tags that it says mean `digest`, or once meant it, and those that have no history."""
    folder = layout.tags(name) + "/"
    content = link_md5(digest)
    rows = (
        (entry.path.removeprefix(folder).partition("/")[0], entry) for entry in store.driver.walk(layout.tags(name))
    )
    for tag, group in groupby(rows, key=itemgetter(0)):
        entries = {entry.path: entry.md5 for _, entry in group}
        current = entries.pop(layout.tag_current(name, tag), None)
        history = [path for path in entries if path.startswith(layout.tag_index(name, tag) + "/")]
        if current == content or not history or layout.tag_index_link(name, tag, digest) in history:
            yield _Tag(tag, history)


def _remove_all(store: Store, paths: list[str]) -> None:
    """Small files, side by side; one that is not there counts as removed."""
    gather([partial(_remove_one, store, path) for path in paths])


def _remove_one(store: Store, path: str) -> None:
    try:
        store.driver.remove_small(path)
    except FileNotFoundError:
        pass
