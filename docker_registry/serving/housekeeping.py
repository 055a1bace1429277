"""Chores that come round again while the registry serves: the master starts a process for each, and waits for none.

A process of its own, forked before anything is loaded, needs no place in a
worker's loop, and may be killed at any time. Of several replicas the one that
comes first does a chore: a mark in the storage says when it was begun last. Two
that come at the same moment may both do it, so a chore must stand that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.distribution.model import layout
from docker_registry.metrics.board import Board
from docker_registry.metrics.figures import Figures, Key, Totals
from docker_registry.settings import Settings, open_driver

__all__ = ["Chore", "Housekeeping", "chores"]

Counts = dict[Key, float]

log = logging.getLogger(__name__)

_FIRST = 60.0  # s after the start, at most, until a chore is looked at
_EARLY = 0.9  # of its period after which a chore may come again: replicas do not look at the same moment
_INHERITED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD)


class Chore(NamedTuple):
    """`run` is called in a process of its own; it says what there is to count, and may raise UnspecifiedError."""

    name: str
    every: float  # s
    run: Callable[[Settings], Counts]


def chores(settings: Settings) -> list[Chore]:
    """Those that the settings ask for."""
    quotas = settings.quotas.every if settings.quotas.rules else 0.0
    found = [
        Chore("retention", settings.retention.every, _retention),
        Chore("gc", settings.gc.every, _gc),
        Chore("quotas", quotas, _quotas),
    ]
    return [chore for chore in found if chore.every]


class Housekeeping:
    """The master's part. `clock` gives seconds and never goes back. What chores count is left on the board."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic):
        self._board = board
        self._clock = clock
        self._due: dict[str, float] = {}
        self._running: dict[str, _Child] = {}

    def tend(self, wanted: Iterable[Chore], settings: Settings, sockets: Iterable[int]) -> None:
        """Start what is due; called every second or so. `sockets` are the master's, which no chore may keep open."""
        self._running = {name: child for name, child in self._running.items() if not child.has_ended()}
        now, wanted = self._clock(), list(wanted)
        for chore in wanted:
            due = self._due.setdefault(chore.name, now + min(chore.every, _FIRST))
            if now < due:
                continue
            self._due[chore.name] = now + chore.every
            if chore.name in self._running:
                log.warning("%s takes longer than its period of %.0f s", chore.name, chore.every)
            else:
                self._running[chore.name] = _Child(self._board, chore, settings, sockets)
        for name in self._due.keys() - {chore.name for chore in wanted}:
            del self._due[name]

    def stop(self) -> None:
        for child in self._running.values():
            child.kill()


class _Child:
    """A process that does a chore once. The pipe to it ends with it."""

    def __init__(self, board: Board, chore: Chore, settings: Settings, sockets: Iterable[int]):
        self._board = board
        self._place, serial = board.take_place()
        self._pipe, writing = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _do(chore, settings, (self._pipe, *sockets), partial(board.publish, self._place, serial))
        os.close(writing)
        os.set_blocking(self._pipe, False)

    def has_ended(self) -> bool:
        try:
            os.read(self._pipe, 1)
        except BlockingIOError:
            return False
        os.close(self._pipe)
        with contextlib.suppress(ChildProcessError):  # gunicorn reaps all children, and may have been sooner
            os.waitpid(self._pid, os.WNOHANG)
        self._board.bury(self._place)
        return True

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


def _do(chore: Chore, settings: Settings, inherited: Iterable[int], publish: Callable[[Totals], object]) -> None:
    """In the child: ends the process. `inherited` are file descriptors of the master's."""
    figures = Figures()
    note = partial(figures.count, "registry_chores_total", chore.name)
    try:
        for number in inherited:
            os.close(number)
        for number in _INHERITED:
            signal.signal(number, signal.SIG_DFL)
        if is_our_turn(chore, open_driver(settings)):
            note("begun")
            publish(figures.snapshot())
            for key, counted in chore.run(settings).items():
                figures.count(*key, by=counted)
            note("done")
    except UnspecifiedError as error:
        note("failed")
        log.warning("%s: %s", chore.name, error or error.message)
    except BaseException:
        # Nothing may escape into the parent's copy of its stack.
        note("failed")
        log.exception("%s ended early", chore.name)
    finally:
        publish(figures.snapshot())
        os._exit(0)


def is_our_turn(chore: Chore, driver: Base) -> bool:
    """Whether no replica has begun a chore in its period; if so, the storage is told that this one has."""
    mark = layout.turn(chore.name)
    try:
        _, age = driver.get_aged(mark)
    except FileNotFoundError:
        age = None
    if age is not None and age < _EARLY * chore.every:
        return False
    driver.overwrite(mark, b"")
    return True


def _retention(settings: Settings) -> Counts:
    from .chores import apply_retention  # not in the master

    return apply_retention(settings)


def _gc(settings: Settings) -> Counts:
    from .chores import collect_garbage  # not in the master

    return collect_garbage(settings)


def _quotas(settings: Settings) -> Counts:
    from .chores import count_for_quotas  # not in the master

    return count_for_quotas(settings)
