"""What a registry does so that garbage collection can run beside it: see docs/gc.md.

Whoever promises something (a link, a mount, a manifest) calls `check` for each
file that the promise relies on and for each that it writes, *before* it looks
and writes, and all of it within `promise`. A file that is announced to go gets
a veto, one that is being removed now is refused. A veto counts only if it was
written soon after notice and door were looked at. Notice and door are read at
most once in `copy` seconds, and only when somebody promises; who cannot read
them promises nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnreachableError

from ..errors import Code, RegistryError
from ..model.collection import (
    DOOR,
    NOTICE,
    TERMS,
    Announcement,
    AnnouncementError,
    Terms,
    file_key,
    list_path,
    mark_path,
    parse_list,
    position,
    veto_path,
)
from .cache import Memory

__all__ = ["Promise", "Vetoes"]

_SPARE = 60.0  # s of a session that belong to what was remembered from just before it
_RETRY_AFTER = 120  # s; the door is closed for some minutes
_TRIES = 3  # to write a veto in time


class _Board(NamedTuple):
    """Notice and door as they were read; empty lists where none counts."""

    run: str
    announced: bytes
    closed: bytes


class Promise:
    """How long ago the first `check` was made that an acknowledgement relies on."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Say that nothing has been checked yet; a client may have sent its bytes until now."""
        self._begun = self._clock()

    def age(self) -> float:
        return self._clock() - self._begun


class Vetoes:
    """`clock` gives seconds and never goes back; it must run while the process is stopped."""

    def __init__(
        self,
        driver: Driver,
        cache: Memory,
        terms: Terms = TERMS,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._driver = driver
        self._cache = cache
        self._terms = terms
        self._clock = clock
        self._lists: dict[str, bytes] = {}  # that notice and door named when they were last read

    @contextmanager
    def promise(self) -> Iterator[Promise]:
        """Around all that leads to one acknowledgement; raises UNAVAILABLE at its end where it took too long."""
        promise = Promise(self._clock)
        yield promise
        if promise.age() > max(self._terms.session - _SPARE, self._terms.session / 2):
            raise _too_slow()

    def check(self, path: str) -> bool:
        """Keep a file from going; whether it was about to, so that nothing remembered of it counts.

        Raises UNAVAILABLE for a file that goes now.
        """
        listed = False
        for _ in range(_TRIES):
            looked = self._clock()
            board: _Board = self._cache.fetch(("collection",), self._read, self._terms.copy)
            place = self._place(board, path)
            if place is None:
                return listed
            listed = True
            self._driver.overwrite(mark_path(board.run, place), b"")
            self._driver.overwrite(veto_path(board.run, file_key(path)), b"")
            if self._clock() - looked <= self._terms.veto:
                return listed
        raise _too_slow()

    def _place(self, board: _Board, path: str) -> int | None:
        """Where in the list of what may go a file is, if it is there. Raises UNAVAILABLE for one that goes now."""
        if not board.announced and not board.closed:
            return None
        key = file_key(path)
        if position(board.closed, key) is not None:
            raise RegistryError(
                Code.UNAVAILABLE,
                "garbage collection is removing what nobody used; push again in some minutes",
                headers={"Retry-After": str(_RETRY_AFTER)},
            )
        return position(board.announced, key)

    def _read(self) -> _Board:
        notice = self._announcement(NOTICE)
        # A door is closed only under a notice that outlasts it.
        door = self._announcement(DOOR) if notice else None
        run, closed = notice.run if notice else "", door.door if door else ""
        lists = {name: self._lists.get(name) for name in (run, closed) if name}
        self._lists = {name: self._list(name) if known is None else known for name, known in lists.items()}
        return _Board(run, self._lists.get(run, b""), self._lists.get(closed, b""))

    def _announcement(self, path: str) -> Announcement | None:
        """One that counts now, or None. Raises ConnectionError where that cannot be told."""
        try:
            content, age = self._driver.get_aged(path)
        except FileNotFoundError:
            return None
        with _trusted(path):
            found = Announcement.parse(content)
        return None if age is not None and age > found.lasts else found

    def _list(self, name: str) -> bytes:
        path = list_path(name)
        try:
            with _trusted(path):
                return parse_list(self._driver.get_newest(path))
        except FileNotFoundError:
            raise UnreachableError(f"{path} is not there, though a notice or door names it") from None


def _too_slow() -> RegistryError:
    return RegistryError(Code.UNAVAILABLE, "the storage took too long, push again", headers={"Retry-After": "1"})


@contextmanager
def _trusted(path: str) -> Iterator[None]:
    try:
        yield
    except AnnouncementError as error:
        raise UnreachableError(f"{path}: {error}") from None
