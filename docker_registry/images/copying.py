"""Copying images between places: what they name first, then they themselves, as a push does it.

What the target has already is left alone, so a copy that was interrupted goes
on where it ended. All bytes are checked against their digests by the target.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model.digest import Digest

from .places import Place, Repository, Source, SpoiledError, Stored

__all__ = ["DEPTH", "Advance", "Attached", "Begin", "copy"]

DEPTH = 8  # of indexes in indexes, and of what is attached to what is attached
_MANIFESTS = 20_000  # of one copy
_AT_ONCE = 4  # blobs, and lists of what is attached
# How cosign calls what it keeps of a digest where it does not use the referrers API.
_COSIGN = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})\.(?:sig|att|sbom)", re.ASCII)

Advance = Callable[[], None]
Begin = Callable[[int], AbstractContextManager[Advance]]


class _Part(NamedTuple):
    """One manifest of a copy, and the tags that it gets."""

    stored: Stored
    tags: list[str]


class Attached:
    """What is about the manifests of a source: by the referrers API, or under cosign's tags, which are listed once."""

    def __init__(self, source: Source):
        self._source = source
        self._cosign = _cosign(source)

    def to(self, subjects: list[Digest]) -> list[_Part]:
        """What is about these manifests, and about that again."""
        found: list[_Part] = []
        known = set(subjects)
        for _ in range(DEPTH):
            new = [part for reference, tags in self._wanted(subjects, known) for part in self._parts(reference, tags)]
            found += [part for part in new if part.tags or part.stored.digest not in known]
            subjects = [part.stored.digest for part in new if part.stored.digest not in known]
            known.update(subjects)
            if not subjects:
                return found
            if len(known) > _MANIFESTS:
                break
        raise UsageError("too much is attached to the image, and to that again, to be copied along")

    def _wanted(self, subjects: list[Digest], known: set[Digest]) -> list[tuple[str, list[str]]]:
        """References to what is about these, and the tags that each gets."""
        lists = each(self._source.referrers, subjects, _AT_ONCE)
        wanted: list[tuple[str, list[str]]] = [
            (str(digest), []) for digests in lists for digest in digests if digest not in known
        ]
        return wanted + [(tag, [tag]) for subject in subjects for tag in self._cosign.get(subject, ())]

    def _parts(self, reference: str, tags: list[str]) -> Iterator[_Part]:
        stored = self._source.manifest(reference)
        for image in _images(self._source, stored, DEPTH):
            yield _Part(image, tags if image.digest == stored.digest else [])


def copy(
    source: Source,
    target: Place,
    reference: str,
    tags: list[str],
    begin: Begin = lambda _: nullcontext(lambda: None),
    attached: Attached | None = None,
) -> Digest:
    """Copy the image under a tag or digest, with all that it consists of, and set `tags` in the target; its digest.

    With `attached`, what is about it or its parts comes along: signatures, SBOMs and the like. `begin` is called with
    the number of blobs, for what is called for each. Raises UsageError.
    """
    top = source.manifest(reference)
    parts = [_Part(image, []) for image in _images(source, top, DEPTH)]
    if attached:
        # Before the image gets its tag: who finds it there finds its signature too.
        parts[-1:-1] = attached.to([part.stored.digest for part in parts])
    parts[-1] = _Part(top, tags)
    blobs = dict.fromkeys(
        named.digest for part in parts for named in part.stored.manifest.references if not named.manifest
    )
    with begin(len(blobs)) as advance:
        for _ in each(partial(_copy_blob, source, target, advance), blobs, _AT_ONCE):
            pass
    for part in parts:
        target.put_manifest(part.stored, part.tags)
    return top.digest


def _images(source: Source, stored: Stored, depth: int) -> Iterator[Stored]:
    """All manifests, each behind those that it names."""
    if not depth:
        raise UsageError(f"{stored.digest} is an index of indexes, too deep to be copied")
    for named in stored.manifest.references:
        if named.manifest:
            yield from _images(source, source.manifest(str(named.digest)), depth - 1)
    yield stored


def _cosign(source: Source) -> dict[Digest, list[str]]:
    """The tags under which cosign keeps something of a digest."""
    found: dict[Digest, list[str]] = {}
    for tag in source.tags():
        match = _COSIGN.fullmatch(tag)
        if match:
            found.setdefault(Digest.parse(f"{match[1]}:{match[2]}"), []).append(tag)
    return found


def _copy_blob(source: Source, target: Place, advance: Advance, digest: Digest) -> None:
    if not (_is_mounted(source, target, digest) or target.has_blob(digest)):
        try:
            with source.blob(digest) as (body, size):
                target.put_blob(digest, body, size)
        except SpoiledError as error:
            raise UsageError(f"{source.where}: {error}") from None
    advance()


def _is_mounted(source: Source, target: Place, digest: Digest) -> bool:
    if isinstance(source, Repository) and isinstance(target, Repository) and source.registry is target.registry:
        return target.mount(digest, source)
    return False
