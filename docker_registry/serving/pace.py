"""How long is waited for a client: nothing that it sends or takes goes on without end.

A head has one time for all of it. A body has to move, and at a minimum rate on
the whole; what counts is the time in which this server waited for the client,
and not that in which the client waited for the storage.
"""

from __future__ import annotations

import fcntl
import io
import struct
import termios
import time
from typing import Any, Protocol

__all__ = ["Deadline", "Incoming", "Outgoing", "Pace", "TooSlowError"]


class TooSlowError(TimeoutError):
    """The client did not keep to a limit."""


class Limit(Protocol):
    """What is asked before each wait for a client, and told after it."""

    def patience(self) -> float:
        """Seconds that the next wait may take; raises TooSlowError when none are left."""

    def moved(self, count: int, seconds: float) -> None:
        """`count` bytes came or went after a wait of `seconds`; raises TooSlowError when that was too slow."""


class Deadline:
    """A time by which everything has to be there."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def patience(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TooSlowError("the time is over")
        return left

    def moved(self, count: int, seconds: float) -> None:
        pass


class Pace:
    """Every `patience` seconds something has to move, and from then on `rate` bytes/s on the whole (0: any)."""

    def __init__(self, patience: float, rate: int):
        self._patience = patience
        self._rate = rate
        self._waited = 0.0
        self._moved = 0

    def patience(self) -> float:
        return self._patience

    def moved(self, count: int, seconds: float) -> None:
        self._waited += seconds
        self._moved += count
        self.check(self._moved)

    def check(self, moved: int) -> None:
        """Raises TooSlowError when `moved` bytes are too few for the time waited so far."""
        if (self._waited - self._patience) * self._rate > moved:
            raise TooSlowError(f"{moved} bytes in {self._waited:.0f} s")


class Incoming(io.RawIOBase):
    """What a client sends, as a raw stream; `limit` rules how long it is waited for."""

    def __init__(self, socket: Any, limit: Limit):
        self._socket = socket
        self.limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises OSError: TimeoutError for a limit, others for a connection that broke."""
        self._socket.settimeout(self.limit.patience())
        began = time.monotonic()
        count: int = self._socket.recv_into(buffer)
        self.limit.moved(count, time.monotonic() - began)
        return count


class Outgoing:
    """One answer on its way to a client."""

    def __init__(self, socket: Any, pace: Pace):
        self._socket = socket
        self._pace = pace
        self._handed = 0  # bytes given to the kernel
        self._taken = 0  # bytes that the client's kernel had acknowledged when last asked

    def send(self, data: bytes) -> None:
        """Raises OSError as `Incoming.readinto` does."""
        view = memoryview(data)
        while view:
            view = view[self._send(view) :]

    def _send(self, view: memoryview) -> int:
        self._socket.settimeout(self._pace.patience())
        began = time.monotonic()
        try:
            count: int = self._socket.send(view)
        except TimeoutError:
            self._pace.moved(0, time.monotonic() - began)
            self._look_deeper()
            return 0
        self._handed += count
        self._pace.moved(count, time.monotonic() - began)
        return count

    def _look_deeper(self) -> None:
        # The kernel takes nothing more before a third of its buffer, perhaps a MiB, is free: a client
        # that reads slowly and steadily shows only in what is left there.
        queued = struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
        before, self._taken = self._taken, self._handed - queued
        if self._taken <= before:
            raise TooSlowError("the client takes nothing")
        self._pace.check(self._taken)
