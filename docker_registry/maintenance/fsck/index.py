"""What a walk has seen, and the questions asked of it.

Every answer is a suspicion, drawn from listings: ask the storage by name before
acting on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5
from typing import NamedTuple

from docker_registry.core.types import Entry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest

from .images import Images
from .manifests import Manifest
from .ownership import Group, Owner, Ownership
from .places import Place, What

__all__ = ["Group", "Index", "Link", "Owner", "Reference", "Upload"]

_LINK = "link.path, link.what, link.repository, link.tag, link.digest, link.subject, link.modified"
_SIZE = "COALESCE(owner.total, owner.size)"


class Link(NamedTuple):
    path: str
    what: str  # a name of What
    repository: str
    tag: str
    digest: str  # empty for a tag that was not resolved
    subject: str
    modified: float | None  # seconds since the epoch


class Reference(NamedTuple):
    """One thing that a manifest names, in one repository that has the manifest ("" when none has)."""

    manifest: str
    digest: str
    size: int | None  # bytes, where the manifest says so
    is_manifest: bool
    repository: str


class Upload(NamedTuple):
    folder: str
    repository: str
    size: int  # bytes, as listed
    modified: float | None  # of what was written last


class Index(Ownership, Images):
    """Use it as a context manager."""

    # Filling it.

    def add_file(self, entry: Entry, where: Place) -> None:
        """Note one file of the tree."""
        if where.is_link:
            self._add_link(entry, where)
            return
        if where.is_note:
            return  # never of segments
        if where.what is What.BLOB:
            self._insert("blob", str(where.digest), entry.path)
        elif where.what is What.UPLOAD:
            self._insert("upload", entry.path, where.upload, where.repository, entry.size, entry.modified)
        elif where.what is What.UNKNOWN:
            self._sql.execute(
                "INSERT INTO unknown VALUES (?, 1) ON CONFLICT (folder) DO UPDATE SET files = files + 1",
                (_folder(entry.path),),
            )
        self.add_owner(entry)

    def _add_link(self, entry: Entry, where: Place) -> None:
        digest, expected = "", None
        if where.digest:
            digest = str(where.digest)
            expected = md5(digest.encode(), usedforsecurity=False).hexdigest()
        subject = str(where.subject or "")
        self._insert(
            *("link", entry.path, where.what.name, where.repository, where.tag, digest, subject),
            *(entry.modified, entry.md5, expected, False),
        )

    def add_manifest(self, digest: str, manifest: Manifest | None) -> None:
        """Note that a manifest was read, and what it names if it could be understood."""
        subject = str(manifest.subject) if manifest and manifest.subject else None
        self._insert("manifest", digest, subject, manifest.foreign_to_2_8 if manifest else "", manifest is not None)
        for item in manifest.items if manifest else ():
            self._insert("reference", digest, str(item.digest), *item[1:])

    def set_link(self, link: Link, digest: str) -> None:
        """Note the digest that a link was read to hold."""
        self._sql.execute("UPDATE link SET digest = ?, checked = 1 WHERE path = ?", (link.digest or digest, link.path))
        if link.digest not in ("", digest):
            self._insert("alias", link.digest, digest)

    def prove_links(self) -> None:
        """Take the MD5 of a link's content, where the listing has it, for having read the link."""
        self._sql.execute("UPDATE link SET checked = 1 WHERE md5 = expected")
        self._sql.execute(
            "UPDATE link SET digest = COALESCE((SELECT other.digest FROM link other WHERE other.expected = link.md5"
            " LIMIT 1), '') WHERE what = 'TAG'"
        )
        self._sql.execute("UPDATE link SET checked = 1 WHERE what = 'TAG' AND digest != ''")

    def add_absent(self, digest: str) -> None:
        """Note that a digest was asked for by name and not found, whether or not a listing has it."""
        self._insert("absent", digest)

    def add_absent_link(self, path: str) -> None:
        """Note that a listed link was asked for by name and not found. What it leads to is kept for it all the same."""
        self._sql.execute("UPDATE link SET checked = NULL WHERE path = ?", (path,))

    def add_blob(self, digest: str, path: str, size: int, modified: float | None) -> None:
        """Note a blob that no listing had, but which is there."""
        self._insert("blob", digest, path)
        self.add_owner(Entry(path, size, modified))

    # Blobs, links, manifests.

    def has_registry(self) -> bool:
        """Whether any listed file is of a layout that is known here, v1's apart."""
        return any(self.count(table) for table in ("blob", "link", "upload"))

    def has_link(self, path: str) -> bool:
        return any(self._ask("SELECT 1 FROM link WHERE path = ?", path))

    def unproven_links(self) -> Iterator[Link]:
        """Links whose content the listing did not prove to be the right digest."""
        yield from map(
            Link._make,
            self._pages(f"SELECT {_LINK} FROM link WHERE NOT checked AND what != 'REFERRER'"),  # noqa: S608
        )

    def links_to_nothing(self) -> Iterator[Link]:
        yield from map(
            Link._make,
            self._ask(
                f"SELECT {_LINK} FROM link LEFT JOIN there ON there.digest = link.digest"  # noqa: S608
                " WHERE link.digest != '' AND there.digest IS NULL"
            ),
        )

    def unlisted_blobs(self) -> Iterator[str]:
        """Digests that a link or a manifest names, no listing had, and nobody asked for yet."""
        for (digest,) in self._copied(
            "SELECT digest FROM link WHERE digest != '' UNION SELECT digest FROM reference"
            " UNION SELECT target FROM alias EXCEPT SELECT digest FROM there EXCEPT SELECT digest FROM absent"
        ):
            yield digest

    def unlinked_blobs(self) -> Iterator[tuple[str, str, int]]:
        """(digest, path, size)"""
        yield from self._ask(
            f"SELECT blob.digest, blob.path, {_SIZE} FROM blob JOIN owner ON owner.path = blob.path"  # noqa: S608
            " WHERE NOT EXISTS (SELECT 1 FROM link WHERE link.digest = blob.digest)"
            " AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.target = blob.digest)"
        )

    def manifests_to_read(self) -> Iterator[str]:
        """Digests of manifests that were not read yet: those with a link, and those that an index names."""
        for (digest,) in self._copied(
            "SELECT digest FROM blob WHERE digest IN ("
            " SELECT digest FROM link WHERE what IN ('REVISION', 'TAG', 'INDEX')"
            " UNION SELECT digest FROM reference WHERE is_manifest) EXCEPT SELECT digest FROM manifest"
        ):
            yield digest

    def missing_references(self) -> Iterator[Reference]:
        yield from map(
            Reference._make,
            self._ask(
                "SELECT reference.manifest, reference.digest, reference.size, is_manifest,"
                " COALESCE(MIN(link.repository), '') FROM reference"
                " LEFT JOIN there ON there.digest = reference.digest"
                " LEFT JOIN link ON link.digest = reference.manifest AND link.what = 'REVISION'"
                " WHERE there.digest IS NULL AND NOT optional GROUP BY reference.manifest, reference.digest"
            ),
        )

    def unlinked_references(self) -> Iterator[Reference]:
        """What a repository's manifest names and the storage has, but the repository has no link to."""
        yield from map(
            Reference._make,
            self._ask(
                "SELECT reference.manifest, reference.digest, reference.size, is_manifest, link.repository FROM link"
                " JOIN reference ON reference.manifest = link.digest JOIN there ON there.digest = reference.digest"
                " WHERE link.what = 'REVISION' AND NOT optional AND NOT EXISTS (SELECT 1 FROM link other"
                " WHERE other.digest = reference.digest AND other.repository = link.repository"
                " AND other.checked IS NOT NULL"
                " AND (other.what = 'LAYER' OR other.what = 'REVISION' AND is_manifest))"
            ),
        )

    def unlinked_tags(self) -> Iterator[Link]:
        """Tags of manifests that are there, but that the tag's repository has no link to."""
        yield from map(
            Link._make,
            self._ask(
                f"SELECT {_LINK} FROM link JOIN there ON there.digest = link.digest"  # noqa: S608
                " WHERE link.what = 'TAG' AND NOT EXISTS (SELECT 1 FROM link other WHERE other.digest = link.digest"
                " AND other.repository = link.repository AND other.checked IS NOT NULL"
                " AND other.what IN ('LAYER', 'REVISION'))"
            ),
        )

    def wrong_sizes(self) -> Iterator[tuple[str, str, int]]:
        """(digest, path, size as a manifest says) of blobs that have another size, but are not empty."""
        yield from self._ask(
            f"SELECT blob.digest, blob.path, MAX(reference.size) FROM reference"  # noqa: S608
            " JOIN blob ON blob.digest = reference.digest JOIN owner ON owner.path = blob.path"
            f" WHERE {_SIZE} != reference.size AND {_SIZE} > 0 GROUP BY blob.digest"
        )

    def empty_blobs(self) -> Iterator[tuple[str, str, float | None]]:
        """(digest, path, modified) of blobs without a byte that should have some."""
        right = [str(Digest.of(b"", algorithm)) for algorithm in ("sha256", "sha512")]
        yield from self._ask(
            "SELECT blob.digest, blob.path, owner.modified FROM blob JOIN owner ON owner.path = blob.path"  # noqa: S608
            f" WHERE {_SIZE} = 0 AND blob.digest NOT IN (?, ?)",
            *right,
        )

    def blobs(self) -> Iterator[tuple[str, str, float | None]]:
        """(digest, path, modified) of every blob that was not read as a manifest."""
        yield from self._ask(
            "SELECT blob.digest, blob.path, owner.modified FROM blob JOIN owner ON owner.path = blob.path"
            " WHERE blob.digest NOT IN (SELECT digest FROM manifest)"
        )

    def repositories_of(self, digest: str) -> list[str]:
        """Up to ten repositories that link to a digest."""
        return [name for (name,) in self._ask("SELECT DISTINCT repository FROM link WHERE digest = ? LIMIT 10", digest)]

    def layer_links(self, digest: str) -> list[str]:
        """The paths of all links that make a digest a blob of a repository."""
        return [path for (path,) in self._ask("SELECT path FROM link WHERE digest = ? AND what = 'LAYER'", digest)]

    def missing_referrers(self) -> Iterator[tuple[str, str, str]]:
        """(repository, subject, digest) of manifests that their subject's list lacks."""
        yield from self._ask(
            "SELECT link.repository, manifest.subject, manifest.digest FROM manifest"
            " JOIN link ON link.digest = manifest.digest AND link.what = 'REVISION'"
            " WHERE manifest.subject IS NOT NULL AND NOT EXISTS (SELECT 1 FROM link entry"
            " WHERE entry.digest = manifest.digest AND entry.repository = link.repository"
            " AND entry.what = 'REFERRER' AND entry.subject = manifest.subject)"
        )

    def foreign_manifests(self) -> Iterator[tuple[str, str, str]]:
        """(repository, digest, why) of manifests that Distribution 2.8 does not understand."""
        yield from self._ask(
            "SELECT link.repository, manifest.digest, manifest.leaving FROM manifest JOIN link"
            " ON link.digest = manifest.digest WHERE leaving != '' AND link.what = 'REVISION' ORDER BY 1, 2"
        )

    def repositories_without_layers(self) -> Iterator[str]:
        """Repositories that have manifests and no link to any blob."""
        for (name,) in self._ask(
            "SELECT DISTINCT repository FROM link WHERE what = 'REVISION' EXCEPT"
            " SELECT repository FROM link WHERE what = 'LAYER'"
        ):
            yield name

    def static_objects(self) -> tuple[int, int]:
        """How many blobs are static large objects, and of how many segments they consist."""
        row = self._sql.execute(
            "SELECT COUNT(DISTINCT owner.path), COUNT(*) FROM owner JOIN owned ON owned.path = owner.path"
            " JOIN blob ON blob.path = owner.path WHERE owner.size > 0"
        ).fetchone()
        return int(row[0]), int(row[1])

    def referrers(self) -> int:
        """How many entries there are in lists of referrers."""
        return int(self._sql.execute("SELECT COUNT(*) FROM link WHERE what = 'REFERRER'").fetchone()[0])

    def uploads(self) -> Iterator[Upload]:
        yield from map(
            Upload._make,
            self._ask("SELECT folder, MIN(repository), SUM(size), MAX(modified) FROM upload GROUP BY folder"),
        )

    def upload_files(self, folder: str) -> list[str]:
        return [path for (path,) in self._ask("SELECT path FROM upload WHERE folder = ?", folder)]

    def unknown_files(self) -> Iterator[tuple[str, int]]:
        """(folder, how many files of no known layout are below it)"""
        yield from self._ask("SELECT folder, files FROM unknown")


def _folder(path: str) -> str:
    """Under what to count a file: its folder within the registry's files, the first part of its name elsewhere."""
    return path.rpartition("/")[0] if path.startswith(layout.ROOT + "/") else path.partition("/")[0]
