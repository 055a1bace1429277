"""Look for damage and waste in a storage that a registry filled, ours or Distribution 2.x."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.core.driver import Base

from .examine import Examiner
from .findings import Finding, Kind, Summary, age
from .ledger import Ledger
from .options import Options
from .progress import Quiet
from .repair import Repairer
from .survey import Survey

__all__ = ["Fsck", "Options"]


class Fsck:
    """One run over `driver`; `summary` is right when `run` has ended."""

    def __init__(self, driver: Base, options: Options, progress: Quiet):
        self._driver = driver
        self._options = options
        self._progress = progress
        self.summary = Summary()

    def run(self) -> Iterator[Finding]:
        """Generate all findings, each mended already as far as the options allow.

        Raises ConnectionError when the storage cannot be listed.
        """
        with Ledger() as ledger:
            survey = Survey(self._driver, ledger, self._options.workers, self._progress)
            examiner = Examiner(self._driver, ledger, self._options, self._progress)
            repairer = Repairer(self._driver, ledger, self._options, lambda: not survey.untold)
            for finding in self._find(ledger, survey, examiner):
                repairer.mend(finding)
                self.summary.count(finding)
                yield finding
            self._sum_up(ledger, examiner)

    def _find(self, ledger: Ledger, survey: Survey, examiner: Examiner) -> Iterator[Finding]:
        # A repair may only follow the whole walk: what it removes must be no one's.
        yield from list(survey.run())
        yield from examiner.shallow()
        if self._options.deep:
            yield from examiner.deep()
        yield from self._orphans(ledger, survey)

    def _orphans(self, ledger: Ledger, survey: Survey) -> Iterator[Finding]:
        if self._options.repair and any(True for _ in ledger.orphans()):
            # For a report the first listing is good enough, and what it says of plain files; not for a removal.
            survey.list_again()
            yield from list(survey.ask_owners(sure=True))
        for group in list(ledger.orphans()):
            yield Finding(
                Kind.ORPHANED_SEGMENTS,
                group.folder,
                f"{group.segments} segments, {group.size} bytes",
                size=group.size,
                age=age(group.youngest),
            )

    def _sum_up(self, ledger: Ledger, examiner: Examiner) -> None:
        self.summary.files = ledger.count("owner") + ledger.count("link")
        self.summary.segments = ledger.count("part")
        self.summary.blobs = ledger.count("blob")
        self.summary.manifests = ledger.count("manifest")
        self.summary.repositories = ledger.count("link", "repository")
        self.summary.bytes_hashed = examiner.hashed
