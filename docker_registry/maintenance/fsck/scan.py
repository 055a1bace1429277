"""Walk a storage and write what is there into the index; what is plainly wrong is found on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import (
    BrokenError,
    FileNotFoundError,
    UnspecifiedError,
    UsageError,
    WrongArgumentsError,
)
from docker_registry.core.types import Part, Stat
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.model.manifest import ManifestError
from docker_registry.plurals import plural

from ..parallel import each
from ..progress import Quiet
from .findings import Finding, Kind, age
from .index import Index, Link, Owner
from .manifests import read_manifest
from .places import What, is_segment, place

__all__ = ["NoRegistryError", "Scan", "gap", "read_link"]

MANIFEST_LIMIT = 4 * 1024 * 1024  # bytes; nothing larger is read as a manifest
_NUMBERED = re.compile(r"/(\d{16})$")  # how Distribution 2.x ends the names of its segments


class NoRegistryError(UsageError):
    """The storage has no file of a layout that can be looked at: it is the wrong place, or nothing was pushed yet."""


class Scan:
    """One walk. `untold` are the files and digests that did not say what they are, or consist of.

    `unproven` says why files may be missing in it; "" before `prove`, too. `late` are links that only `prove` saw,
    and since when they are there (seconds since the epoch).
    """

    def __init__(self, driver: Base, index: Index, workers: int, progress: Quiet, read_all_links: bool = False):
        self._driver = driver
        self._index = index
        self._workers = workers
        self._progress = progress
        self._read_all_links = read_all_links
        self.untold: set[str] = set()
        self.unproven = ""
        self.late: dict[str, float | None] = {}

    def run(self) -> Iterator[Finding]:
        """Raises ConnectionError when a listing cannot be had, NoRegistryError where no registry's files are.

        Anything less becomes a finding.
        """
        with self._progress.step("segments listed") as advance:
            for entry in self._driver.walk_parts():
                self._index.add_part(entry, is_segment(entry.path))
                advance()
        with self._progress.step("files listed") as advance:
            for entry in self._driver.walk():
                self._index.add_file(entry, place(entry.path))
                advance()
        if not self._index.has_registry():
            raise NoRegistryError("no registry's files are here")
        yield from self._read_links()
        while True:
            yield from self._read_manifests()
            # What a link or a manifest names is asked for by name: listings lag.
            if not self._find_unlisted():
                break
        yield from self.ask_owners(sure=False)

    def prove(self) -> Iterator[Finding]:
        """List files a second time, another way, and ask those that are new what they consist of.

        Nothing may be removed for having no owner where this does not show that all files were seen.
        """
        try:
            with self._progress.step("files listed again") as advance:
                for entry in self._driver.prove_walk():
                    where = place(entry.path)
                    if where.is_link:
                        if not self._index.has_link(entry.path):
                            self.late[entry.path] = entry.modified
                    elif not where.is_note:
                        self._index.add_owner(entry)
                    advance()
        except BrokenError as error:
            self.unproven = str(error) or error.message
        yield from self.ask_owners(sure=False)

    def unseen(self, before: float) -> str:
        """Why files may be there that the walk has not seen, after `prove`; "" where none may.

        Links that only the second listing has count where they are older than `before`, in seconds since the epoch.
        """
        if self.unproven:
            return f"not all files were seen: {self.unproven}"
        missed = sorted(path for path, modified in self.late.items() if modified is None or modified < before)
        if missed:
            return f"the first of two listings lacks {plural(len(missed), 'file')}, such as {missed[0]}: run again"
        return ""

    @property
    def why_incomplete(self) -> str:
        """Why a segment without an owner may have one after all; "" where it cannot."""
        if self.unproven:
            return f"not all files were seen: {self.unproven}"
        return "not every file could be asked for its segments; run again" if self.untold else ""

    def _read_links(self) -> Iterator[Finding]:
        if not self._read_all_links:
            self._index.prove_links()
        links = self._index.unproven_links()
        with self._progress.step("links read") as advance:
            for link, content in each(lambda link: self._driver.get_content(link.path), links, self._workers):
                advance()
                if isinstance(content, FileNotFoundError):
                    self._index.add_absent_link(link.path)
                    continue
                if isinstance(content, UnspecifiedError):
                    yield _unreadable(link.path, content, link.repository)
                    continue
                digest = read_link(link, content)
                if digest:
                    self._index.set_link(link, str(digest))
                else:
                    yield _damaged_link(link, content)

    def _read_manifests(self) -> Iterator[Finding]:
        digests = self._index.manifests_to_read()
        with self._progress.step("manifests read") as advance:
            for digest, content in each(self._read_manifest, digests, self._workers):
                advance()
                path = layout.blob_data(Digest.parse(digest))
                if isinstance(content, UnspecifiedError):
                    self._index.add_manifest(digest, None)
                    if isinstance(content, FileNotFoundError):
                        self._index.add_absent(digest)
                    else:
                        yield _unreadable(path, content, self._repository(digest))
                    continue
                yield from self._note_manifest(digest, path, content)

    def _read_manifest(self, digest: str) -> bytes:
        try:
            with self._driver.open(layout.blob_data(Digest.parse(digest)), (0, MANIFEST_LIMIT)) as reader:
                return b"".join(reader)
        except WrongArgumentsError:
            return b""  # the range has no byte of it

    def _note_manifest(self, digest: str, path: str, content: bytes) -> Iterator[Finding]:
        manifest = None
        if not content:
            pass  # found as an empty blob
        elif len(content) > MANIFEST_LIMIT:
            yield self._of_file(Kind.DAMAGED_MANIFEST, path, f"more than {MANIFEST_LIMIT} bytes")
        elif str(Digest.of(content, Digest.parse(digest).algorithm)) != digest:
            yield self._of_file(Kind.WRONG_CONTENT, path, f"{len(content)} bytes of a manifest")
        else:
            try:
                manifest = read_manifest(content)
            except ManifestError as error:
                yield self._of_file(Kind.DAMAGED_MANIFEST, path, str(error))
        self._index.add_manifest(digest, manifest)

    def _find_unlisted(self) -> bool:
        """Ask for each digest that something names and no listing had; says whether any is there."""
        found = False
        for digest, stat in each(self._stat, self._index.unlisted_blobs(), self._workers):
            if isinstance(stat, Stat):
                self._index.add_blob(digest, layout.blob_data(Digest.parse(digest)), stat.size, stat.modified)
                found = True
                continue
            self._index.add_absent(digest)
            if not isinstance(stat, FileNotFoundError):
                self.untold.add(digest)
        return found

    def _stat(self, digest: str) -> Stat:
        return self._driver.stat(layout.blob_data(Digest.parse(digest)), newest=True)

    def ask_owners(self, sure: bool) -> Iterator[Finding]:
        """Ask files what they consist of; with `sure`, all of them."""
        owners = self._index.owners_to_ask(sure)
        with self._progress.step("files asked for their segments") as advance:
            for owner, told in each(self._ask_owner, owners, self._workers):
                advance()
                if isinstance(told, UnspecifiedError):
                    yield from self._not_told(owner, told)
                    continue
                self.untold.discard(owner.path)
                if isinstance(told, str):
                    yield from self._note_dynamic(owner, told)
                else:
                    self._index.add_parts(owner.path, told)

    def _ask_owner(self, owner: Owner) -> str | list[Part] | None:
        """The prefix of its segments for a dynamic large object, else what `Base.parts` says."""
        if not owner.size:  # as every dynamic large object is listed
            prefix = self._driver.parts_prefix(owner.path)
            if prefix is not None:
                return prefix
        return self._driver.parts(owner.path)

    def _note_dynamic(self, owner: Owner, prefix: str) -> Iterator[Finding]:
        where = gap(self._index.add_prefix(owner.path, prefix))
        if where and gap([part.name for part in self._driver.parts(owner.path) or ()]):
            yield self._of_file(Kind.MISSING_SEGMENT, owner.path, f"no segment is listed from {where}")

    def _not_told(self, owner: Owner, error: UnspecifiedError) -> Iterator[Finding]:
        where = place(owner.path)
        if isinstance(error, FileNotFoundError):
            if where.what is What.UPLOAD:
                # It was finished meanwhile, and its segments now belong to a blob that was not listed.
                self.untold.add(owner.path)
            elif where.digest:
                self._index.add_absent(str(where.digest))
        elif owner.path not in self.untold:
            self.untold.add(owner.path)
            yield _unreadable(owner.path, error, where.repository)

    def _of_file(self, kind: Kind, path: str, detail: str) -> Finding:
        where = place(path)
        digest = str(where.digest or "")
        repository = self._repository(digest) if digest else where.repository
        return Finding(
            kind,
            path,
            detail,
            repository=repository,
            digest=digest,
            names=(path,),
            age=age(self._index.modified(path)),
        )

    def _repository(self, digest: str) -> str:
        return next(iter(self._index.repositories_of(digest)), "")


def read_link(link: Link, content: bytes) -> Digest | None:
    """The digest in a link's content; None where it is none, or another one than the link's name says.

    Distribution 2.x keeps a blob under its sha256, so a link of another
    algorithm may hold that.
    """
    try:
        digest = Digest.parse(content.decode("ascii", "replace").strip())
    except DigestError:
        return None
    if link.digest and link.digest != str(digest) and link.digest.startswith(digest.algorithm + ":"):
        return None
    return digest


def _damaged_link(link: Link, content: bytes) -> Finding:
    return Finding(
        Kind.DAMAGED_LINK,
        link.path,
        f"holds {content[:80]!r}" + (f", should hold {link.digest}" if link.digest else ""),
        repository=link.repository,
        digest=link.digest,
        names=(link.path,),
    )


def _unreadable(path: str, error: UnspecifiedError, repository: str) -> Finding:
    return Finding(Kind.UNREADABLE, path, str(error) or error.message, repository=repository)


def gap(names: Sequence[str]) -> str:
    """Between which two segments of Distribution 2.x's numbering one is missing; "" where none is.

    It counts from 1. What was a plain object before more was appended became number 0, and 2 came next.
    """
    numbers = [int(match[1]) for match in map(_NUMBERED.search, names) if match]
    if not numbers or len(numbers) != len(names):
        return ""
    if numbers[0] > 1:
        return f"the start to number {numbers[0]}"
    for one, other in pairwise(numbers):
        if other != one + 1 and (one, other) != (0, 2):
            return f"number {one} to {other}"
    return ""
