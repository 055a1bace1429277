"""What garbage collection and registries tell each other through the storage: names, bytes and periods, pure.

A *notice* says which files may be removed, a *door* which are being removed
now. Both name a *list* of files, which is written before them and never
changes. A *veto* keeps one file of one run; before it, a *mark* is written that
says of some neighbours in the run's list that one of them has a veto. Who holds the *lease* alone
removes. docs/gc.md has the protocol.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from .layout import ROOT

__all__ = [
    "DOOR",
    "FOLDER",
    "GROUP",
    "KEY",
    "LEASE",
    "LISTS",
    "NOTICE",
    "TERMS",
    "VETOES",
    "Announcement",
    "AnnouncementError",
    "Terms",
    "file_key",
    "list_path",
    "mark_path",
    "parse_list",
    "position",
    "veto_path",
]

FOLDER = f"{ROOT}/_gc"
NOTICE = f"{FOLDER}/notice"
DOOR = f"{FOLDER}/door"
LEASE = f"{FOLDER}/lease"
LISTS = f"{FOLDER}/lists"
VETOES = f"{FOLDER}/kept"

GROUP = 32  # neighbours in a list that share a mark
KEY = 16  # bytes of a file's key: two files that share one are both listed, or both kept
_RUN = re.compile(r"[0-9a-f]{32}")
_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Terms:
    """Periods in seconds. The protocol is right if `lag` and `late` are so; registries keep the first three."""

    copy: float = 30.0  # age of a registry's copy of notice and door
    veto: float = 30.0  # from a look at the copy to the answer to a veto
    session: float = 15 * 60.0  # from a look at the copy to the last write before an acknowledgement
    lag: float = 2 * _DAY  # a listing shows a change at the latest after
    late: float = 10 * 60.0  # a request that nobody waits for any more acts at the latest after; clocks differ by less
    grace: float = 3 * _DAY  # between the notice and the listing by which is removed
    sweep: float = 4 * 60.0  # from a look at notice, door and lease to the last removal that relies on it
    door: float = 20 * 60.0  # for so long it is closed, unless the next one takes its place
    lease: float = 30 * 60.0  # for so long one process alone removes, and again as often as it says so
    window: float = 14 * _DAY  # for so long after `grace` a run can be finished

    @property
    def least_grace(self) -> float:
        """What `grace` must be longer than."""
        return self.copy + self.session + self.lag + self.late

    @property
    def closing(self) -> float:
        """From when a door is closed until nobody relies on a copy without it."""
        return self.copy + self.veto + min(self.veto, 5.0)

    @property
    def settling(self) -> float:
        """From when a process has the lease until all has acted that the one before it may have sent."""
        return self.sweep + self.veto + self.late

    @property
    def ripe(self) -> float:
        """The age of a notice from which its run can be finished. It may have been written by a late request."""
        return self.grace + self.late

    @property
    def notice(self) -> float:
        """The age at which a notice is over."""
        return self.ripe + self.window + self.door


TERMS = Terms()


class Announcement(NamedTuple):
    """What notice, door and lease hold."""

    run: str
    lasts: float  # seconds after it was written, for those who must heed it
    ripe: float = 0.0  # of a notice: seconds after which its run may be finished
    door: str = ""  # of a door: the id of its list; "" where nothing is behind it
    done: bool = False  # of a door: its run is finished

    def encode(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def parse(cls, content: bytes) -> Announcement:
        """Raises AnnouncementError."""
        try:
            fields = json.loads(content)
            times = float(fields["lasts"]), float(fields["ripe"])
            found = cls(str(fields["run"]), *times, str(fields["door"]), bool(fields["done"]))
        except (ValueError, KeyError, TypeError):
            raise AnnouncementError("it is not what garbage collection writes") from None
        if not all(_RUN.fullmatch(name) for name in (found.run, found.door or found.run)):
            raise AnnouncementError("it does not name a run of garbage collection")
        return found


class AnnouncementError(ValueError):
    """Bytes that are no notice, door, lease or list."""


def file_key(path: str) -> bytes:
    """By what a list knows a file."""
    return hashlib.sha256(path.encode()).digest()[:KEY]


def list_path(name: str) -> str:
    """Of the files that a run has announced, or that are behind a door."""
    return f"{LISTS}/{name}"


def veto_path(run: str, key: bytes) -> str:
    return f"{VETOES}/{run}/{key.hex()}"


def mark_path(run: str, place: int) -> str:
    """Of the mark for a file at this place of the run's list."""
    return f"{VETOES}/{run}/group-{place // GROUP}"


def parse_list(content: bytes) -> bytes:
    """A list, keys in order and one behind another, as `position` takes it. Raises AnnouncementError."""
    if len(content) % KEY:
        raise AnnouncementError("it is no list of garbage collection")
    return content


def position(listed: bytes, key: bytes) -> int | None:
    """Where in a list a key is, from 0; None where it is not.

    >>> keys = sorted(map(file_key, ("a", "b", "c")))
    >>> [position(b"".join(keys), key) for key in (*keys, file_key("d"))]
    [0, 1, 2, None]
    """
    low, high = 0, len(listed) // KEY
    while low < high:
        middle = (low + high) // 2
        found = listed[middle * KEY : (middle + 1) * KEY]
        if found == key:
            return middle
        low, high = (middle + 1, high) if found < key else (low, middle)
    return None
