"""Taking tags and manifests out of a repository. The bytes stay: they are garbage collection's.

What a reader follows goes last in each case, so that a crash in between is
mended by deleting again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import NamedTuple

from ..model import layout
from ..model.digest import Digest
from ..model.manifest import Manifest, ManifestError
from .parallel import gather
from .store import DamagedError, Store

__all__ = ["delete_manifest", "delete_tag"]


class _Tag(NamedTuple):
    name: str
    history: list[str]  # the paths of its index links


def delete_tag(store: Store, name: str, tag: str) -> bool:
    """Remove a tag and its history; whether it was there. What it points to stays."""
    _remove_all(store, [entry.path for entry in store.driver.walk(layout.tag_index(name, tag))])
    return store.remove_link(layout.tag_current(name, tag))


def delete_manifest(store: Store, name: str, digest: Digest) -> bool:
    """Remove a manifest, every tag that points to it and its entry with its subject; whether it was there.

    What refers to it stays, and is listed still.
    """
    revision, layer = layout.revision_link(name, digest), layout.layer_link(name, digest)
    linked, manifest = store.read_link(revision), _manifest(store, digest)
    # Distribution 2.1 linked manifests as layers; but what is no manifest is no business of this call.
    if linked is None and (manifest is None or store.read_link(layer) is None):
        return False
    _untag(store, name, digest)
    if manifest and manifest.subject:
        _remove_all(store, [layout.referrer(name, manifest.subject, digest)])
    store.remove_link(layer)
    store.remove_link(revision)
    return True


def _manifest(store: Store, digest: Digest) -> Manifest | None:
    try:
        return store.manifest(digest)
    except (DamagedError, ManifestError):
        return None


def _untag(store: Store, name: str, digest: Digest) -> None:
    """Remove the tags that mean `digest`, and what the others' history says of it."""
    tags = list(_tags_that_may_mean(store, name, digest))
    meanings = gather([partial(store.tag, name, tag.name) for tag in tags])
    currents, history = [], []
    for tag, meaning in zip(tags, meanings, strict=True):
        if meaning == digest:
            currents.append(layout.tag_current(name, tag.name))
            history += tag.history
        else:
            history.append(layout.tag_index_link(name, tag.name, digest))
    _remove_all(store, history)
    _remove_all(store, currents)


def _tags_that_may_mean(store: Store, name: str, digest: Digest) -> Iterator[_Tag]:
    """From one flat listing: the tags whose history names `digest`, and those that have no history."""
    folder = layout.tags(name) + "/"
    paths = (entry.path for entry in store.driver.walk(layout.tags(name)))
    for tag, rows in groupby(paths, key=lambda path: path.removeprefix(folder).partition("/")[0]):
        index = layout.tag_index(name, tag) + "/"
        history = [path for path in rows if path.startswith(index)]
        if not history or layout.tag_index_link(name, tag, digest) in history:
            yield _Tag(tag, history)


def _remove_all(store: Store, paths: list[str]) -> None:
    """Raises the first error; what could be removed is."""
    if paths:
        for error in store.driver.remove_many(paths).values():
            raise error
