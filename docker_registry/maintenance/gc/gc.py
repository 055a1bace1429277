"""One run of the command: announce what may go, or finish a run that was announced before.

The two have nothing in common but what is in the storage, so any process on any
host may finish a run, once its notice is old enough. Every step may be the last:
a run that ended early leaves a notice, under which pushes go on.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, islice
from typing import NamedTuple

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.distribution.model.collection import TERMS, Terms, contains, file_key, veto_path

from ..fsck.examine import Examiner
from ..fsck.findings import Finding
from ..fsck.fsck import orphans
from ..fsck.options import FsckOptions
from ..fsck.repair import Repairer
from ..fsck.scan import Scan
from ..parallel import each
from ..progress import Quiet
from .board import Board, RefusedError, Seen
from .garbage import Garbage, Item

__all__ = ["Clock", "Collector", "Outcome", "Removal", "Stage"]

LIMIT = 200_000  # files that one run announces
_BATCH = 256  # files between two looks whether the run is still on


class Stage(str, Enum):
    """What there was to do."""

    ANNOUNCED = "announced"
    NOTHING = "nothing to collect"
    WAITING = "waiting for the grace period"
    BUSY = "a run is removing files"
    FINISHED = "finished"
    STOPPED = "stopped"


class Removal(NamedTuple):
    """One file, and what became of it."""

    item: Item
    done: bool
    why: str  # where it stayed, why


@dataclass
class Outcome:
    """What a run has come to. Sizes are in bytes, times in seconds."""

    stage: Stage = Stage.NOTHING
    run: str = ""
    again_in: float = 0.0  # after which the command should be called again
    why: str = ""
    announced: int = 0
    removed: int = 0
    freed: int = 0
    kept: int = 0
    opaque: int = 0  # repositories of which no link was considered
    waste: list[Finding] = field(default_factory=list)  # segments and uploads of nobody


class Clock(NamedTuple):
    """Seconds that never go back, and a way to let them pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()


class Collector:
    """One run over `driver`, a context manager; `outcome` is right when `run` has ended."""

    def __init__(
        self,
        driver: Base,
        options: FsckOptions,
        progress: Quiet,
        terms: Terms = TERMS,
        clock: Clock = CLOCK,
        wall: Callable[[], float] = time.time,
    ):
        self._driver = driver
        self._options = options
        self._progress = progress
        self._terms = terms
        self._clock = clock
        self._wall = wall
        self._since = clock.now()
        self._board = Board(driver, terms)
        self._index = Garbage()
        self.outcome = Outcome()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._index.close()

    def would(self) -> Iterator[Item]:
        """Only look: generate what nobody needs now, and is old enough."""
        scan = self._walk(lambda path: True)
        yield from chain(self._index.links(), self._index.data())
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
        self._since = self._clock.now()
        notice, door = self._board.notice(), self._board.door()
        if door is not None and door.age <= door.said.lasts:
            self._wait(Stage.BUSY, door.said.run, door.said.lasts - door.age)
        elif notice is None or notice.age > notice.said.lasts or self._is_done(notice, door):
            self._announce(notice)
        elif notice.age < notice.said.ripe:
            self._wait(Stage.WAITING, notice.said.run, notice.said.ripe - notice.age)
        elif self._can_finish(notice):
            yield from self._finish(notice)
        else:
            self._wait(Stage.WAITING, notice.said.run, notice.said.lasts - notice.age)

    def _wait(self, stage: Stage, run: str, seconds: float) -> None:
        self.outcome.stage, self.outcome.run, self.outcome.again_in = stage, run, seconds

    def _is_done(self, notice: Seen, door: Seen | None) -> bool:
        """Whether the door of this notice was closed, and counts no more. What its run left is the next one's."""
        return door is not None and door.said.run == notice.said.run and door.age > door.said.lasts

    def _can_finish(self, notice: Seen) -> bool:
        """Whether registries heed the notice for as long as its door may be closed."""
        return notice.age <= notice.said.lasts - 2 * self._terms.late - self._terms.door

    # The walk.

    def _walk(self, announced: Callable[[str], bool]) -> Scan:
        """Raises RefusedError for a walk that is not whole, and beside a Distribution that takes pushes."""
        scan = Scan(self._driver, self._index, self._options.workers, self._progress)
        for _ in scan.run():  # what is damaged is fsck's to tell; what it leaves in doubt stays
            pass
        if scan.untold:
            some = ", ".join(sorted(scan.untold)[:3])
            raise RefusedError(f"{len(scan.untold)} files could not be asked about, such as {some}: run again, or fsck")
        before = self._wall() - self._terms.grace
        foreign = self._index.pushed_by_distribution(before)
        if foreign:
            raise RefusedError(
                f"{foreign} was written by Distribution 2.x less than the grace period ago, and beside its pushes "
                "nothing can be removed safely: make it read-only, and run again after the grace period"
            )
        self._index.find(before, announced)
        self.outcome.opaque = self._index.opaque()
        return scan

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
        self._clear_waste(scan)
        run = uuid.uuid4().hex
        self._board.forget_old_runs({run, former.said.run if former else run})
        paths = (item.path for item in chain(self._index.links(), self._index.data()))
        first = next(paths, None)
        if first is None:
            return
        self.outcome.announced = self._board.announce(run, chain([first], paths), LIMIT)
        self._wait(Stage.ANNOUNCED, run, self._terms.ripe)

    # Second half.

    def _finish(self, notice: Seen) -> Iterator[Removal]:
        run = self.outcome.run = notice.said.run
        listed = self._board.listed(run)
        scan = self._walk(lambda path: contains(listed, file_key(path)))
        self._clear_waste(scan)
        begun = self._clock.now()  # of the time for which the door is surely closed
        if not self._is_ours(notice, closing=True):
            self._stop("another run took its place")
            return
        self._board.close_door(run)
        if self._clock.now() - begun > self._terms.late:
            self._stop("the storage took too long to close the door")
            return
        # Registries that have not seen the door yet end what they are at.
        self._clock.sleep(self._terms.copy + self._terms.session)
        deadline = begun + self._terms.door - self._terms.late
        self.outcome.stage = Stage.FINISHED
        yield from self._sweep(notice, deadline)

    def _stop(self, why: str) -> None:
        self.outcome.stage, self.outcome.why = Stage.STOPPED, why

    def _is_ours(self, first: Seen, closing: bool = False) -> bool:
        """Whether notice and door are this run's still, and count for long enough; `first` is the notice as it began.

        A notice of the same run that was written again (by its first process, which was stopped for days) has not been
        heeded all the time, and neither has one that aged more than this process knows of.
        """
        notice, run = self._board.notice(), first.said.run
        if notice is None or notice.said != first.said:
            return False
        if abs(notice.age - first.age - (self._clock.now() - self._since)) > self._terms.late:
            return False
        if closing:
            return self._can_finish(notice)
        door = self._board.door()
        return (
            notice.age <= notice.said.lasts - self._terms.late
            and door is not None
            and door.said.run == run
            and door.age <= door.said.lasts - 2 * self._terms.late
        )

    def _sweep(self, notice: Seen, deadline: float) -> Iterator[Removal]:
        """Links first; data only where each link to it went."""
        with self._progress.step("files removed") as advance:
            for items in (self._index.links(), self._index.data()):
                while batch := list(islice(items, _BATCH)):
                    if not self._is_ours(notice):
                        self._stop("its notice or door is over, or another's; the rest is left to the next run")
                        return
                    for removal in self._remove(notice.said.run, batch, deadline):
                        advance()
                        self._count(removal)
                        yield removal

    def _remove(self, run: str, batch: list[Item], deadline: float) -> Iterator[Removal]:
        def remove(item: Item) -> str:
            return self._remove_one(run, item, deadline)

        for item, answer in each(remove, batch, self._options.workers):
            why = str(answer) or answer.message if isinstance(answer, UnspecifiedError) else answer
            if why and not item.size:
                self._index.spare(item.digest)
            yield Removal(item, not why, why)

    def _remove_one(self, run: str, item: Item, deadline: float) -> str:
        """Why a file stays, or ""."""
        try:
            self._driver.stat(veto_path(run, file_key(item.path)), newest=True)
        except FileNotFoundError:
            pass
        else:
            return "somebody uses it again"
        if self._clock.now() > deadline:
            return "the door may open; it is left to the next run"
        try:
            self._driver.remove_once(item.path)
        except FileNotFoundError:
            pass  # somebody deleted it
        return ""

    def _count(self, removal: Removal) -> None:
        if removal.done:
            self.outcome.removed += 1
            self.outcome.freed += removal.item.size
        else:
            self.outcome.kept += 1
