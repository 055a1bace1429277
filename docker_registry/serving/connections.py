"""The connections of one worker: which wait for their client, and which have an answer made."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable
from typing import Any, Protocol

from gevent import monkey

__all__ = ["Connections", "Waiting", "look_at"]

AWHILE = 1.0  # s that an answer may take before it is asked whether the client is still there
_poll = monkey.get_original("select", "poll")  # gevent's own would wait


class Waiting(Protocol):
    """One whose client has to do something first."""

    has_begun: bool  # a request

    @property
    def has_more(self) -> bool:
        """Whether bytes have arrived that nobody has read."""
        ...

    def hang_up(self) -> None: ...


class Answering(Protocol):
    """One that makes an answer."""

    environ: dict[str, Any] | None
    socket: Any

    def end(self) -> None:
        """Stop making it."""
        ...


class Connections:
    def __init__(self) -> None:
        self.waiting: dict[Waiting, None] = {}  # for a request, or the rest of its head: the longest first
        self.busy: dict[Answering, None] = {}  # with an answer
        self.reading: dict[Answering, float] = {}  # since when (time.monotonic) they answer a GET or HEAD

    def end_longest_wait(self) -> None:
        """Hang up on who has waited longest, if anybody waits."""
        if self.waiting:
            longest = next(iter(self.waiting))
            del self.waiting[longest]
            longest.hang_up()

    def end_idle(self) -> None:
        """Hang up where no request has begun, nor arrived without anybody having read it yet."""
        idle = [waiting for waiting in self.waiting if not waiting.has_begun]
        for waiting in idle:
            if not waiting.has_more:
                waiting.hang_up()

    def end_unwanted(self) -> None:
        """End the work for answers whose clients have hung up; what only reads can be stopped anywhere."""
        late = time.monotonic() - AWHILE
        looked_at = {each.socket.fileno(): each for each, began in self.reading.items() if began <= late}
        for number in look_at(looked_at, select.POLLRDHUP):
            looked_at[number].end()

    def environs(self) -> list[dict[str, Any]]:
        """Of the requests that are being answered."""
        return [each.environ for each in self.busy if each.environ is not None]


def look_at(numbers: Iterable[int], event: int) -> list[int]:
    """Of so many file descriptors those where this has happened; does not wait."""
    look = _poll()
    for number in numbers:
        look.register(number, event)
    return [number for number, _ in look.poll(0)]
