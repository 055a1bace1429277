"""Which registries' layouts a storage holds, and how much of each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.plurals import plural

from ..fsck.places import place
from .lines import Line, error, ok, warning

__all__ = ["contents", "has_only_notes", "is_version_1"]

_SAMPLE = 10_000  # rows of the blobs' listing: one request
_V1_REPOSITORY = "/_index_images"  # a file that every repository of docker-registry has


def contents(driver: Base) -> Iterator[Line]:
    """Lists, and reads nothing else."""
    try:
        second = sum(1 for _ in driver.list_prefixes(layout.REPOSITORIES, "/_"))
        first = sum(1 for _ in driver.list_prefixes("repositories", _V1_REPOSITORY))
        writers = list(_writers(driver)) if second else []
    except UnspecifiedError as failure:
        yield error("layout", str(failure) or failure.message)
        return
    found = writers + ([f"docker-registry (v1), {plural(first, 'repository', 'repositories')}"] if first else [])
    if not found:
        yield warning(
            "layout",
            "no registry's files are here",
            "That is right for a new registry. Otherwise check the container and storage_path (Distribution's prefix)",
        )
        return
    yield ok("layout", f"{'mixed: ' if len(found) > 1 else ''}{'; '.join(found)}")
    if second:
        yield ok("repositories", f"{second} under {layout.ROOT}")


def is_version_1(driver: Base) -> bool:
    """Whether docker-registry's v1 layout is here."""
    return any(True for _ in driver.list_prefixes("repositories", _V1_REPOSITORY))


def has_only_notes(driver: Base) -> bool:
    """Whether files are left in repositories, but no link: what was known of tags that were deleted, say."""
    where = [place(entry.path) for entry in islice(driver.walk(layout.REPOSITORIES), _SAMPLE)]
    return bool(where) and not any(each.is_link for each in where)


def _writers(driver: Base) -> Iterator[str]:
    """Who wrote the blobs, as far as the beginning of their listing shows."""
    rows = list(islice(driver.walk(layout.BLOBS), _SAMPLE))
    empty = {layout.blob_data(Digest.of(b"", algorithm)) for algorithm in ("sha256", "sha512")}
    dynamic = sum(1 for row in rows if not row.size and row.path not in empty)
    if dynamic:
        yield f"Distribution 2.x ({dynamic} of {len(rows)} blobs are its dynamic large objects)"
    # 2.x keeps only its manifests as plain objects; ours are found by the folders it does not know.
    if any(True for _ in islice(driver.walk(layout.SESSIONS), 1)) or any(row.segmented and row.size for row in rows):
        yield "this registry (static large objects)"
    elif not dynamic:
        yield f"this registry, or Distribution 2.x without a blob ({plural(len(rows), 'plain file')})"
