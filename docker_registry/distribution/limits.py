"""How much one client may ask for: so many requests a second, and so many at once.

Each worker counts for itself. What is remembered of a client is a number or
two, and of how many clients has a bound: strangers cannot make it grow.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from werkzeug.wrappers import Response

from docker_registry.concurrency.at_once import AtOnce
from docker_registry.settings import Limits as Settings

from .errors import Code, RegistryError

__all__ = ["Limits", "Rates"]

ENTRIES = 20_000  # clients whose rate is remembered


class Rates:
    """At most `burst` requests of a client at a time, and `rate` a second on the whole.

    Requests that send something may go beyond that by another `burst`, which
    later ones have to wait for: what a client sends it often cannot send again.

    All that is remembered of a client is when it will have its whole burst
    again. Beyond `entries` clients, the one that asked longest ago is
    forgotten. `clock` gives seconds and never goes back.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic, entries: int = ENTRIES
    ) -> None:
        self._each = 1 / rate  # s
        self._whole = burst / rate  # s
        self._clock = clock
        self._entries = entries
        self._lock = threading.Lock()
        self._rested: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rested)

    def wait(self, client: str, sends: bool = False) -> float:
        """Count a request; 0 where it may come in, else the seconds after which it may, and it does not count."""
        with self._lock:
            now = self._clock()
            rested = max(self._rested.get(client, now), now) + self._each
            too_long = rested - now - self._whole * (2 if sends else 1)
            if too_long > 0:
                return too_long
            self._rested[client] = rested
            self._rested.move_to_end(client)
            if len(self._rested) > self._entries:
                self._rested.popitem(last=False)
            return 0.0


class Limits:
    """All limits of one registry."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic):
        rate = settings.requests_per_second
        self._rates = Rates(rate, settings.burst, clock) if rate else None
        self._requests = AtOnce(settings.requests_at_once)
        self._uploads = AtOnce(settings.uploads_at_once)

    def enter(self, client: str, sends: bool) -> Callable[[], None]:
        """Let a request in (`sends`: with a body); what this returns is to be called when it has been answered.

        Raises TOOMANYREQUESTS.
        """
        wait = 0.0 if self._rates is None else self._rates.wait(client, sends)
        if wait:
            raise _too_many("too many requests in a short time", wait)
        if not self._requests.take(client):
            raise _too_many("too many requests at once", 1.0)
        if sends and not self._uploads.take(client):
            self._requests.give(client)
            raise _too_many("too many uploads at once", 1.0)
        return partial(self._leave, client, sends)

    def refused(self, client: str) -> None:
        """Count a request that nobody answers; raises as `enter` does."""
        self.enter(client, False)()

    def within(self, client: str, sends: bool, answer: Callable[[], Response]) -> Response:
        """Let a request in until the answer that `answer` gives has gone out; raises as `enter` and `answer` do."""
        leave = self.enter(client, sends)
        try:
            response = answer()
        except BaseException:
            leave()
            raise
        response.call_on_close(leave)
        return response

    def _leave(self, client: str, sends: bool) -> None:
        if sends:
            self._uploads.give(client)
        self._requests.give(client)


def _too_many(why: str, seconds: float) -> RegistryError:
    headers = {"Retry-After": str(max(1, math.ceil(seconds)))}
    return RegistryError(Code.TOOMANYREQUESTS, f"{why}, try again later", headers=headers)
