"""Which files consist of which segments: the part of the index that decides what may be removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from docker_registry.core.types import Entry, Part

from .database import Database

__all__ = ["Group", "Owner", "Ownership"]


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


class Ownership(Database):
    """Files, the segments they say they have, and the segments that the storage lists."""

    def add_owner(self, entry: Entry) -> None:
        """Note a file that may consist of segments, unless it is known."""
        self._sql.execute(
            "INSERT OR IGNORE INTO owner VALUES (?, ?, ?, ?, 0, NULL)",
            (entry.path, entry.size, entry.modified, entry.segmented),
        )

    def modified(self, path: str) -> float | None:
        """When a file was last changed, in seconds since the epoch; None where no listing says so."""
        row = self._sql.execute("SELECT modified FROM owner WHERE path = ?", (path,)).fetchone()
        return None if row is None else row[0]

    def add_part(self, entry: Entry, known: bool) -> None:
        """Note one segment that the storage lists; `known` says whether its name is that of a registry's segment."""
        self._insert("part", entry.path, entry.path.rpartition("/")[0], entry.size, entry.modified, known)

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
        """Folders of a registry's segments of which no file owns any."""
        yield from map(
            Group._make,
            self._ask(
                "SELECT folder, COUNT(*), SUM(size), MAX(modified) FROM part WHERE known AND folder NOT IN"
                " (SELECT folder FROM part JOIN owned ON owned.part = part.name) GROUP BY folder"
            ),
        )

    def parts_in(self, folder: str) -> list[str]:
        """The names of a folder's segments, without what others put there."""
        return [name for (name,) in self._ask("SELECT name FROM part WHERE known AND folder = ?", folder)]

    def unknown_parts(self) -> Iterator[tuple[str, int]]:
        """(folder, how many objects among the segments have names of no registry and belong to no file)"""
        yield from self._ask(
            "SELECT folder, COUNT(*) FROM part WHERE NOT known AND name NOT IN (SELECT part FROM owned) GROUP BY folder"
        )
