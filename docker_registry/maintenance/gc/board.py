"""Notice, door and list in the storage, as garbage collection reads and writes them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, FileNotFoundError
from docker_registry.distribution.model import collection
from docker_registry.distribution.model.collection import Announcement, AnnouncementError, Terms

__all__ = ["Board", "RefusedError", "Seen"]


class RefusedError(BrokenError):
    """Nothing was removed, since it would not have been safe."""


class Seen(NamedTuple):
    """A notice or a door, and how many seconds ago it was written, by the storage's clock."""

    said: Announcement
    age: float


class Board:
    def __init__(self, driver: Base, terms: Terms):
        self._driver = driver
        self._terms = terms

    def check_driver(self) -> None:
        """Raises RefusedError for a driver that cannot say what garbage collection must know."""
        name = type(self._driver)
        if name.get_aged is Base.get_aged or name.remove_once is Base.remove_once:
            raise RefusedError("the storage driver cannot tell ages by the storage's clock, or remove a file only once")

    def notice(self) -> Seen | None:
        return self._seen(collection.NOTICE)

    def door(self) -> Seen | None:
        return self._seen(collection.DOOR)

    def announce(self, run: str, paths: Iterable[str], count: int) -> int:
        """Write a run's list, then its notice; returns how many files are in it, at most `count`."""
        keys = sorted({key for key, _ in zip(map(collection.file_key, paths), range(count), strict=False)})
        self._driver.overwrite(collection.list_path(run), b"".join(keys))
        said = Announcement(run, self._terms.notice + self._terms.late, self._terms.ripe)
        self._driver.overwrite(collection.NOTICE, said.encode())
        return len(keys)

    def close_door(self, run: str) -> None:
        said = Announcement(run, self._terms.door + self._terms.late)
        self._driver.overwrite(collection.DOOR, said.encode())

    def listed(self, run: str) -> bytes:
        """The keys of the files that a run has announced."""
        path = collection.list_path(run)
        try:
            return collection.parse_list(self._driver.get_newest(path))
        except (AnnouncementError, FileNotFoundError) as error:
            raise RefusedError(f"{path}, which the notice names, cannot be read: {error}") from None

    def forget_old_runs(self, but: set[str]) -> None:
        """Remove lists and vetoes of runs that nobody can finish any more."""
        before = time.time() - 2 * self._terms.notice
        old = [
            entry.path
            for folder in (collection.LISTS, collection.VETOES)
            for entry in self._driver.walk(folder)
            if entry.modified is not None and entry.modified < before
            if entry.path[len(folder) + 1 :].partition("/")[0] not in but
        ]
        self._driver.remove_many(old)

    def _seen(self, path: str) -> Seen | None:
        try:
            content, age = self._driver.get_aged(path)
            said = Announcement.parse(content)
        except FileNotFoundError:
            return None
        except AnnouncementError as error:
            raise RefusedError(f"{path}: {error}") from None
        if age is None:
            raise RefusedError("the storage does not tell ages by its own clock (with Swift, swift_newest must be on)")
        return Seen(said, age)
