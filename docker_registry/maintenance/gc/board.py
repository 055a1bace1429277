"""Notice, door, lease and lists in the storage, as garbage collection reads and writes them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import NamedTuple

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, FileNotFoundError
from docker_registry.distribution.model import collection
from docker_registry.distribution.model.collection import Announcement, AnnouncementError, Terms

__all__ = ["Board", "RefusedError", "Seen"]

_NEEDED = ("get_aged", "remove_once", "overwrite_once")
_KEY = re.compile(r"[0-9a-f]{32}")


class RefusedError(BrokenError):
    """Nothing was removed, since it would not have been safe."""


class Seen(NamedTuple):
    """A notice, a door or a lease, and how many seconds ago it was written, by the storage's clock."""

    said: Announcement
    age: float


class Board:
    def __init__(self, driver: Base, terms: Terms):
        self._driver = driver
        self._terms = terms

    def check_driver(self) -> None:
        """Raises RefusedError for a driver that cannot say what garbage collection must know."""
        name = type(self._driver)
        if any(getattr(name, method) is getattr(Base, method) for method in _NEEDED):
            raise RefusedError(
                "the storage driver cannot tell ages by the storage's clock, or send a request only once"
            )

    def notice(self) -> Seen | None:
        return self._seen(collection.NOTICE)

    def door(self) -> Seen | None:
        return self._seen(collection.DOOR)

    def lease(self) -> Seen | None:
        return self._seen(collection.LEASE)

    def take_lease(self, holder: str, lasts: float) -> None:
        """`holder` is a random id; `lasts` 0 gives it back."""
        self._driver.overwrite(collection.LEASE, Announcement(holder, lasts).encode())

    def renew_lease(self, holder: str, lasts: float) -> None:
        """The same by one request, which is not sent again."""
        self._driver.overwrite_once(collection.LEASE, Announcement(holder, lasts).encode())

    def announce(self, run: str, paths: Iterable[str]) -> int:
        """Write a run's list, then its notice; returns how many files are in it."""
        keys = set(map(collection.file_key, paths))
        self.write_list(run, keys)
        said = Announcement(run, self._terms.notice + self._terms.late, self._terms.ripe)
        self._driver.overwrite(collection.NOTICE, said.encode())
        return len(keys)

    def close_door(self, run: str, door: str, done: bool = False) -> None:
        """Put what is in a door's list behind it ("": nothing), instead of what was; by one request."""
        said = Announcement(run, self._terms.door + self._terms.late, 0.0, door, done)
        self._driver.overwrite_once(collection.DOOR, said.encode())

    def kept(self, run: str) -> set[bytes]:
        """The keys of files of a run that have a veto, as far as a listing shows them."""
        folder = f"{collection.VETOES}/{run}"
        names = (entry.path[len(folder) + 1 :] for entry in self._driver.walk(folder))
        return {bytes.fromhex(name) for name in names if _KEY.fullmatch(name)}

    def write_list(self, name: str, keys: set[bytes]) -> None:
        """Write what a notice or a door names, before it."""
        self._driver.overwrite(collection.list_path(name), b"".join(sorted(keys)))

    def listed(self, run: str) -> bytes:
        """The keys of the files that a run has announced."""
        path = collection.list_path(run)
        try:
            return collection.parse_list(self._driver.get_newest(path))
        except (AnnouncementError, FileNotFoundError) as error:
            raise RefusedError(f"{path}, which the notice names, cannot be read: {error}") from None

    def forget_old_runs(self, but: set[str]) -> None:
        """Remove lists and vetoes of runs that nobody can finish any more; lists of doors are as old."""
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
