"""Every path in the storage, pure: Distribution 2.x's layout, and our few additions.

The additions (`_manifests/referrers`, `_manifests/deleted`, `_sessions`, `_quotas`, `_robots`, `_turns`) have names
that Distribution 2.x passes over. Paths lie below `files/` because its swift driver put them
there; `segments/` beside it belongs to the driver.
"""

from __future__ import annotations

from collections.abc import Iterator

from .digest import Digest, DigestError

__all__ = [
    "BLOBS",
    "QUOTAS",
    "REPOSITORIES",
    "ROBOTS",
    "ROBOTS_MADE",
    "SESSIONS",
    "TURNS",
    "blob_data",
    "deleted_tag",
    "deleted_tags",
    "layer_link",
    "manifests",
    "referrer",
    "referrers",
    "repository",
    "revision_link",
    "robot_revoked",
    "session_file",
    "tag_current",
    "tag_index",
    "tag_index_link",
    "tags",
    "turn",
    "under",
]

ROOT = "files/docker/registry/v2"
BLOBS = f"{ROOT}/blobs"
REPOSITORIES = f"{ROOT}/repositories"
SESSIONS = f"{ROOT}/_sessions"  # ours
TURNS = f"{ROOT}/_turns"  # ours
QUOTAS = f"{ROOT}/_quotas"  # ours: what was counted for quotas
ROBOTS = f"{ROOT}/_robots"  # ours: what is known of the passwords of machines
ROBOTS_MADE = f"{ROBOTS}/made"


def _pair(digest: Digest) -> str:
    return f"{digest.algorithm}/{digest.hex}"


def blob_data(digest: Digest) -> str:
    """The bytes of a blob or a manifest.

    >>> blob_data(Digest.of(b""))[:44]
    'files/docker/registry/v2/blobs/sha256/e3/e3b'
    """
    return f"{BLOBS}/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"


def repository(name: str) -> str:
    """The folder of a repository; repositories below it in name lie in it too."""
    return f"{REPOSITORIES}/{name}"


def layer_link(name: str, digest: Digest) -> str:
    """Holds the digest under which a blob of this repository is stored."""
    return f"{repository(name)}/_layers/{_pair(digest)}/link"


def manifests(name: str) -> str:
    return f"{repository(name)}/_manifests"


def revision_link(name: str, digest: Digest) -> str:
    """Holds the digest of a manifest of this repository."""
    return f"{manifests(name)}/revisions/{_pair(digest)}/link"


def tags(name: str) -> str:
    return f"{manifests(name)}/tags"


def tag_current(name: str, tag: str) -> str:
    """Holds the digest that a tag means now."""
    return f"{tags(name)}/{tag}/current/link"


def tag_index(name: str, tag: str) -> str:
    return f"{tags(name)}/{tag}/index"


def tag_index_link(name: str, tag: str, digest: Digest) -> str:
    """Says that a tag means, or once meant, this manifest."""
    return f"{tag_index(name, tag)}/{_pair(digest)}/link"


def deleted_tags(name: str) -> str:
    """The folder of what tags meant that were deleted; ours."""
    return f"{manifests(name)}/deleted"


def deleted_tag(name: str, tag: str, digest: Digest) -> str:
    """Says that a tag meant this manifest when it was deleted; ours, and there for a while only."""
    return f"{deleted_tags(name)}/{tag}/{_pair(digest)}/link"


def referrers(name: str, subject: Digest) -> str:
    """The folder of what refers to a manifest; ours."""
    return f"{manifests(name)}/referrers/{_pair(subject)}"


def referrer(name: str, subject: Digest, digest: Digest) -> str:
    """Holds the descriptor of one manifest that refers to `subject`; ours."""
    return f"{referrers(name, subject)}/{_pair(digest)}/descriptor"


def session_file(session: str, name: str) -> str:
    """One small file of an upload; ours."""
    return f"{SESSIONS}/{session}/{name}"


def robot_revoked(identity: str) -> str:
    """Is there where a robot's password is revoked; ours."""
    return f"{ROBOTS}/revoked/{identity}"


def turn(chore: str) -> str:
    """Written when a registry begins a chore that replicas take turns at; ours."""
    return f"{TURNS}/{chore}"


def result(job: str) -> str:
    """What the last run of a job has come to, for people; ours."""
    return f"{TURNS}/{job}-result"


def under(folder: str, paths: Iterator[str]) -> Iterator[tuple[Digest, str]]:
    """The (digest, path) of those paths that are `<folder>/<algorithm>/<hex>/<one name>`."""
    for path in paths:
        pieces = path.removeprefix(f"{folder}/").split("/")
        if len(pieces) == 3:
            try:
                yield Digest.parse(f"{pieces[0]}:{pieces[1]}"), path
            except DigestError:
                continue
