"""The temporary SQLite database in which a walk is noted: its tables, and how rows come out of it.

SQLite keeps it on disk beyond a few megabytes, so that a container with
millions of objects needs no more memory than a small one; the file has no name
and is gone with the process. One thread uses it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Database"]

_PAGE = 1000  # rows in memory at a time
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE blob (digest TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID;
-- "checked": 1 for a link known to hold what it should, NULL for one that is listed but was not there.
CREATE TABLE link (
    path TEXT PRIMARY KEY, what TEXT, repository TEXT, tag TEXT, digest TEXT, subject TEXT, modified REAL,
    md5 TEXT, expected TEXT, checked INT
) WITHOUT ROWID;
CREATE INDEX link_digest ON link (digest, repository);
CREATE INDEX link_expected ON link (expected);
CREATE TABLE alias (digest TEXT PRIMARY KEY, target TEXT) WITHOUT ROWID;
CREATE TABLE absent (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIEW listed AS SELECT digest, digest AS data FROM blob
    UNION SELECT alias.digest, alias.target FROM alias JOIN blob ON blob.digest = alias.target;
CREATE VIEW there AS SELECT DISTINCT digest FROM listed WHERE data NOT IN (SELECT digest FROM absent);
CREATE TABLE upload (path TEXT PRIMARY KEY, folder TEXT, repository TEXT, size INT, modified REAL) WITHOUT ROWID;
CREATE TABLE unknown (folder TEXT PRIMARY KEY, files INT) WITHOUT ROWID;
CREATE TABLE owner (path TEXT PRIMARY KEY, size INT, modified REAL, hint INT, asked INT, total INT) WITHOUT ROWID;
CREATE TABLE owned (part TEXT, path TEXT, first INT, size INT);
CREATE INDEX owned_part ON owned (part);
CREATE INDEX owned_path ON owned (path);
CREATE TABLE prefix (prefix TEXT, path TEXT, PRIMARY KEY (prefix, path)) WITHOUT ROWID;
CREATE TABLE part (name TEXT PRIMARY KEY, folder TEXT, size INT, modified REAL, known INT) WITHOUT ROWID;
CREATE TABLE manifest (digest TEXT PRIMARY KEY, subject TEXT, leaving TEXT, known INT) WITHOUT ROWID;
CREATE INDEX manifest_subject ON manifest (subject);
CREATE TABLE reference (
    manifest TEXT, digest TEXT, size INT, is_manifest INT, optional INT, platform TEXT, PRIMARY KEY (manifest, digest)
) WITHOUT ROWID;
CREATE INDEX reference_digest ON reference (digest);
CREATE TABLE broken (digest TEXT, repository TEXT, tag TEXT, size INT, why TEXT, advice TEXT);
CREATE INDEX broken_digest ON broken (digest);
"""


class Database:
    """Use it as a context manager."""

    def __init__(self) -> None:
        self._sql = sqlite3.connect("", isolation_level=None)
        self._sql.executescript(_SCHEMA)
        self._sql.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
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
