"""What a path in the storage is: `distribution.layout` read backwards, pure."""

from __future__ import annotations

import hashlib
import re
from enum import Enum, auto
from typing import NamedTuple

from docker_registry.distribution.model import collection, layout
from docker_registry.distribution.model.digest import Digest, DigestError

__all__ = ["Place", "What", "is_segment", "place"]


class What(Enum):
    BLOB = auto()
    LAYER = auto()  # a link in a repository to a blob
    REVISION = auto()  # a link in a repository to a manifest
    SIGNATURE = auto()  # a link to a signature of a manifest, as Distribution wrote them up to 2.4
    TAG = auto()  # the link that says what a tag means now
    INDEX = auto()  # the link that says what a tag means or meant
    DELETED_TAG = auto()  # the note of what a tag meant that was deleted
    REFERRER = auto()  # a manifest in the list of its subject's referrers
    UPLOAD = auto()  # a file of an upload in progress
    COLLECTION = auto()  # what garbage collection and registries tell each other
    ROBOT = auto()  # what is known of a robot's password
    QUOTA = auto()  # what was counted for quotas
    TURN = auto()  # the mark of when a replica began a chore
    V1 = auto()  # a file of docker-registry's v1 layout
    UNKNOWN = auto()


_LINKS = (What.LAYER, What.REVISION, What.SIGNATURE, What.TAG, What.INDEX, What.REFERRER)
_NOTES = (What.COLLECTION, What.ROBOT, What.DELETED_TAG, What.QUOTA, What.TURN)


class Place(NamedTuple):
    what: What
    repository: str = ""
    tag: str = ""
    digest: Digest | None = None
    subject: Digest | None = None
    upload: str = ""  # the folder of the upload

    @property
    def is_link(self) -> bool:
        """Whether it is far below the size of a segment, so that it never consists of any."""
        return self.what in _LINKS

    @property
    def is_note(self) -> bool:
        """Whether it is one of the small files in which registries and jobs leave what they have to say."""
        return self.what in _NOTES


_UNKNOWN = Place(What.UNKNOWN)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # how both registries name an upload
# Ours: the random id of a write, and the segment's number or, for the list of them, "parts". Distribution's: the hex
# digits of the path that was written, 32 random bytes and the SHA-1 of nothing (a slip of its `swiftSegmentPath`, in
# every 2.x), and the segment's number.
_OUR_SEGMENT = re.compile(r"[0-9a-f]{32}/([a-z-]*\d{8,}|parts)")
_THEIR_SEGMENT = re.compile(
    f"{b'/docker/registry/v2/'.hex()}(?:[0-9a-f]{{2}})+{hashlib.sha1(usedforsecurity=False).hexdigest()}"
)
_NUMBER = re.compile(r"\d{16}")
_V1_FOLDERS = ("images/", "repositories/")


def place(path: str) -> Place:
    """Never raises: what fits no layout is UNKNOWN.

    >>> digest = Digest.of(b"")
    >>> place(layout.tag_index_link("a/b", "v1", digest))[:3]
    (<What.INDEX: 6>, 'a/b', 'v1')
    """
    try:
        if path.startswith(layout.BLOBS + "/"):
            return _blob(path)
        if path.startswith(layout.REPOSITORIES + "/"):
            return _in_repository(path)
    except DigestError:
        return _UNKNOWN
    if path.startswith(layout.SESSIONS + "/"):
        match path[len(layout.SESSIONS) + 1 :].split("/"):
            case [session, _] if _UUID.fullmatch(session):
                return Place(What.UPLOAD, upload=f"{layout.SESSIONS}/{session}")
        return _UNKNOWN
    if path.startswith(collection.FOLDER + "/"):
        return Place(What.COLLECTION)
    if path.startswith(layout.TURNS + "/"):
        return Place(What.TURN)
    if path.startswith(layout.QUOTAS + "/"):
        return Place(What.QUOTA)
    if path.startswith(layout.ROBOTS + "/"):
        return Place(What.ROBOT)
    if path.startswith(_V1_FOLDERS):
        return Place(What.V1)
    return _UNKNOWN


def is_segment(part: str) -> bool:
    """Whether a part has a name that this registry or Distribution gives to segments.

    The folder `segments` of a container may hold another application's
    objects: what has any other name is never ours to remove.
    """
    if _OUR_SEGMENT.fullmatch(part):
        return True
    match part.split("/"):
        case [start, rest, number] if len(start) == 3:
            return bool(_THEIR_SEGMENT.fullmatch(start + rest) and _NUMBER.fullmatch(number))
    return False


def _digest(pieces: list[str]) -> Digest:
    return Digest.parse(":".join(pieces))


def _blob(path: str) -> Place:
    pieces = path[len(layout.BLOBS) + 1 :].split("/")
    if len(pieces) != 4:
        return _UNKNOWN
    digest = _digest([pieces[0], pieces[2]])
    return Place(What.BLOB, digest=digest) if path == layout.blob_data(digest) else _UNKNOWN


def _in_repository(path: str) -> Place:
    # No part of a repository's name starts with an underscore, so the first one ends the name.
    name, _, rest = path[len(layout.REPOSITORIES) + 1 :].partition("/_")
    match rest.split("/"):
        case ["layers", algorithm, code, "link"]:
            return Place(What.LAYER, name, digest=_digest([algorithm, code]))
        case ["manifests", "revisions", algorithm, code, "link"]:
            return Place(What.REVISION, name, digest=_digest([algorithm, code]))
        case ["manifests", "revisions", _, _, "signatures", algorithm, code, "link"]:
            return Place(What.SIGNATURE, name, digest=_digest([algorithm, code]))
        case ["manifests", "tags", tag, "current", "link"]:
            return Place(What.TAG, name, tag)
        case ["manifests", "tags", tag, "index", algorithm, code, "link"]:
            return Place(What.INDEX, name, tag, _digest([algorithm, code]))
        case ["manifests", "deleted", tag, algorithm, code, "link"]:
            return Place(What.DELETED_TAG, name, tag, _digest([algorithm, code]))
        case ["manifests", "referrers", *subject, algorithm, code, "descriptor"] if len(subject) == 2:
            return Place(What.REFERRER, name, digest=_digest([algorithm, code]), subject=_digest(subject))
        case ["uploads", upload, "data" | "startedat"] | ["uploads", upload, "hashstates", _, _] if _UUID.fullmatch(
            upload
        ):
            return Place(What.UPLOAD, name, upload=f"{layout.repository(name)}/_uploads/{upload}")
    return _UNKNOWN
