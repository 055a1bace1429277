"""The right to remove, which one process at a time has: taken, renewed while it is used, given back.

It is short, so that others need not wait for long after a process was killed. To
renew it blindly would take it from a process that began at the same moment, without
a wait for what that one has sent. So it is looked at just before, and the run ends
where that took long: who took it after the look has not sent anything yet.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.distribution.model.collection import Terms

from ..progress import Quiet
from .board import Board, Seen
from .outcome import Clock

__all__ = ["Ended", "Keeping", "Lease"]

logger = logging.getLogger(__name__)


class Ended(Exception):
    """The run cannot go on in this process; says why."""


class Lease:
    """`holder` is the id of this process; `taken` is when it had the lease for the first time, by its clock."""

    def __init__(self, board: Board, terms: Terms, clock: Clock):
        self.holder = uuid.uuid4().hex
        self.taken = 0.0
        self._board = board
        self._terms = terms
        self._clock = clock
        self._held = False
        self._since = 0.0  # when it was asked for last, with success
        self._due = 0.0  # when it is to be renewed

    def other(self) -> Seen | None:
        """That of another process, if there is one."""
        lease = self._board.lease()
        return lease if lease is not None and 0 < lease.said.lasts >= lease.age else None

    def take(self) -> None:
        """What nobody else has. Raises ConnectionError."""
        sent = self._clock.now()
        self._board.take_lease(self.holder, self._terms.lease)
        self.taken = self._clock.now()
        self._note(sent)

    def keep(self) -> None:
        """Renew it now and then, while it is held; to be called often. Raises Ended."""
        now = self._clock.now()
        if not self._held or now < self._due:
            return
        self._due = now + self._terms.lease / 60
        try:
            self._renew(now)
        except UnspecifiedError as error:
            logger.warning("the lease was not renewed, which is tried again: %s", error)
        if self._clock.now() - now > self._terms.veto:
            self._held = False
            raise Ended("the storage took too long to renew the lease")

    def _renew(self, now: float) -> None:
        lease = self._board.lease()
        if lease is None or lease.said.run != self.holder:
            self._held = False
            raise Ended("another process took over")
        self._board.renew_lease(self.holder, self._terms.lease)
        self._note(now)

    def give_back(self) -> None:
        """Somebody else's by now, that would only end their run; not even that, while it surely is this one's."""
        if not self._held or self._clock.now() - self._since >= self._terms.lease - self._terms.late:
            return
        try:
            self._board.take_lease(self.holder, 0.0)
        except UnspecifiedError as error:
            logger.warning("the lease could not be given back, it ends by itself: %s", error)

    def _note(self, sent: float) -> None:
        self._held, self._since = True, sent
        self._due = sent + self._terms.lease / 6


class Keeping(Quiet):
    """Progress as another one shows it, and at each thing done something that must go on meanwhile."""

    def __init__(self, progress: Quiet, keep: Callable[[], None]):
        self._progress = progress
        self._keep = keep

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        with self._progress.step(title, total) as advance:

            def both() -> None:
                self._keep()
                advance()

            yield both
