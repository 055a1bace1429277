"""Manifests of a repository that no tag means: what needs them, and which are needed by nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model.digest import Digest
from .listing import Listing

__all__ = ["Needed", "Untagged", "untagged"]


class Needed(NamedTuple):
    """Why a manifest without a tag is there; `tag` is one of those that lead to what needs it, "" for none."""

    word: str  # "platform of" an index, "attached to" a manifest
    digest: Digest  # of what needs it
    tag: str


class Untagged(NamedTuple):
    digest: Digest
    pushed: float | None  # seconds since the epoch
    needed: Needed | None  # None where nothing that is known needs it


def untagged(listing: Listing, children: Mapping[Digest, tuple[Digest, ...]]) -> list[Untagged]:
    """The newest first; `children` are those of the indexes that are known, with a tag or without."""
    tags: dict[Digest, str] = {}
    for tag in (*listing.tags, *listing.fallback):
        if tag.digest is not None:
            tags.setdefault(tag.digest, tag.name)
    reasons: dict[Digest, Needed] = {}
    parents = [(parent, child, "platform of") for parent, below in children.items() for child in below]
    parents += [(subject, each, "attached to") for subject, found in listing.referrers.items() for each in found]
    # What a tag leads to says most, so that is said last.
    for parent, child, word in sorted(parents, key=lambda link: link[0] in tags):
        if parent in listing.revisions and parent != child:
            reasons[child] = Needed(word, parent, tags.get(parent, ""))
    found = [Untagged(digest, pushed, reasons.get(digest)) for digest, pushed in listing.revisions.items()]
    loose = [each for each in found if each.digest not in tags]
    return sorted(loose, key=lambda each: (-(each.pushed or 0), str(each.digest)))
