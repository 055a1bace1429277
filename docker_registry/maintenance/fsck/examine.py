"""Turn the index's suspicions into findings: each is asked of the storage by name before it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnspecifiedError, WrongArgumentsError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest, new_hash
from docker_registry.plurals import in_bytes, plural

from ..parallel import each
from ..progress import Quiet
from .findings import Finding, Kind, age
from .index import Index, Link, Owner, Reference
from .options import DAY, FsckOptions
from .places import What, place
from .scan import read_link

__all__ = ["Examiner", "hash_file", "is_linked"]

T = TypeVar("T")


class Examiner:
    """Every method that is named after what it looks for generates findings."""

    def __init__(self, driver: Base, index: Index, options: FsckOptions, progress: Quiet):
        self._driver = driver
        self._index = index
        self._options = options
        self._progress = progress
        self.hashed = 0  # bytes

    def shallow(self) -> Iterator[Finding]:
        """All that can be known without reading blobs, but what is missing."""
        yield from self.empty_blobs()
        yield from self.wrong_sizes()
        yield from self.missing_segments()
        yield from self.shared_segments()
        yield from self.missing_referrers()
        yield from self.unlinked_references()
        yield from self.unlinked_tags()
        yield from self.of_no_use()
        yield from self.unfinished_uploads()

    def missing(self) -> Iterator[Finding]:
        """What leads to content that is not there: after all else, which may find that listed content is gone."""
        yield from self.links_to_nothing()
        yield from self.missing_references()

    def _confirmed(
        self, question: Callable[[T], Finding | None], suspicions: Iterable[T], path: Callable[[T], str]
    ) -> Iterator[Finding]:
        """The findings among suspicions; what is gone is none by itself, see `missing`."""
        for suspicion, answer in each(question, suspicions, self._options.workers):
            if answer is None:
                continue
            if isinstance(answer, FileNotFoundError):
                self._note_absent(path(suspicion))
                continue
            if isinstance(answer, UnspecifiedError):
                answer = Finding(Kind.UNREADABLE, path(suspicion), str(answer) or answer.message)
            yield self._placed(answer)

    def _note_absent(self, path: str) -> None:
        """Of a file that is listed and not there, unless a finding told of it, after which a repair may remove it."""
        digest = place(path).digest
        if digest and place(path).what is What.BLOB and not self._index.is_told(str(digest)):
            self._index.add_absent(str(digest))

    def _placed(self, finding: Finding) -> Finding:
        """With the name of a repository that has the blob."""
        if finding.digest and not finding.repository:
            finding.repository = next(iter(self._index.repositories_of(finding.digest)), "")
        return finding

    def _absent(self, digest: str) -> bool:
        try:
            self._driver.stat(layout.blob_data(Digest.parse(digest)), newest=True)
        except FileNotFoundError:
            return True
        return False

    def links_to_nothing(self) -> Iterator[Finding]:
        yield from self._confirmed(self._link_to_nothing, self._index.links_to_nothing(), lambda link: link.path)

    def _link_to_nothing(self, link: Link) -> Finding | None:
        content = self._driver.get_newest(link.path)
        # A referrer's entry holds a descriptor; any other link holds a digest, perhaps not that of its path.
        held = link.digest if link.what == What.REFERRER.name else str(read_link(link, content) or "")
        if not held or not self._absent(held):
            return None
        kind = Kind.MISSING_MANIFEST if link.what == What.TAG.name else Kind.DANGLING_LINK
        return Finding(
            kind,
            link.path,
            f"{link.repository}:{link.tag} is {held}" if kind is Kind.MISSING_MANIFEST else f"to {held}",
            repository=link.repository,
            digest=held,
            names=(link.path,),
            age=age(link.modified),
        )

    def missing_references(self) -> Iterator[Finding]:
        yield from self._confirmed(self._missing_reference, self._index.missing_references(), _path_of_manifest)

    def _missing_reference(self, reference: Reference) -> Finding | None:
        if self._absent(reference.manifest) or not self._absent(reference.digest):
            return None
        what = "manifest" if reference.is_manifest else "blob"
        return Finding(
            Kind.MISSING_REFERENCE,
            _path_of_manifest(reference),
            f"names the {what} {reference.digest}",
            repository=reference.repository,
            digest=reference.manifest,
            target=reference.digest,
        )

    def empty_blobs(self) -> Iterator[Finding]:
        yield from self._confirmed(self._empty_blob, self._index.empty_blobs(), lambda row: row[1])

    def _empty_blob(self, row: tuple[str, str, float | None]) -> Finding | None:
        digest, path, modified = row
        if self._driver.stat(path, newest=True).size or any(part.size for part in self._driver.parts(path) or ()):
            return None
        return Finding(Kind.EMPTY_BLOB, path, f"{digest} has no bytes", digest=digest, names=(path,), age=age(modified))

    def wrong_sizes(self) -> Iterator[Finding]:
        yield from self._confirmed(self._wrong_size, self._index.wrong_sizes(), lambda row: row[1])

    def _wrong_size(self, row: tuple[str, str, int]) -> Finding | None:
        digest, path, said = row
        stat = self._driver.stat(path)
        if stat.size == said:
            return None
        return Finding(
            Kind.WRONG_SIZE,
            path,
            f"has {stat.size} bytes, a manifest says {said}",
            digest=digest,
            names=(path,),
            size=stat.size,
            age=age(stat.modified),
        )

    def missing_segments(self) -> Iterator[Finding]:
        yield from self._confirmed(self._missing_segment, self._index.absent_parts(), lambda row: row[0].path)

    def _missing_segment(self, row: tuple[Owner, str, int, int]) -> Finding | None:
        owner, part, first, size = row
        # Where the segment is there after all, its first byte can be read through the file.
        try:
            if not size or self._first_byte(owner.path, first):
                return None
            why = "nothing can be read there"
        except (BrokenError, WrongArgumentsError) as error:
            why = str(error) or error.message
        return Finding(
            Kind.MISSING_SEGMENT,
            owner.path,
            f"lacks {part}, {size} bytes from {first} on: {why}",
            digest=str(place(owner.path).digest or ""),
            names=(owner.path,),
            size=size,
            age=age(owner.modified),
        )

    def _first_byte(self, path: str, position: int) -> bytes:
        with self._driver.open(path, (position, position)) as reader:
            return b"".join(reader)

    def shared_segments(self) -> Iterator[Finding]:
        for one, other, count in self._index.shared_parts():
            yield Finding(
                Kind.SHARED_SEGMENT,
                one,
                f"and {other} both consist of the same {plural(count, 'segment')}",
                names=(one, other),
            )

    def missing_referrers(self) -> Iterator[Finding]:
        yield from self._confirmed(self._missing_referrer, self._index.missing_referrers(), _path_of_referrer)

    def _missing_referrer(self, row: tuple[str, str, str]) -> Finding | None:
        repository, subject, digest = row
        path = _path_of_referrer(row)
        try:
            self._driver.get_content(path)
        except FileNotFoundError:
            return Finding(
                Kind.MISSING_REFERRER,
                path,
                f"{digest} refers to {subject}",
                repository=repository,
                digest=digest,
                names=(subject,),
            )
        return None

    def unlinked_references(self) -> Iterator[Finding]:
        yield from self._confirmed(
            self._unlinked_reference,
            self._index.unlinked_references(),
            lambda reference: layout.layer_link(reference.repository, Digest.parse(reference.digest)),
        )

    def _unlinked_reference(self, reference: Reference) -> Finding | None:
        name, digest = reference.repository, Digest.parse(reference.digest)
        if not is_linked(self._driver, name, Digest.parse(reference.manifest)):
            return None
        if is_linked(self._driver, name, digest, as_manifest=reference.is_manifest):
            return None
        return Finding(
            Kind.UNLINKED_REFERENCE,
            layout.revision_link(name, digest) if reference.is_manifest else layout.layer_link(name, digest),
            f"{reference.manifest} names {reference.digest}",
            repository=name,
            digest=reference.digest,
        )

    def unlinked_tags(self) -> Iterator[Finding]:
        yield from self._confirmed(self._unlinked_tag, self._index.unlinked_tags(), lambda link: link.path)

    def _unlinked_tag(self, link: Link) -> Finding | None:
        held = read_link(link, self._driver.get_newest(link.path))
        if held is None or is_linked(self._driver, link.repository, held):
            return None
        return Finding(
            Kind.UNLINKED_TAG,
            link.path,
            f"{link.repository}:{link.tag} is {held}",
            repository=link.repository,
            digest=str(held),
            age=age(link.modified),
        )

    def of_no_use(self) -> Iterator[Finding]:
        for digest, path, size in self._index.unlinked_blobs():
            yield Finding(Kind.UNLINKED_BLOB, path, in_bytes(size), digest=digest, size=size)
        for folder, files in self._index.unknown_files():
            yield Finding(Kind.UNKNOWN_FILES, folder, f"{plural(files, 'file')}, left alone")
        for folder, files in self._index.unknown_parts():
            where = f"segments/{folder}".rstrip("/")
            objects = plural(files, "object that is no registry's segment", "objects that are no registry's segments")
            yield Finding(Kind.UNKNOWN_FILES, where, f"{objects}, left alone")

    def unfinished_uploads(self) -> Iterator[Finding]:
        """Uploads that are over. Those to which somebody wrote lately are in progress, and no finding."""
        for upload in self._index.uploads():
            seconds = age(upload.modified)
            if seconds is not None and seconds > self._options.upload_age:
                yield Finding(
                    Kind.UNFINISHED_UPLOAD,
                    upload.folder,
                    f"last written {seconds / DAY:.1f} days ago",
                    repository=upload.repository,
                    names=tuple(self._index.upload_files(upload.folder)),
                    size=upload.size,
                    age=seconds,
                )

    def deep(self) -> Iterator[Finding]:
        """Read and hash every blob."""
        total = self._index.count("blob") - self._index.count("manifest")
        with self._progress.step("blobs read and hashed", total) as advance:
            for (digest, path, modified), answer in each(self._hash, self._index.blobs(), self._options.workers):
                advance()
                if isinstance(answer, FileNotFoundError):
                    self._note_absent(path)
                    continue
                if isinstance(answer, UnspecifiedError):
                    yield self._placed(
                        Finding(Kind.UNREADABLE, path, str(answer) or answer.message, digest=digest, names=(path,))
                    )
                    continue
                found, size = answer
                self.hashed += size
                if found != digest and size:  # found already, where it has no bytes
                    detail = f"{size} bytes have the digest {found}"
                    found_wrong = Finding(Kind.WRONG_CONTENT, path, detail, digest=digest, names=(path,), size=size)
                    found_wrong.age = age(modified)
                    yield self._placed(found_wrong)

    def _hash(self, row: tuple[str, str, float | None]) -> tuple[str, int]:
        return hash_file(self._driver, row[1], Digest.parse(row[0]).algorithm)


def _path_of_manifest(reference: Reference) -> str:
    return layout.blob_data(Digest.parse(reference.manifest))


def _path_of_referrer(row: tuple[str, str, str]) -> str:
    repository, subject, digest = row
    return layout.referrer(repository, Digest.parse(subject), Digest.parse(digest))


def is_linked(driver: Base, repository: str, digest: Digest, as_manifest: bool = True) -> bool:
    """Whether a repository has a blob, or a manifest: Distribution 2.1 put those among the blobs. Asks by name."""
    links = [layout.layer_link(repository, digest)]
    if as_manifest:
        links.insert(0, layout.revision_link(repository, digest))
    return any(_is_there(driver, path) for path in links)


def _is_there(driver: Base, path: str) -> bool:
    try:
        driver.stat(path, newest=True)
    except FileNotFoundError:
        return False
    return True


def hash_file(driver: Base, path: str, algorithm: str) -> tuple[str, int]:
    """The digest of a file's bytes, and how many they are."""
    hasher, size = new_hash(algorithm), 0
    with driver.open(path) as reader:
        for chunk in reader:
            hasher.update(chunk)
            size += len(chunk)
    return str(Digest.of_hash(algorithm, hasher)), size
