"""What a walk has seen, in a temporary SQLite database, and the questions asked of it.

SQLite keeps it on disk beyond a few megabytes, so that a container with
millions of objects needs no more memory than a small one; the file has no name
and is gone with the process. One thread uses it. Every answer is a suspicion,
drawn from listings: ask the storage by name before acting on it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import md5
from typing import Any, NamedTuple

from docker_registry.core.types import Entry, Part
from docker_registry.distribution import layout
from docker_registry.distribution.digest import Digest

from .manifests import Manifest
from .places import Place, What

__all__ = ["Group", "Ledger", "Link", "Owner", "Reference", "Upload"]

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE blob (digest TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID;
CREATE TABLE link (
    path TEXT PRIMARY KEY, what TEXT, repository TEXT, tag TEXT, digest TEXT, subject TEXT, modified REAL,
    md5 TEXT, expected TEXT, checked INT
) WITHOUT ROWID;
CREATE INDEX link_digest ON link (digest, repository);
CREATE INDEX link_expected ON link (expected);
CREATE TABLE alias (digest TEXT PRIMARY KEY, target TEXT) WITHOUT ROWID;
CREATE TABLE absent (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIEW there AS SELECT digest FROM blob
    UNION SELECT alias.digest FROM alias JOIN blob ON blob.digest = alias.target;
CREATE TABLE upload (path TEXT PRIMARY KEY, folder TEXT, repository TEXT, size INT, modified REAL) WITHOUT ROWID;
CREATE TABLE unknown (folder TEXT PRIMARY KEY, files INT) WITHOUT ROWID;
CREATE TABLE owner (path TEXT PRIMARY KEY, size INT, modified REAL, hint INT, asked INT, total INT) WITHOUT ROWID;
CREATE TABLE owned (part TEXT, path TEXT, first INT, size INT);
CREATE INDEX owned_part ON owned (part);
CREATE INDEX owned_path ON owned (path);
CREATE TABLE prefix (prefix TEXT, path TEXT, PRIMARY KEY (prefix, path)) WITHOUT ROWID;
CREATE TABLE part (name TEXT PRIMARY KEY, folder TEXT, size INT, modified REAL) WITHOUT ROWID;
CREATE TABLE manifest (digest TEXT PRIMARY KEY, subject TEXT, leaving TEXT) WITHOUT ROWID;
CREATE TABLE reference (
    manifest TEXT, digest TEXT, size INT, is_manifest INT, optional INT, PRIMARY KEY (manifest, digest)
) WITHOUT ROWID;
"""

_LINK = "link.path, link.what, link.repository, link.tag, link.digest, link.subject, link.modified"
_SIZE = "COALESCE(owner.total, owner.size)"
_PAGE = 1000  # rows in memory at a time


class Link(NamedTuple):
    path: str
    what: str  # a name of What
    repository: str
    tag: str
    digest: str  # empty for a tag that was not resolved
    subject: str
    modified: float | None  # seconds since the epoch


class Owner(NamedTuple):
    """A file that may consist of segments."""

    path: str
    size: int  # bytes, as listed: 0 for a dynamic large object
    modified: float | None


class Group(NamedTuple):
    """Segments in one folder that no file was seen to own."""

    folder: str
    segments: int
    size: int  # bytes
    youngest: float | None  # seconds since the epoch


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


class Ledger:
    """Use it as a context manager."""

    def __init__(self) -> None:
        self._sql = sqlite3.connect("", isolation_level=None)
        self._sql.executescript(_SCHEMA)
        self._sql.execute("BEGIN")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._sql.close()

    def _ask(self, sql: str, *values: Any) -> Iterator[Any]:
        """Generate rows, a thousand in memory at a time; their tables must not change meanwhile."""
        cursor = self._sql.execute(sql, values)
        while rows := cursor.fetchmany(_PAGE):
            yield from rows

    def _pages(self, sql: str) -> Iterator[Any]:
        """Generate rows by path, their first column, of tables that change meanwhile; `sql` ends in a condition."""
        after = ""
        while rows := self._sql.execute(f"{sql} AND path > ? ORDER BY path LIMIT {_PAGE}", (after,)).fetchall():
            yield from rows
            after = rows[-1][0]

    def _copied(self, sql: str) -> Iterator[Any]:
        """Generate rows of tables that change meanwhile, from a copy made first."""
        self._sql.execute("DROP TABLE IF EXISTS copy")
        self._sql.execute(f"CREATE TEMP TABLE copy AS {sql}")
        yield from self._ask("SELECT * FROM copy")

    def _insert(self, table: str, *values: Any) -> None:
        marks = ", ".join("?" * len(values))
        self._sql.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)  # noqa: S608

    def count(self, table: str, distinct: str = "*") -> int:
        what = "*" if distinct == "*" else f"DISTINCT {distinct}"
        return int(self._sql.execute(f"SELECT COUNT({what}) FROM {table}").fetchone()[0])  # noqa: S608

    # Filling it.

    def add_file(self, entry: Entry, where: Place) -> None:
        """Note one file of the tree."""
        if where.is_link:
            self._add_link(entry, where)
            return
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

    def add_owner(self, entry: Entry) -> None:
        """Note a file that may consist of segments, unless it is known."""
        self._sql.execute(
            "INSERT OR IGNORE INTO owner VALUES (?, ?, ?, ?, 0, NULL)",
            (entry.path, entry.size, entry.modified, entry.segmented),
        )

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

    def add_part(self, entry: Entry) -> None:
        """Note one segment that the storage lists."""
        self._insert("part", entry.path, entry.path.rpartition("/")[0], entry.size, entry.modified)

    def add_parts(self, path: str, parts: Iterable[Part] | None) -> None:
        """Note what a file said it consists of; None: it is plain."""
        total = None
        if parts is not None:
            total = 0
            for part in parts:
                self._sql.execute("INSERT INTO owned VALUES (?, ?, ?, ?)", (part.name, path, total, part.size))
                total += part.size
        self._set_total(path, total)

    def add_prefix(self, path: str, prefix: str) -> list[str]:
        """Note that a file consists of the segments with a prefix; returns the names of those listed, in order."""
        inside = "name >= ? AND name < ? || char(0x10ffff)"
        self._sql.execute(
            f"INSERT INTO owned SELECT name, ?, 0, size FROM part WHERE {inside}",  # noqa: S608
            (path, prefix, prefix),
        )
        self._insert("prefix", prefix, path)
        rows = list(self._ask(f"SELECT name, size FROM part WHERE {inside} ORDER BY name", prefix, prefix))  # noqa: S608
        self._set_total(path, sum(size for _, size in rows))
        return [name for name, _ in rows]

    def _set_total(self, path: str, total: int | None) -> None:
        self._sql.execute("UPDATE owner SET asked = 1, total = ? WHERE path = ?", (total, path))

    def add_manifest(self, digest: str, manifest: Manifest | None) -> None:
        """Note that a manifest was read, and what it names if it could be understood."""
        subject = str(manifest.subject) if manifest and manifest.subject else None
        self._insert("manifest", digest, subject, manifest.foreign_to_2_8 if manifest else "")
        for item in manifest.items if manifest else ():
            self._insert("reference", digest, str(item.digest), item.size, item.is_manifest, item.optional)

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
        """Note that a digest was asked for by name and not found."""
        self._insert("absent", digest)

    def add_blob(self, digest: str, path: str, size: int, modified: float | None) -> None:
        """Note a blob that no listing had, but which is there."""
        self._insert("blob", digest, path)
        self.add_owner(Entry(path, size, modified))

    # Who owns what.

    def owners_to_ask(self, sure: bool) -> Iterator[Owner]:
        """Files that may consist of segments and did not say of which yet; with `sure`, all files.

        Swift marks static large objects in its listings (since 2.17), other
        servers and older objects may lack the mark; dynamic ones are listed
        with no bytes. Where no row has the mark, any file may be a static one,
        if there are segments at all.
        """
        marked = any(self._ask("SELECT 1 FROM owner WHERE hint LIMIT 1")) or not self.count("part")
        only = " AND (hint OR size = 0)" if marked and not sure else ""
        yield from map(Owner._make, self._pages(f"SELECT path, size, modified FROM owner WHERE NOT asked{only}"))  # noqa: S608

    def absent_parts(self) -> Iterator[tuple[Owner, str, int, int]]:
        """(file, segment, its first byte in the file, its size) of segments that no listing had."""
        for path, size, modified, *rest in self._ask(
            "SELECT owner.path, owner.size, owner.modified, owned.part, owned.first, owned.size FROM owned"
            " JOIN owner ON owner.path = owned.path LEFT JOIN part ON part.name = owned.part WHERE part.name IS NULL"
        ):
            yield Owner(path, size, modified), *rest

    def shared_parts(self) -> Iterator[tuple[str, str, int]]:
        """(file, other file, how many segments they share)."""
        yield from self._ask(
            "SELECT one, other, SUM(shared) FROM ("
            " SELECT MIN(path) AS one, MAX(path) AS other, 1 AS shared FROM owned GROUP BY part"
            " UNION ALL SELECT MIN(path), MAX(path), 0 FROM prefix GROUP BY prefix"
            ") WHERE one != other GROUP BY one, other"
        )

    def is_shared(self, path: str) -> bool:
        """Whether another file owns one of a file's segments, or would own those that a listing lacks."""
        return any(
            self._ask(
                "SELECT 1 FROM owned JOIN owned other ON other.part = owned.part AND other.path != owned.path"
                " WHERE owned.path = ?1 UNION SELECT 1 FROM prefix JOIN prefix other"
                " ON other.prefix = prefix.prefix AND other.path != prefix.path WHERE prefix.path = ?1 LIMIT 1",
                path,
            )
        )

    def orphans(self) -> Iterator[Group]:
        """Folders of segments of which no file owns any."""
        yield from map(
            Group._make,
            self._ask(
                "SELECT folder, COUNT(*), SUM(size), MAX(modified) FROM part WHERE folder NOT IN"
                " (SELECT folder FROM part JOIN owned ON owned.part = part.name) GROUP BY folder"
            ),
        )

    def parts_in(self, folder: str) -> list[str]:
        """The names of a folder's segments."""
        return [name for (name,) in self._ask("SELECT name FROM part WHERE folder = ?", folder)]

    # Blobs, links, manifests.

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

    def manifests_to_read(self) -> list[str]:
        """Digests of manifests that were not read yet: those with a link, and those that an index names."""
        return [
            digest
            for (digest,) in self._ask(
                "SELECT digest FROM blob WHERE digest IN ("
                " SELECT digest FROM link WHERE what IN ('REVISION', 'TAG', 'INDEX')"
                " UNION SELECT digest FROM reference WHERE is_manifest) EXCEPT SELECT digest FROM manifest"
            )
        ]

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
        """What a repository's manifest names and the storage has, but not the repository."""
        yield from map(
            Reference._make,
            self._ask(
                "SELECT reference.manifest, reference.digest, reference.size, is_manifest, link.repository FROM link"
                " JOIN reference ON reference.manifest = link.digest JOIN there ON there.digest = reference.digest"
                " WHERE link.what = 'REVISION' AND NOT EXISTS (SELECT 1 FROM link other"
                " WHERE other.digest = reference.digest AND other.repository = link.repository"
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
