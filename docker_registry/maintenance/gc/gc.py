"""One run of the command: announce what may go, or finish a run that was announced before.

The two have nothing in common but what is in the storage, so any process on any
host may finish a run, once its notice is old enough. Every step may be the last:
a run that ended early leaves a notice, under which pushes go on.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from time import time

from docker_registry.core.driver import Base
from docker_registry.distribution.model.collection import TERMS, Terms, file_key, position
from docker_registry.plurals import plural

from ..fsck.examine import Examiner
from ..fsck.fsck import orphans
from ..fsck.options import FsckOptions
from ..fsck.repair import Repairer
from ..fsck.scan import Scan
from ..progress import Quiet
from ..wrong_place import refuse_wrong_place
from .board import Board, RefusedError, Seen
from .garbage import Garbage, Item
from .lease import Ended, Keeping, Lease
from .outcome import CLOCK, Clock, Outcome, Pending, Removal, Stage
from .sweep import Hold, Sweeper

__all__ = ["Collector"]

logger = logging.getLogger(__name__)

LIMIT = 200_000  # files that one run announces


class Collector:
    """One run over `driver`, a context manager; `outcome` is right when `run` has ended."""

    def __init__(
        self,
        driver: Base,
        options: FsckOptions,
        progress: Quiet,
        terms: Terms = TERMS,
        untagged: Callable[[str], float | None] = lambda repository: None,
        clock: Clock = CLOCK,
        wall: Callable[[], float] = time,
    ):
        """`untagged`: seconds after which manifests of a repository go that no tag leads to; None keeps them all."""
        self._driver = driver
        self._options = options
        self._terms = terms
        self._untagged = untagged
        self._clock = clock
        self._wall = wall
        self._board = Board(driver, terms)
        self._lease = Lease(self._board, terms, clock)
        self._progress = Keeping(progress, self._lease.keep)
        self._index = Garbage()
        self.outcome = Outcome()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._index.close()

    def would(self) -> Iterator[Item]:
        """Only look: generate what nobody needs now, and is old enough."""
        notice = self._board.notice()
        if notice is not None and notice.age <= notice.said.lasts and not self._is_done(notice, self._board.door()):
            self.outcome.pending = Pending(notice.said.run, notice.age, notice.said.ripe, notice.said.lasts)
        scan = self._walk(lambda path: True)
        self._note_young()
        for item in chain(self._index.links(), self._index.data()):
            self.outcome.stage = Stage.WOULD_ANNOUNCE
            self.outcome.announced += 1
            self.outcome.count(item)
            yield item
        examiner = Examiner(self._driver, self._index, self._options, self._progress)
        for finding in chain(list(examiner.unfinished_uploads()), orphans(self._index, scan, repair=False)):
            if finding.age is not None and finding.age > self._options.grace:
                finding.done = "would be removed"
                self.outcome.waste.append(finding)

    def run(self) -> Iterator[Removal]:
        """Do what is next; generate what became of each file of a run that is finished.

        Raises RefusedError where anything would not be safe, ConnectionError when the storage cannot be listed,
        NoRegistryError where no registry's files are.
        """
        self._board.check_driver()
        try:
            yield from self._next()
        except Ended as why:
            self._stop(str(why))

    def _next(self) -> Iterator[Removal]:
        since = self._clock.now()
        notice, door = self._board.notice(), self._board.door()
        if notice is None or notice.age > notice.said.lasts or self._is_done(notice, door):
            refuse_wrong_place(self._driver)
            with self._leased() as mine:
                if mine:
                    self._announce(notice)
        elif notice.age < notice.said.ripe:
            self._wait(Stage.WAITING, notice.said.run, notice.said.ripe - notice.age)
        elif self._can_finish(notice):
            with self._leased() as mine:
                if mine:
                    yield from self._finish(notice, since)
        else:
            self._wait(Stage.WAITING, notice.said.run, notice.said.lasts - notice.age)

    def _wait(self, stage: Stage, run: str, seconds: float) -> None:
        self.outcome.stage, self.outcome.run, self.outcome.again_in = stage, run, seconds

    def _is_done(self, notice: Seen, door: Seen | None) -> bool:
        return door is not None and door.said.run == notice.said.run and door.said.done

    def _can_finish(self, notice: Seen) -> bool:
        """Whether registries heed the notice for as long as its doors may be closed."""
        return notice.age <= notice.said.lasts - 2 * self._terms.late - self._terms.lease - self._terms.door

    @contextmanager
    def _leased(self) -> Iterator[bool]:
        """Hold the lease within, and give it back at the end; False where another process has it."""
        other = self._lease.other()
        if other is not None:
            self._wait(Stage.BUSY, other.said.run, other.said.lasts - other.age)
            yield False
            return
        self._lease.take()
        try:
            yield True
        finally:
            self._lease.give_back()

    # The walk.

    def _walk(self, announced: Callable[[str], bool]) -> Scan:
        """Raises RefusedError for a walk that is not whole, and beside a Distribution that takes pushes."""
        scan = Scan(self._driver, self._index, self._options.workers, self._progress)
        for _ in scan.run():  # what is damaged is fsck's to tell; what it leaves in doubt stays
            pass
        before = self._wall() - self._terms.grace
        self._prove(scan, before)
        foreign = self._index.pushed_by_distribution(before)
        if foreign:
            raise RefusedError(
                f"{foreign} was written by Distribution 2.x less than the grace period ago, and beside its pushes "
                "nothing can be removed safely: make it read-only, and run again after the grace period"
            )
        self._index.find(before, announced, self._untagged_before)
        self.outcome.opaque = self._index.opaque()
        return scan

    def _note_young(self) -> None:
        young = self._index.young()
        if young:
            self.outcome.young, self.outcome.old_at = young, young.youngest + self._terms.grace

    def _untagged_before(self, repository: str) -> float | None:
        age = self._untagged(repository)
        return None if age is None else self._wall() - age

    def _prove(self, scan: Scan, before: float) -> None:
        """Raises RefusedError where files may be there that the walk has not seen."""
        for _ in scan.prove():
            pass
        unseen = scan.unseen(before)
        if unseen:
            raise RefusedError(unseen)
        if scan.untold:
            some = ", ".join(sorted(scan.untold)[:3])
            raise RefusedError(
                f"{plural(len(scan.untold), 'file')} could not be asked about, such as {some}: run again, or fsck"
            )

    def _clear_waste(self, scan: Scan) -> None:
        """Segments of no file, and uploads that nobody goes on with: older than any upload may be."""
        examiner = Examiner(self._driver, self._index, self._options, self._progress)
        repairer = Repairer(self._driver, self._index, self._options, scan)
        for finding in chain(list(examiner.unfinished_uploads()), orphans(self._index, scan, repair=True)):
            repairer.mend(finding)
            if finding.done:
                self.outcome.waste.append(finding)

    # First half.

    def _announce(self, former: Seen | None) -> None:
        scan = self._walk(lambda path: True)
        self._note_young()
        self._clear_waste(scan)
        run = uuid.uuid4().hex
        self._board.forget_old_runs({run, former.said.run if former else run})
        if not any(True for _ in self._index.links()) and not any(True for _ in self._index.data()):
            return
        items = islice(chain(self._index.links(), self._index.data()), LIMIT)
        if self._is_another_announced(former):
            self._stop("another process announced a run meanwhile")
            return
        self.outcome.announced = self._board.announce(run, map(self._counted, items))
        self._wait(Stage.ANNOUNCED, run, self._terms.ripe)

    def _counted(self, item: Item) -> str:
        self.outcome.count(item)
        return item.path

    def _is_another_announced(self, former: Seen | None) -> bool:
        notice = self._board.notice()
        return (notice and notice.said) != (former and former.said)

    # Second half.

    def _finish(self, notice: Seen, since: float) -> Iterator[Removal]:
        run = self.outcome.run = notice.said.run
        listed, kept = self._board.listed(run), self._board.kept(run)
        self.outcome.vetoed = len(kept)

        def may_go(path: str) -> bool:
            key = file_key(path)
            return key not in kept and position(listed, key) is not None

        scan = self._walk(may_go)
        self._clear_waste(scan)
        # What the process that had the lease before may have sent has acted then.
        self._clock.sleep(max(0.0, self._lease.taken + self._terms.settling - self._clock.now()))
        self._lease.keep()
        hold = Hold(self._board, self._terms, self._clock, self._lease.holder, notice, since)
        sweeper = Sweeper(
            self._driver, self._board, self._index, listed, self._terms, self._clock, self._options.workers
        )
        with self._progress.step("files removed") as advance:
            for removal in sweeper.run(run, hold):
                self._count(removal)
                yield removal
                advance()
        self.outcome.stage = Stage.FINISHED

    def _stop(self, why: str) -> None:
        self.outcome.stage, self.outcome.why = Stage.STOPPED, why

    def _count(self, removal: Removal) -> None:
        if removal.done:
            self.outcome.count(removal.item)
            self.outcome.removed += 1
            self.outcome.freed += removal.item.size
        else:
            self.outcome.kept += 1
