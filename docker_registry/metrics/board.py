"""A table in memory that the server's master shares with its workers, on which each writes down what it counted.

The master gives each worker that it forks a place, and when the worker has
ended adds up what it left: counters never fall, gauges of the dead are gone.
Any worker can read all places. Nobody waits for anybody: a place has two
halves, the writer fills the one that nobody reads and then says so with one
byte.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from typing import Any

from .figures import Totals, dumps

__all__ = ["Board"]

HALF = 256 * 1024  # bytes; a worker in which all happened that is counted has half of it, a real one a tenth
_HEAD = struct.Struct("=II")  # how many bytes are valid, and their checksum
_PLACE = 1 + 2 * HALF
_TRIES = 20
_FOLDED = 64  # the last workers that were added up; a reader holds what it read of one for milliseconds


class Board:
    """`places` is how many workers there may be at a time, those that are ending too."""

    def __init__(self, places: int):
        self._memory = mmap.mmap(-1, 1 + (places + 1) * _PLACE)  # the kernel gives pages when they are written to
        self._free = list(range(places, 0, -1))  # the master's; place 0 has those that ended
        self._serial = 0

    # The master's part.

    @property
    def is_stopping(self) -> bool:
        """Whether the whole server ends, and not only some of its workers."""
        return self._memory[0] == 1

    def stop(self) -> None:
        self._memory[0] = 1

    def take_place(self) -> tuple[int, int]:
        """A place for a worker about to be forked, and its number among all; place 0 means that all are taken."""
        self._serial += 1
        return (self._free.pop() if self._free else 0), self._serial

    def bury(self, place: int) -> None:
        """Add what an ended worker counted to what others before it did, and free its place."""
        if not place:
            return
        left = self._read(place)
        if left is not None:
            folded, ended = self._ended()
            ended.add_ended(Totals.load(left["totals"]))
            self._write(0, {"folded": [*folded, left["serial"]][-_FOLDED:], "totals": ended.dump()})
            self._write(place, None)
        self._free.append(place)

    # A worker's part.

    def publish(self, place: int, serial: int, totals: Totals) -> bool:
        """Write down what a worker counted so far; whether there is room."""
        return bool(place) and self._write(place, {"serial": serial, "totals": totals.dump()})

    def read(self) -> Totals:
        """What all workers together counted, and those that live hold."""
        # Those that ended are read last: who was added up in between is counted once, there.
        found = [self._read(place) for place in range(1, (len(self._memory) - 1) // _PLACE)]
        folded, totals = self._ended()
        living = [left for left in found if left is not None and left["serial"] not in folded]
        for left in living:
            totals.add(Totals.load(left["totals"]))
        return totals

    def _ended(self) -> tuple[list[int], Totals]:
        left = self._read(0)
        return ([], Totals()) if left is None else (left["folded"], Totals.load(left["totals"]))

    # One writer a place, any number of readers.

    def _write(self, place: int, document: Any) -> bool:
        data = dumps(document)
        if len(data) > HALF - _HEAD.size:
            return False
        flag = 1 + place * _PLACE
        half = 1 - self._memory[flag]
        start = flag + 1 + half * HALF
        self._memory[start : start + _HEAD.size] = _HEAD.pack(len(data), zlib.crc32(data))
        self._memory[start + _HEAD.size : start + _HEAD.size + len(data)] = data
        self._memory[flag] = half
        return True

    def _read(self, place: int) -> Any:
        flag = 1 + place * _PLACE
        for _ in range(_TRIES):
            start = flag + 1 + self._memory[flag] * HALF
            size, checksum = _HEAD.unpack_from(self._memory, start)
            data = self._memory[start + _HEAD.size : start + _HEAD.size + min(size, HALF)]
            if zlib.crc32(data) == checksum:  # else the writer came round a second time meanwhile
                return json.loads(data) if data else None
        return None
