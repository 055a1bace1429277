"""Making a manifest part of a repository: what it needs is there, then data, then links, then tags.

Waves of requests; within one they go side by side. A crash between two leaves
at most data or links that nobody is served.

A delete of the same manifest may run at the same time, perhaps on another
replica. It takes the revision's link last (see `deletion`), so the link tells:
is it there after the tags were written, the push came after the delete, or the
delete comes after the push. Is it gone, all is written once more. The argument
is in docs/manifests.md, and `test_races.py` tries every interleaving.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from docker_registry.concurrency.workers import gather

from ..errors import Code, RegistryError
from ..model import layout
from ..model.digest import Digest
from ..model.grammar import Tag
from ..model.manifest import Manifest, Reference, encoded_descriptor
from .store import Store

__all__ = ["publish"]

logger = logging.getLogger(__name__)

_FOR_EVER: Mapping[Tag, float] = MappingProxyType({})
_TRIES = 3  # to link what is deleted all the time
_BATCH = 64  # references asked for before those that are missing end the search


def publish(
    store: Store,
    name: str,
    digest: Digest,
    manifest: Manifest,
    tags: Sequence[Tag],
    expires: Mapping[Tag, float] = _FOR_EVER,
) -> None:
    """Store a manifest under its digest and point tags at it, some of them until a time (seconds since the epoch).

    Raises MANIFEST_BLOB_UNKNOWN for what it refers to and the repository lacks;
    its subject may come later. Nothing is linked then.
    """
    with store.vetoes.promise():
        _admit(store, name, digest, manifest)
        _link_until_it_holds(store, name, digest, manifest, {tag: expires.get(tag) for tag in tags})


def _link_until_it_holds(
    store: Store, name: str, digest: Digest, manifest: Manifest, tags: Mapping[Tag, float | None]
) -> None:
    for _ in range(_TRIES):
        if _link(store, name, digest, manifest, tags):
            return
        logger.info("%s was deleted from %s while it was pushed: linked again", digest, name)
    raise RegistryError(
        Code.UNAVAILABLE, f"{digest} was deleted while it was pushed, push it again", headers={"Retry-After": "1"}
    )


def _link(store: Store, name: str, digest: Digest, manifest: Manifest, tags: Mapping[Tag, float | None]) -> bool:
    """Write the links, then what needs them; whether the repository has the manifest at the end."""
    links: list[Callable[[], object]] = [partial(store.link_revision, name, digest)]
    gather(links + [partial(store.note_tag, name, tag, digest, expires) for tag, expires in tags.items()])
    followers: list[Callable[[], object]] = []
    if manifest.subject:
        # Behind the link, as a delete removes it before the link: so it is there when the link is.
        entry = encoded_descriptor(manifest.descriptor(digest))
        path = layout.referrer(name, manifest.subject, digest)
        followers.append(partial(store.driver.overwrite, path, entry))
    followers += [partial(store.set_tag, name, tag, digest, expires) for tag, expires in tags.items()]
    gather(followers)
    return not followers or store.read_link(layout.revision_link(name, digest)) is not None


def _admit(store: Store, name: str, digest: Digest, manifest: Manifest) -> None:
    """Store the data, while references' links and data are asked for; the first that are missing end the search."""
    writes: list[Callable[[], object]] = [partial(store.write_manifest, digest, manifest)]
    for start in range(0, max(len(manifest.references), 1), _BATCH):
        batch = manifest.references[start : start + _BATCH]
        looks = [look for reference in batch for look in _looks(store, name, reference)]
        answers = gather([*writes, *looks])[len(writes) :]
        writes = []
        missing = [
            reference
            for reference, link, size in zip(batch, answers[::2], answers[1::2], strict=True)
            if link is None or (size is None and not _elsewhere(store, reference, link))
        ]
        if missing:
            raise _missing(name, missing)


def _looks(store: Store, name: str, reference: Reference) -> tuple[Callable[[], object], Callable[[], object]]:
    return partial(_find, store, name, reference), partial(store.blob_size, reference.digest, fresh=True)


def _missing(name: str, references: Sequence[Reference]) -> RegistryError:
    return RegistryError.several(
        Code.MANIFEST_BLOB_UNKNOWN,
        [
            (
                f"{name} lacks the {_kind(reference)} {reference.digest}, push it first",
                {"digest": str(reference.digest)},
            )
            for reference in references
        ],
    )


def _find(store: Store, name: str, reference: Reference) -> Digest | None:
    find = store.revision if reference.manifest else store.layer
    return find(name, reference.digest, fresh=True)


def _elsewhere(store: Store, reference: Reference, stored: object) -> bool:
    """Whether the data lies under another digest, as Distribution 2.x keeps what was not pushed by sha256."""
    return isinstance(stored, Digest) and stored != reference.digest and store.blob_size(stored, fresh=True) is not None


def _kind(reference: Reference) -> str:
    return "manifest" if reference.manifest else "blob"
