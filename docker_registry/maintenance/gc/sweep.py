"""The removal of what a run announced: one door after another, and only files without a veto.

Whoever uses this holds the lease. A door closes for what is about to be
removed, and the next one, or the last one, which has nothing behind it, opens
it again. That is safe because one process at a time writes doors, each by one
request that was answered, and because a removal that was not answered keeps
its file behind every door that follows.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from itertools import groupby, islice

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.distribution.model.collection import GROUP, Terms, file_key, mark_path, position, veto_path

from ..parallel import each
from .board import Board, Seen
from .garbage import Garbage, Item
from .lease import Ended
from .outcome import Clock, Removal

__all__ = ["Hold", "Sweeper"]

BATCH = 10_000  # files behind one door: what a slow Swift removes in some minutes
_LATER = "later"  # its turn comes behind another door


class Hold:
    """What a process must still have before it closes a door, and behind it: the lease, and the notice as it was."""

    def __init__(self, board: Board, terms: Terms, clock: Clock, holder: str, notice: Seen, since: float):
        """`since` is when the notice was read, by `clock`."""
        self._board = board
        self._terms = terms
        self._clock = clock
        self._holder = holder
        self._notice = notice
        self._since = since

    def check(self, door: str = "") -> float:
        """Raises Ended where something is another's; returns when it began to look. `door`: which must be closed."""
        looked = self._clock.now()
        lease, notice = self._board.lease(), self._board.notice()
        if lease is None or lease.said.run != self._holder:
            raise Ended("another process took over")
        if notice is None or notice.said != self._notice.said or self._was_rewritten(notice, looked):
            raise Ended("another run took its place")
        if notice.age > notice.said.lasts - 2 * self._terms.late - self._terms.door:
            raise Ended("its notice is about to end")
        if door:
            closed = self._board.door()
            if closed is None or closed.said.door != door:
                raise Ended("its door was replaced")
        return looked

    def _was_rewritten(self, notice: Seen, now: float) -> bool:
        """By a process that was stopped for days: then registries have not heeded it all the time."""
        return abs(notice.age - self._notice.age - (now - self._since)) > self._terms.late


class Sweeper:
    def __init__(
        self, driver: Base, board: Board, index: Garbage, listed: bytes, terms: Terms, clock: Clock, workers: int
    ):
        """`listed` is what the run has announced."""
        self._driver = driver
        self._listed = listed
        self._board = board
        self._index = index
        self._terms = terms
        self._clock = clock
        self._workers = workers
        self._doubtful: set[bytes] = set()  # keys of files of which a removal was not answered

    def run(self, run: str, hold: Hold) -> Iterator[Removal]:
        """Remove links, then data of which each link went, then open the last door. Raises Ended, ConnectionError."""
        for items in (self._index.links(), self._index.data()):
            yield from self._sweep(run, hold, items)
        self._close(run, hold, set(), done=True)

    def _sweep(self, run: str, hold: Hold, items: Iterator[Item]) -> Iterator[Removal]:
        batch: list[Item] = []
        while batch := [*batch, *islice(items, BATCH - len(batch))]:
            late: list[Item] = []
            for removal in self._behind_door(run, hold, batch):
                if removal.why == _LATER:
                    late.append(removal.item)
                else:
                    yield removal
            if len(late) == len(batch):
                raise Ended("the storage is too slow to remove anything while a door is closed")
            batch = late

    def _behind_door(self, run: str, hold: Hold, batch: list[Item]) -> Iterator[Removal]:
        door, begun = self._close(run, hold, {file_key(item.path) for item in batch})
        # Registries that have not seen the door yet end the vetoes that they are at.
        self._clock.sleep(self._terms.closing)
        looked = hold.check(door)
        deadline = min(looked + self._terms.sweep, begun + self._terms.door - self._terms.late)

        def remove(items: list[Item]) -> dict[str, str]:
            return self._remove(run, items, deadline)

        for items, stay in each(remove, self._groups(batch), self._workers):
            if isinstance(stay, UnspecifiedError):  # a veto could not be looked for, so nothing was sent
                stay = dict.fromkeys((item.path for item in items), _refused(stay))
            for item in items:
                why = stay.get(item.path, "")
                if why and why != _LATER and item.is_link:
                    self._index.spare(item.digest)
                yield Removal(item, not why, why)

    def _close(self, run: str, hold: Hold, keys: set[bytes], done: bool = False) -> tuple[str, float]:
        """Close a door, which opens the one before it; returns its id and since when it is closed at the earliest."""
        door, keys = "", keys | self._doubtful
        if keys:
            door = uuid.uuid4().hex
            self._board.write_list(door, keys)
        begun = hold.check()
        self._board.close_door(run, door, done)
        if self._clock.now() - begun > self._terms.veto:
            raise Ended("the storage took too long to close the door")
        return door, begun

    def _remove(self, run: str, items: list[Item], deadline: float) -> dict[str, str]:
        """By path, why files stay."""
        stay = {}
        if self._is_there(mark_path(run, self._place(items[0]))):
            kept = (item for item in items if self._is_there(veto_path(run, file_key(item.path))))
            stay = {item.path: "somebody uses it again" for item in kept}
        before = {path: item.path for item in items if item.path not in stay for path in item.before}
        if before:
            stay.update({before[path]: why for path, why in self._send(before, deadline).items()})
        return {**stay, **self._send([item.path for item in items if item.path not in stay], deadline)}

    def _groups(self, batch: list[Item]) -> Iterator[list[Item]]:
        """Those that share a mark: so few that one request for all ends soon, also where each takes a time-out."""
        for _, items in groupby(batch, lambda item: self._place(item) // GROUP):
            yield list(items)

    def _place(self, item: Item) -> int:
        place = position(self._listed, file_key(item.path))
        assert place is not None, "only what was announced may go"
        return place

    def _is_there(self, path: str) -> bool:
        try:
            self._driver.stat(path, newest=True)
        except FileNotFoundError:
            return False
        return True

    def _send(self, paths: Collection[str], deadline: float) -> dict[str, str]:
        """Ask for removals, each once; returns why files stay."""
        if self._clock.now() > deadline:
            return dict.fromkeys(paths, _LATER)
        failed = self._driver.remove_each_once(paths)
        self._doubtful.update(map(file_key, failed))
        return {path: _refused(error) for path, error in failed.items()}


def _refused(error: UnspecifiedError) -> str:
    return f"the storage would not: {error or error.message}"
