"""What Distribution 2.8 could not process in a container that we wrote to: for the way back to it."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.plurals import plural

from ..fsck.index import Index
from ..fsck.scan import Scan
from ..progress import Quiet, for_terminal
from .lines import Line, error, ok, warning

__all__ = ["look_at_departure"]

_WORKERS = 16  # requests at a time


def look_at_departure(driver: Base, progress: Quiet | None = None) -> Iterator[Line]:
    """Walks the whole storage and reads every manifest."""
    with Index() as index:
        scan = Scan(driver, index, _WORKERS, progress or for_terminal())
        try:
            damaged = [finding for finding in scan.run() if finding.settled is False]
        except UnspecifiedError as failure:
            yield error("walk", str(failure) or failure.message)
            return
        yield from _manifests(index)
        for name in index.repositories_without_layers():
            yield error(
                "repository",
                f"{name} has manifests and no link to a blob, such as only an empty index",
                "Push any blob into it before you go back: Distribution 2.8 does not take it for a repository, "
                "and its garbage collection deletes the manifests",
            )
        yield from _segments(index)
        yield from _referrers(index)
        if damaged:
            yield warning("damage", f"{plural(len(damaged), 'file')}, which may end its garbage collection", "Run fsck")


def _manifests(index: Index) -> Iterator[Line]:
    found = False
    for repository, digest, why in index.foreign_manifests():
        found = True
        yield error(
            "manifest",
            f"{repository}@{digest}: {why}",
            "Delete it before you go back: Distribution 2.8 does not serve it, and its garbage collection ends there",
        )
    if not found:
        yield ok("manifests", f"Distribution 2.8 understands all {index.count('manifest')}")


def _segments(index: Index) -> Iterator[Line]:
    files, segments = index.static_objects()
    if files:
        yield warning(
            "large objects",
            f"{files} are static; Distribution 2.8 serves them, but when its garbage collection deletes one it leaves "
            f"the segments (now {segments} in all)",
            "After its garbage collection run fsck --repair from here",
        )
    else:
        yield ok("large objects", "none that its garbage collection would delete in part")


def _referrers(index: Index) -> Iterator[Line]:
    referrers = index.referrers()
    if referrers:
        yield warning(
            "referrers",
            f"{plural(referrers, 'entry', 'entries')}, which Distribution 2.8 has no API for and passes over",
            "Its garbage-collect --delete-untagged removes signatures and the like that have no tag: leave that out",
        )
