"""What garbage collection and registries tell each other through the storage: names, bytes and periods, pure.

A *notice* says which files may be removed, a *door* that they are being removed
now. Both hold a run's id; the files are in the run's *list*, which is written
before the notice and never changes. A *veto* keeps one file of one run.
docs/gc.md has the protocol.
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
    "LISTS",
    "NOTICE",
    "TERMS",
    "VETOES",
    "Announcement",
    "AnnouncementError",
    "Terms",
    "contains",
    "file_key",
    "list_path",
    "parse_list",
    "veto_path",
]

FOLDER = f"{ROOT}/_gc"
NOTICE = f"{FOLDER}/notice"
DOOR = f"{FOLDER}/door"
LISTS = f"{FOLDER}/lists"
VETOES = f"{FOLDER}/kept"

_KEY = 16  # bytes of a file's key: two files that share one are both listed, or both kept
_RUN = re.compile(r"[0-9a-f]{32}")
_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Terms:
    """Periods in seconds. The protocol is right if the world keeps `lag` and `late`; registries keep the first two."""

    copy: float = 30.0  # age of a registry's copy of notice and door
    session: float = 15 * 60.0  # from a look at the copy to the last write before an acknowledgement
    lag: float = 2 * _DAY  # a listing shows a change at the latest after
    late: float = 10 * 60.0  # a request that nobody waits for any more acts at the latest after; clocks differ by less
    grace: float = 3 * _DAY  # between the notice and the listing by which is removed
    door: float = 3600.0  # for so long it is closed
    window: float = 14 * _DAY  # for so long after `grace` a run can be finished

    @property
    def least_grace(self) -> float:
        """What `grace` must be longer than."""
        return self.copy + self.session + self.lag + self.late

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
    """What notice and door hold."""

    run: str
    lasts: float  # seconds after it was written, for those who must heed it
    ripe: float = 0.0  # of a notice: seconds after which its run may be finished

    def encode(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def parse(cls, content: bytes) -> Announcement:
        """Raises AnnouncementError."""
        try:
            fields = json.loads(content)
            found = cls(str(fields["run"]), float(fields["lasts"]), float(fields["ripe"]))
        except (ValueError, KeyError, TypeError):
            raise AnnouncementError("it is not what garbage collection writes") from None
        if not _RUN.fullmatch(found.run):
            raise AnnouncementError("it does not name a run of garbage collection")
        return found


class AnnouncementError(ValueError):
    """Bytes that are no notice, door or list."""


def file_key(path: str) -> bytes:
    """By what a list knows a file."""
    return hashlib.sha256(path.encode()).digest()[:_KEY]


def list_path(run: str) -> str:
    return f"{LISTS}/{run}"


def veto_path(run: str, key: bytes) -> str:
    return f"{VETOES}/{run}/{key.hex()}"


def parse_list(content: bytes) -> bytes:
    """A run's list, keys in order and one behind another, as `contains` takes it. Raises AnnouncementError."""
    if len(content) % _KEY:
        raise AnnouncementError("it is no list of garbage collection")
    return content


def contains(listed: bytes, key: bytes) -> bool:
    """Whether a key is in a list.

    >>> keys = sorted(map(file_key, ("a", "b", "c")))
    >>> [contains(b"".join(keys), file_key(name)) for name in "abcd"]
    [True, True, True, False]
    """
    low, high = 0, len(listed) // _KEY
    while low < high:
        middle = (low + high) // 2
        found = listed[middle * _KEY : (middle + 1) * _KEY]
        if found == key:
            return True
        low, high = (middle + 1, high) if found < key else (low, middle)
    return False
