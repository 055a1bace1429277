"""Making a manifest part of a repository: what it needs is there, then data, then links, then tags.

Three waves of requests; within one they go side by side. A crash between two
leaves at most data or links that nobody is served.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial

from ..errors import Code, RegistryError
from ..model import layout
from ..model.digest import Digest
from ..model.grammar import Tag
from ..model.manifest import Manifest, Reference
from .parallel import gather
from .store import Store

__all__ = ["publish"]

_NAMED = 100  # missing references that one answer names


def publish(store: Store, name: str, digest: Digest, manifest: Manifest, tags: Sequence[Tag]) -> None:
    """Store a manifest under its digest and point tags at it.

    Raises MANIFEST_BLOB_UNKNOWN for what it refers to and the repository lacks;
    its subject may come later. Nothing is linked then.
    """
    _admit(store, name, digest, manifest)
    links: list[Callable[[], object]] = [partial(store.link_revision, name, digest)]
    links += [partial(store.write_link, layout.tag_index_link(name, tag, digest), digest) for tag in tags]
    if manifest.subject:
        entry = json.dumps(manifest.descriptor(digest)).encode()
        path = layout.referrer(name, manifest.subject, digest)
        links.append(partial(store.driver.overwrite, path, entry))
    gather(links)
    gather([partial(store.write_link, layout.tag_current(name, tag), digest) for tag in tags])


def _admit(store: Store, name: str, digest: Digest, manifest: Manifest) -> None:
    """Store the data, while each reference's link and data are asked for."""
    calls: list[Callable[[], object]] = [partial(store.write_manifest, digest, manifest)]
    for reference in manifest.references:
        calls.append(partial(_link, store, name, reference))
        calls.append(partial(store.blob_size, reference.digest, fresh=True))
    answers = gather(calls)[1:]
    missing = [
        reference
        for reference, link, size in zip(manifest.references, answers[::2], answers[1::2], strict=True)
        if link is None or (size is None and not _elsewhere(store, reference, link))
    ]
    if missing:
        raise RegistryError.several(
            Code.MANIFEST_BLOB_UNKNOWN,
            [
                (
                    f"{name} lacks the {_kind(reference)} {reference.digest}, push it first",
                    {"digest": str(reference.digest)},
                )
                for reference in missing[:_NAMED]
            ],
        )


def _link(store: Store, name: str, reference: Reference) -> Digest | None:
    find = store.revision if reference.manifest else store.layer
    return find(name, reference.digest)


def _elsewhere(store: Store, reference: Reference, stored: object) -> bool:
    """Whether the data lies under another digest, as Distribution 2.x keeps what was not pushed by sha256."""
    return isinstance(stored, Digest) and stored != reference.digest and store.blob_size(stored, fresh=True) is not None


def _kind(reference: Reference) -> str:
    return "manifest" if reference.manifest else "blob"
