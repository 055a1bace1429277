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
from hashlib import md5
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from docker_registry.concurrency.workers import gather

from ..model import layout
from ..model.digest import Digest
from ..model.manifest import Manifest, ManifestError
from .store import DamagedError, Store
from .tags import listed_tags

__all__ = ["delete_manifest", "delete_tag", "tags"]

logger = logging.getLogger(__name__)


class _Tag(NamedTuple):
    name: str
    history: list[str]  # the paths of its index links


def delete_tag(store: Store, name: str, tag: str) -> bool:
    """Remove a tag and its history; whether it was there. What it points to stays."""
    current = layout.tag_current(name, tag)
    there = store.has_link(current)  # a removal that is repeated, since its answer was lost, would find nothing
    _remove_all(store, [entry.path for entry in store.driver.walk(layout.tag_index(name, tag))])
    if there:
        store.remove_link(current)
    return there


def delete_manifest(store: Store, name: str, digest: Digest) -> bool:
    """Remove a manifest, every tag that points to it and its entry with its subject; whether any of it was there.

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
        return False
    if manifest and manifest.subject:
        _remove_all(store, [layout.referrer(name, manifest.subject, digest)])
    if layer in links:
        store.remove_link(layer)
    # Even if it was gone: a push may have come between, and must not keep its link without the tag just removed.
    store.remove_link(revision)
    return True


def tags(store: Store, name: str) -> Iterator[str]:
    """The tags of a repository, as far as a listing shows them."""
    yield from (tag.name for tag in listed_tags(store, layout.tags(name)))


def _manifest(store: Store, digest: Digest) -> Manifest | None:
    try:
        return store.manifest(digest)
    except (DamagedError, ManifestError):
        return None


def _untag(store: Store, name: str, digest: Digest) -> bool:
    """Remove the tags that mean `digest`, and what the others' history says of it; whether any tag meant it."""
    tags = _tags_that_may_mean(store, name, digest)
    return any(gather([partial(_untag_one, store, name, digest, tag) for tag in tags]))


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
    _remove_all(store, tag.history)
    return meaning is not None


def _tags_that_may_mean(store: Store, name: str, digest: Digest) -> Iterator[_Tag]:
    """From one flat listing: tags that it says mean `digest`, or once meant it, and those that have no history."""
    folder = layout.tags(name) + "/"
    content = md5(str(digest).encode(), usedforsecurity=False).hexdigest()
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
    """Raises the first error; what could be removed is."""
    if paths:
        for error in store.driver.remove_many(paths).values():
            raise error
