"""Look for damage and waste in a storage that a registry filled, ours or Distribution 2.x."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from docker_registry.core.driver import Base
from docker_registry.plurals import in_bytes, plural

from ..progress import Quiet
from .examine import Examiner
from .findings import Finding, Kind, Summary, age
from .images import Image
from .index import Index
from .options import FsckOptions
from .repair import Repairer
from .scan import Scan

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Fsck", "FsckOptions", "orphans"]


def orphans(index: Index, scan: Scan, repair: bool) -> Iterator[Finding]:
    """Segments of no file, after the whole walk; with `repair`, as sure as it takes to remove them."""
    if repair and any(True for _ in index.orphans()):
        # For a report it is good enough what a listing says of plain files; not for a removal.
        yield from list(scan.ask_owners(sure=True))
    for group in list(index.orphans()):
        yield Finding(
            Kind.ORPHANED_SEGMENTS,
            group.folder,
            f"{plural(group.segments, 'segment')}, {in_bytes(group.size)}",
            size=group.size,
            age=age(group.youngest),
        )


class Fsck:
    """One run over `driver`, a context manager; `summary` and `images` are right when `run` has ended."""

    def __init__(self, driver: Base, options: FsckOptions, progress: Quiet):
        self._index = Index()
        self._driver = driver
        self._options = options
        self._progress = progress
        self.summary = Summary()

    def run(self) -> Iterator[Finding]:
        """Generate all findings, each mended already as far as the options allow.

        Raises ConnectionError when the storage cannot be listed, NoRegistryError when no registry's files are there.
        """
        index = self._index
        scan = Scan(self._driver, index, self._options.workers, self._progress, read_all_links=self._options.deep)
        examiner = Examiner(self._driver, index, self._options, self._progress)
        repairer = Repairer(self._driver, index, self._options, scan)
        for finding in self._find(index, scan, examiner):
            repairer.mend(finding)
            self.summary.count(finding)
            index.note(finding)
            yield finding
        self._sum_up(index, examiner)

    def images(self) -> Iterator[Image]:
        """Generate the images that no client can pull."""
        return self._index.broken_images()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._index.close()

    def _find(self, index: Index, scan: Scan, examiner: Examiner) -> Iterator[Finding]:
        # A repair may only follow the whole walk: what it removes must be no one's.
        yield from list(scan.run())
        yield from list(scan.prove())
        self.summary.unseen = scan.unseen(time.time() - self._options.grace)
        yield from examiner.shallow()
        if self._options.deep:
            yield from examiner.deep()
        yield from orphans(index, scan, self._options.repair)
        yield from examiner.missing()

    def _sum_up(self, index: Index, examiner: Examiner) -> None:
        self.summary.files = index.count("owner") + index.count("link")
        self.summary.segments = index.count("part")
        self.summary.blobs = index.count("blob")
        self.summary.manifests = index.count("manifest")
        self.summary.repositories = index.count("link", "repository")
        self.summary.bytes_hashed = examiner.hashed
        self.summary.unpullable = sum(1 for _ in self.images())
