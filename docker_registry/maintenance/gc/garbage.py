"""What of a walk nobody needs: links to layers that no manifest of their repository names, data without other links.

Also manifests without a tag, where that is asked for: then the links that make
them part of their repository go, and in a later run what only they needed.

Whatever is in doubt is kept: a repository with a manifest that could not be
read keeps all of its links, a link whose content was not proven stays and
keeps its data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from docker_registry.distribution.model.collection import file_key

from ..fsck.index import Index

__all__ = ["Garbage", "Item", "Young"]

_ALIVE = """
CREATE TEMP TABLE alive AS WITH RECURSIVE found (repository, digest) AS (
    SELECT repository, digest FROM link WHERE what IN ('REVISION', 'TAG')
    UNION SELECT repository, digest FROM link WHERE what = 'LAYER' AND digest IN (SELECT digest FROM manifest)
    UNION SELECT found.repository, reference.digest FROM found
        JOIN reference ON reference.manifest = found.digest AND is_manifest
) SELECT repository, digest FROM found;
CREATE INDEX temp.alive_digest ON alive (digest);

CREATE TEMP TABLE needed AS SELECT DISTINCT alive.repository, reference.digest FROM alive
    JOIN reference ON reference.manifest = alive.digest;
CREATE INDEX temp.needed_digest ON needed (digest, repository);

CREATE TEMP TABLE opaque AS
    SELECT repository FROM link WHERE what IN ('REVISION', 'TAG')
        AND digest NOT IN (SELECT digest FROM manifest WHERE known)
    UNION SELECT repository FROM alive WHERE digest IN (SELECT digest FROM blob)
        AND digest NOT IN (SELECT digest FROM manifest WHERE known)
    UNION SELECT repository FROM link WHERE what = 'TAG' AND EXISTS (SELECT 1 FROM link other
        WHERE other.digest = link.digest AND other.repository = link.repository AND other.what = 'LAYER');
"""
_UNTAGGED = """
CREATE TEMP TABLE wanted AS WITH RECURSIVE found (repository, digest) AS (
    SELECT repository, digest FROM link WHERE what = 'TAG'
    UNION SELECT repository, digest FROM link WHERE what = 'REVISION'
        AND NOT COALESCE(checked AND modified < untagged_before(repository), 0)
    UNION SELECT found.repository, reference.digest FROM found
        JOIN reference ON reference.manifest = found.digest AND is_manifest
    UNION SELECT found.repository, link.digest FROM found JOIN manifest ON manifest.subject = found.digest
        JOIN link ON link.digest = manifest.digest AND link.repository = found.repository AND link.what = 'REVISION'
) SELECT repository, digest FROM found;
CREATE INDEX temp.wanted_digest ON wanted (digest, repository);

CREATE TEMP TABLE untagged AS SELECT path, repository, digest FROM link
    WHERE what = 'REVISION' AND repository NOT IN (SELECT repository FROM opaque)
    AND NOT EXISTS (SELECT 1 FROM wanted WHERE wanted.digest = link.digest AND wanted.repository = link.repository)
    AND announced(path);
"""
_DOOMED = """
CREATE TEMP TABLE doomed_link AS SELECT path, repository, digest FROM link
    WHERE what = 'LAYER' AND checked AND modified < :before AND repository NOT IN (SELECT repository FROM opaque)
    AND digest NOT IN (SELECT digest FROM manifest)
    AND (NOT EXISTS (SELECT 1 FROM needed WHERE needed.digest = link.digest AND needed.repository = link.repository)
        OR digest NOT IN (SELECT digest FROM listed))
    AND announced(path);
CREATE UNIQUE INDEX temp.doomed_link_path ON doomed_link (path);
CREATE INDEX temp.doomed_link_digest ON doomed_link (digest);

CREATE TEMP TABLE doomed AS
    SELECT blob.path, blob.digest, COALESCE(owner.total, owner.size) AS size FROM blob
    JOIN owner ON owner.path = blob.path
    WHERE owner.modified < :before AND blob.digest NOT IN (SELECT digest FROM needed)
    AND blob.digest NOT IN (SELECT digest FROM alive)
    AND NOT EXISTS (SELECT 1 FROM link WHERE link.digest = blob.digest
        AND link.path NOT IN (SELECT path FROM doomed_link))
    AND NOT EXISTS (SELECT 1 FROM alias JOIN link ON link.digest = alias.digest WHERE alias.target = blob.digest
        AND link.path NOT IN (SELECT path FROM doomed_link))
    AND announced(blob.path);
CREATE INDEX temp.doomed_digest ON doomed (digest);
"""

_IN_ORDER = "SELECT path, repository, digest FROM {} ORDER BY file_key(path)"

# What would go if it were old enough.
_UNUSED = _DOOMED.replace("doomed", "unused")
_YOUNG = """
SELECT COUNT(*), TOTAL(size), MAX(modified) FROM (
    SELECT 0 AS size, modified FROM link
        WHERE path IN (SELECT path FROM unused_link) AND path NOT IN (SELECT path FROM doomed_link)
    UNION ALL SELECT unused.size, owner.modified FROM unused JOIN owner ON owner.path = unused.path
        WHERE unused.path NOT IN (SELECT path FROM doomed)
)
"""


class Young(NamedTuple):
    """What nobody needs either, but was last written too lately."""

    files: int
    size: int  # bytes
    youngest: float  # when the last of it was written, in seconds since the epoch


class Item(NamedTuple):
    """One file that may go."""

    path: str
    digest: str
    repository: str  # "" for data that no repository has a link to
    size: int  # bytes that come free; 0 for a link
    what: str = "data"  # or "layer", "manifest": the link that makes it part of a repository
    before: tuple[str, ...] = ()  # files that go with it, and before it

    @property
    def is_link(self) -> bool:
        return self.what != "data"


class Garbage(Index):
    """The index of one walk, which must have ended."""

    def find(
        self,
        before: float,
        announced: Callable[[str], bool] = lambda path: True,
        untagged: Callable[[str], float | None] = lambda repository: None,
    ) -> None:
        """Note what nobody needs and was last written before a time (seconds since the epoch).

        Only of files that were `announced`; data goes only together with every link to it. Manifests that no tag
        leads to count if they were pushed before the time that `untagged` says of their repository; None: they stay.
        """
        self._sql.create_function("file_key", 1, file_key)
        self._sql.create_function("announced", 1, announced)
        self._sql.create_function("untagged_before", 1, untagged)
        self._run(_ALIVE + _UNTAGGED + _DOOMED, before)

    def young(self) -> Young | None:
        """Layers and data that `find` left out for their age alone; None where there are none."""
        self._run(_UNUSED, float("inf"))
        files, size, youngest = next(self._ask(_YOUNG))
        return Young(files, int(size), youngest) if files else None

    def _run(self, script: str, before: float) -> None:
        for statement in filter(str.strip, script.split(";")):
            self._sql.execute(statement, {"before": before} if ":before" in statement else {})

    def links(self) -> Iterator[Item]:
        """Manifests, then layers; each in the order of the run's list."""
        for path, repository, digest in self._ask(_IN_ORDER.format("untagged")):
            yield Item(path, digest, repository, 0, "manifest", tuple(self._beside(repository, digest)))
        for path, repository, digest in self._ask(_IN_ORDER.format("doomed_link")):
            yield Item(path, digest, repository, 0, "layer")

    def _beside(self, repository: str, digest: str) -> Iterator[str]:
        """Entries of a manifest in the history of tags and in the list of its subject."""
        for (path,) in self._ask(
            "SELECT path FROM link WHERE digest = ? AND repository = ? AND what IN ('INDEX', 'REFERRER')",
            *(digest, repository),
        ):
            yield path

    def data(self) -> Iterator[Item]:
        """What is left to go of it, see `spare`."""
        for path, digest, repository, size in self._ask(
            "SELECT doomed.path, doomed.digest, COALESCE(MIN(doomed_link.repository), ''), size FROM doomed"
            " LEFT JOIN doomed_link ON doomed_link.digest = doomed.digest GROUP BY doomed.path"
            " ORDER BY file_key(doomed.path)"
        ):
            yield Item(path, digest, repository, size)

    def spare(self, digest: str) -> None:
        """A link stays: so does the data that it leads to."""
        self._sql.execute(
            "DELETE FROM doomed WHERE digest = ?1 OR digest IN (SELECT target FROM alias WHERE digest = ?1)", (digest,)
        )

    def opaque(self) -> int:
        """How many repositories keep all of their links, since not all of their manifests could be read."""
        return self.count("opaque", "repository")

    def pushed_by_distribution(self, since: float) -> str:
        """A file that Distribution 2.x wrote after a time, which this registry never writes; "" where there is none."""
        for (path,) in self._ask(
            "SELECT path FROM upload WHERE path LIKE '%/_uploads/%' AND modified > ?1"
            " UNION ALL SELECT 'segments/' || name FROM part"
            " WHERE known AND substr(name, 33, 1) != '/' AND modified > ?1 LIMIT 1",
            since,
        ):
            return str(path)
        return ""
