"""What fsck can find: a closed table, and one finding."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["DAMAGED_BLOBS", "Finding", "Kind", "Severity", "Summary", "age"]


class Severity(str, Enum):
    DAMAGE = "damage"  # a client will notice
    WASTE = "waste"  # bytes that nobody can reach
    NOTE = "note"  # worth knowing; nothing to do


class Kind(Enum):
    """Code, severity, what it means, what the operator can do."""

    MISSING_MANIFEST = (
        "missing-manifest",
        Severity.DAMAGE,
        "a tag names a manifest that is not there",
        "push the image again, or delete the tag",
    )
    MISSING_REFERENCE = (
        "missing-reference",
        Severity.DAMAGE,
        "a manifest names content that is not there",
        "push the image again",
    )
    EMPTY_BLOB = (
        "empty-blob",
        Severity.DAMAGE,
        "a blob has no bytes, but its digest is not that of nothing",
        "run with --repair, then push an image that has it",
    )
    WRONG_SIZE = (
        "wrong-size",
        Severity.DAMAGE,
        "a blob is not as long as a manifest says",
        "run with --drop-damaged, then push the image again",
    )
    MISSING_SEGMENT = (
        "missing-segment",
        Severity.DAMAGE,
        "a large object lacks one of its segments",
        "restore the segment, or run with --drop-damaged and push the image again",
    )
    WRONG_CONTENT = (
        "wrong-content",
        Severity.DAMAGE,
        "the bytes do not have the digest under which they are kept",
        "run with --drop-damaged, then push the image again",
    )
    UNREADABLE = (
        "unreadable",
        Severity.DAMAGE,
        "the storage would not give it",
        "see what the storage says, run again",
    )
    DAMAGED_LINK = ("damaged-link", Severity.DAMAGE, "a link does not hold the digest it should", "run with --repair")
    DAMAGED_MANIFEST = (
        "damaged-manifest",
        Severity.DAMAGE,
        "a manifest that cannot be understood",
        "push the image again, or delete it",
    )
    MISSING_REFERRER = (
        "missing-referrer",
        Severity.DAMAGE,
        "a manifest is not in the list of its subject's referrers",
        "run with --repair",
    )
    SHARED_SEGMENT = (
        "shared-segment",
        Severity.DAMAGE,
        "two files consist of the same segments, so deleting one breaks the other",
        "copy one of them before anything deletes either",
    )
    DANGLING_LINK = (
        "dangling-link",
        Severity.WASTE,
        "a link to content that is gone, as Distribution's garbage collection leaves them",
        "nothing, or run with --repair",
    )
    ORPHANED_SEGMENTS = (
        "orphaned-segments",
        Severity.WASTE,
        "segments that belong to no file",
        "run with --repair",
    )
    UNLINKED_BLOB = (
        "unlinked-blob",
        Severity.WASTE,
        "a blob that no repository links to, and no client can reach",
        "nothing: gc removes it, and pushing it again before takes it up",
    )
    UNFINISHED_UPLOAD = (
        "unfinished-upload",
        Severity.WASTE,
        "an upload that nobody went on with",
        "run with --repair",
    )
    UNLINKED_REFERENCE = (
        "unlinked-reference",
        Severity.DAMAGE,
        "a repository has a manifest, but no link to content which that names, so clients get 404 for it",
        "push the image again",
    )
    UNLINKED_TAG = (
        "unlinked-tag",
        Severity.DAMAGE,
        "a tag names a manifest that its repository no longer has, so clients get 404 for it",
        "push the image again, or delete the tag",
    )
    UNKNOWN_FILES = ("unknown-files", Severity.NOTE, "files of no layout known here", "nothing")

    def __init__(self, code: str, severity: Severity, meaning: str, advice: str):
        self.code = code
        self.severity = severity
        self.meaning = meaning
        self.advice = advice


DAMAGED_BLOBS = (Kind.EMPTY_BLOB, Kind.WRONG_SIZE, Kind.MISSING_SEGMENT, Kind.WRONG_CONTENT)

_WHEN_OLD = "run this again when it is old enough, see above"
_WHEN_OLD_PUSH = (
    f"{_WHEN_OLD}, then push the image again; a push before that mends only a manifest, since of other blobs the "
    "registry says that they are there; the object from a backup, uploaded over this one, mends either"
)


@dataclass
class Finding:
    """One thing found. `done` says what a repair did about it, `left` why it did nothing."""

    kind: Kind
    path: str  # of the file, as the driver names it; of a folder of segments for ORPHANED_SEGMENTS
    detail: str
    repository: str = ""
    digest: str = ""
    target: str = ""  # what a manifest or a tag names and clients cannot have, where `digest` is something else
    names: tuple[str, ...] = ()  # exact names of the files or segments that a repair is about
    size: int = 0  # bytes
    age: float | None = None  # seconds since it was last changed; None where the storage does not say
    done: str = ""
    left: str = ""
    old_at: float = 0.0  # where it was left for its age: when it is old enough, in seconds since the epoch

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do about it."""
        return bool(self.done) or self.kind.severity is not Severity.DAMAGE

    @property
    def advice(self) -> str:
        """What the operator can do about it, after what was done already."""
        if self.done:
            return "push the image again"
        if self.old_at and self.kind is not Kind.UNLINKED_TAG:  # which a push mends at once
            return _WHEN_OLD_PUSH if self.kind in DAMAGED_BLOBS else _WHEN_OLD
        return self.kind.advice


@dataclass
class Summary:
    """How much was looked at, and how much was found."""

    files: int = 0
    segments: int = 0
    blobs: int = 0
    manifests: int = 0
    repositories: int = 0
    bytes_hashed: int = 0
    found: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    unpullable: int = 0  # images
    unseen: str = ""  # why files may be there that were not looked at; "" where none may

    @property
    def sound(self) -> bool:
        """Whether clients notice nothing wrong (any more), as far as was seen."""
        return not (self.unsettled or self.unpullable)

    def count(self, finding: Finding) -> None:
        self.found[finding.kind.code] += 1
        if finding.done:
            self.repaired[finding.kind.code] += 1
        if not finding.settled:
            self.unsettled += 1


def age(modified: float | None) -> float | None:
    """Seconds since then."""
    return None if modified is None else time.time() - modified
