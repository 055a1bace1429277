"""What the storage knows of robots' passwords: which were made, and which are revoked; never a password itself.

Each is a small file of its own, named by the password's id and never changed,
so commands that run at the same time cannot undo each other. Whether one is
revoked is asked by name, and not read off a listing, which may lag.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from docker_registry.concurrency import deadline
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError

from ..model import layout

__all__ = ["Made", "Revocations", "forget_ended", "made", "record", "revoke"]

logger = logging.getLogger(__name__)

BELIEVED = 5.0  # s for which an answer counts
_PATIENCE = 5.0  # s
KEPT = 30 * 86400  # s for which a password's end is listed after it
_ENTRIES = 10_000  # ids remembered; only those that this registry signed are asked for
_NAME = re.compile(r"(\d{1,12})-(r[0-9a-f]{11})")


class Made(NamedTuple):
    """One password, without the password."""

    id: str
    name: str
    expires: int  # seconds since the epoch
    grants: tuple[str, ...]  # "ci/**:pull,push"
    key: str  # fingerprint of the secret that signed it
    revoked: bool = False


def record(driver: Driver, made: Made) -> None:
    """Write down that a password was made."""
    content = json.dumps([made.name, list(made.grants), made.key]).encode()
    driver.overwrite(f"{layout.ROBOTS_MADE}/{made.expires}-{made.id}", content)


def revoke(driver: Driver, identity: str) -> None:
    """Registries heed it after `BELIEVED` seconds."""
    driver.overwrite(layout.robot_revoked(identity), b"")


def made(driver: Driver) -> Iterator[Made]:
    """All passwords that were written down and are not forgotten, the first to end first."""
    for expires, identity, path in _names(driver):
        try:
            name, grants, key = json.loads(driver.get_content(path))
        except FileNotFoundError:
            continue  # another command forgot it
        yield Made(identity, name, expires, tuple(grants), key, _is_there(driver, layout.robot_revoked(identity)))


def forget_ended(driver: Driver, now: float) -> None:
    """Remove what is known of passwords that ended long ago."""
    for expires, identity, path in list(_names(driver)):
        if expires + KEPT < now:
            for each in (layout.robot_revoked(identity), path):
                try:
                    driver.remove(each)
                except FileNotFoundError:
                    pass


def _names(driver: Driver) -> Iterator[tuple[int, str, str]]:
    try:
        paths = sorted(driver.list_directory(layout.ROBOTS_MADE))
    except FileNotFoundError:
        return
    for path in paths:
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if match:
            yield int(match[1]), match[2], path


def _is_there(driver: Driver, path: str) -> bool:
    try:
        driver.get_newest(path)
    except FileNotFoundError:
        return False
    return True


class Revocations:
    """Whether a password is revoked: one small request for each id in `BELIEVED` seconds, where it is used.

    While the storage does not answer, what it said before counts; an id that
    it never said anything of is not let in. `clock` gives seconds and never
    goes back.
    """

    def __init__(self, driver: Driver, clock: Callable[[], float] = time.monotonic):
        self._driver = driver
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()  # when it was asked, and the answer

    def contain(self, identity: str) -> bool:
        """Raises UnspecifiedError where that cannot be told."""
        asked, revoked = self._known.get(identity, (None, False))
        if revoked or (asked is not None and self._clock() - asked < BELIEVED):
            return revoked
        try:
            # A request that needs the storage for nothing else does not wait long for one that hangs.
            with deadline.apart(_PATIENCE):
                revoked = _is_there(self._driver, layout.robot_revoked(identity))
        except UnspecifiedError as error:
            if asked is None:
                raise
            logger.warning("whether %s is revoked cannot be told now: %s", identity, error)
        with self._lock:
            self._known[identity] = (self._clock(), revoked)
            self._known.move_to_end(identity)
            if len(self._known) > _ENTRIES:
                self._known.popitem(last=False)
        return revoked
