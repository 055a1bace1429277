"""Which images no client can pull: drawn from the findings, when all of them are known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from .database import Database
from .findings import DAMAGED_BLOBS, Finding, Kind
from .places import What, place

__all__ = ["Image", "Images"]

_CAUSES = 3  # told of one image; of more, the number

# The findings that keep an image from being pulled, and what to say of the digest each is about. Of the others, clients
# of an image notice nothing.
_WHY = {
    Kind.MISSING_MANIFEST: "{} is not there",
    Kind.MISSING_REFERENCE: "{} is not there",
    Kind.UNLINKED_TAG: "{} does not belong to the repository",
    Kind.UNLINKED_REFERENCE: "{} does not belong to the repository",
    Kind.EMPTY_BLOB: "{} has no bytes",
    Kind.WRONG_SIZE: "{} has another size",
    Kind.MISSING_SEGMENT: "{} lacks a segment",
    Kind.WRONG_CONTENT: "{} has other bytes",
    Kind.UNREADABLE: "{} cannot be read",
    Kind.DAMAGED_MANIFEST: "{} is no manifest",
    Kind.DAMAGED_LINK: "the link to {} is damaged",
}

# Links whose damage keeps nobody from pulling.
_ASIDE = (What.INDEX, What.REFERRER, What.SIGNATURE)

# A manifest is broken by its own bytes or link, by what it names, and an index by the manifests below it.
_BROKEN_IMAGES = """
WITH RECURSIVE
bad (repository, manifest, cause, platform) AS (
    SELECT had.repository, had.digest, broken.rowid, '' FROM broken
    JOIN link had ON had.digest = broken.digest AND broken.repository IN ('', had.repository)
    WHERE broken.size IS NULL AND broken.digest != ''
        AND (had.what = 'TAG' OR had.what = 'REVISION' AND had.digest IN (SELECT digest FROM manifest))
    UNION
    SELECT had.repository, had.digest, broken.rowid, platform FROM broken
    JOIN reference ON reference.digest = broken.digest AND NOT optional
        AND (broken.size IS NULL OR broken.size != reference.size)
    JOIN link had ON had.digest = reference.manifest AND broken.repository IN ('', had.repository)
    WHERE had.what IN ('REVISION', 'TAG')
    UNION
    SELECT bad.repository, reference.manifest, bad.cause, reference.platform FROM bad
    JOIN reference ON reference.digest = bad.manifest AND is_manifest
    JOIN link had ON had.digest = reference.manifest AND had.repository = bad.repository
    WHERE had.what IN ('REVISION', 'TAG')
)
SELECT bad.repository || ':' || link.tag AS name, platform, why, advice FROM bad
JOIN broken ON broken.rowid = bad.cause
JOIN link ON link.what = 'TAG' AND link.digest = bad.manifest AND link.repository = bad.repository
UNION
SELECT bad.repository || '@' || bad.manifest, platform, why, advice FROM bad
JOIN broken ON broken.rowid = bad.cause
WHERE NOT EXISTS (SELECT 1 FROM link WHERE what = 'TAG' AND digest = bad.manifest AND repository = bad.repository)
    AND NOT EXISTS (
        SELECT 1 FROM reference JOIN link ON link.digest = reference.manifest
        WHERE reference.digest = bad.manifest AND is_manifest AND link.repository = bad.repository
    )
UNION
SELECT repository || ':' || tag, '', why, advice FROM broken WHERE tag != ''
ORDER BY name, platform, why
"""


class Image(NamedTuple):
    """An image that no client can pull whole."""

    name: str  # "repository:tag", or "repository@digest" where no tag and no index names it
    why: str
    advice: str


class Images(Database):
    """What the findings say of images."""

    def note(self, finding: Finding) -> None:
        """Remember what a finding, mended or not, means for those who pull."""
        where = place(finding.path)
        if finding.kind not in _WHY or where.what in _ASIDE:
            return
        if finding.done and finding.kind not in DAMAGED_BLOBS:
            return
        digest = finding.target or finding.digest or str(where.digest or "")
        if not (digest or where.tag):
            return  # of an upload
        self._insert(
            "broken",
            digest,
            where.repository if where.is_link else "",
            "" if digest else where.tag,
            finding.size if finding.kind is Kind.WRONG_SIZE else None,
            _WHY[finding.kind].format(digest or "its manifest"),
            finding.advice,
        )

    def is_told(self, digest: str) -> bool:
        """Whether a finding was noted that keeps clients from a blob, which a repair may have removed since."""
        return any(self._ask("SELECT 1 FROM broken WHERE digest = ?", digest))

    def broken_images(self) -> Iterator[Image]:
        """Each image once, in the order of names."""
        for name, rows in groupby(self._ask(_BROKEN_IMAGES), itemgetter(0)):
            causes = [(f"{why} ({platform})" if platform else why, advice) for _, platform, why, advice in rows]
            whys, more = [why for why, _ in causes[:_CAUSES]], len(causes) - _CAUSES
            advice = "; ".join(dict.fromkeys(advice for _, advice in causes))
            yield Image(name, "; ".join(whys) + (f"; and {more} more" if more > 0 else ""), advice)
