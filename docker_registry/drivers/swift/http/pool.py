"""The pool that lends connections to Swift out, each to one request at a time.

Whoever may hold a connection for long gets only part of them, so that others
find one: bodies for clients (they go at the client's pace) the least, bodies
that are read here more, segments being sent still more, and small requests
all. Who holds a body may send segments meanwhile, and these always find a
connection that is not held so: nobody waits in a ring.

A client that takes nothing for a while loses its connection to one that waits
for a body, and gets another when it goes on: whoever reads slowly keeps nobody
else from reading.
"""

from __future__ import unicode_literals

import threading
from collections import OrderedDict

from docker_registry.concurrency import deadline
from docker_registry.core.exceptions import UnreachableError

from ..compat import BusyError
from .errors import Taken

__all__ = ["BODY", "CLIENTS_BODY", "SEGMENT", "SMALL", "Pool"]

# What a connection is taken for; each kind counts towards the bounds of those before it, too.
SMALL, SEGMENT, BODY, CLIENTS_BODY = range(4)
_NAMES = ("requests", "segments", "bodies")
SHORTLY = 5.0  # seconds that a client waits for its body, which is refused rather than kept waiting
REST = 2.0  # seconds without a read after which a client's connection is for others, if they wait
LOOK = 0.25  # seconds between looks for such a connection


class Pool(object):
    """Lends up to `size` connections, the last returned first; waits up to `patience` seconds for one.

    `make` makes a connection for a storage URL.
    """

    def __init__(self, make, size, patience):
        self.size = size
        self._make = make
        self._patience = patience
        self._bounds = _bounds(size)
        self._used = [0] * len(self._bounds)  # connections lent for each kind or a later one
        self._idle = []
        self._resting = OrderedDict()  # connections for clients that are not being read: since when; the longest first
        self._waiting = []
        self._lock = threading.Lock()

    @property
    def lent(self):
        return self._used[SMALL]

    def take(self, storage_url, kind=SMALL):
        """A connection, which the caller gives back or drops.

        Raises UnreachableError when all that this kind may have stay lent for
        too long.
        """
        self._admit(kind)
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is None or connection.storage_url != storage_url:
                if connection is not None:
                    connection.close()
                connection = self._make(storage_url)
            connection.taken_for = kind
            return connection
        except BaseException:
            self._leave(kind)
            raise

    def give(self, connection):
        """Take back a connection whose last answer was read to its end."""
        with self._lock:
            self._idle.append(connection)
        self._leave(connection.taken_for)

    def drop(self, connection):
        """Take back a connection in an unknown state: it is closed."""
        if not self._wake(connection):
            return
        try:
            connection.close()
        finally:
            self._leave(connection.taken_for)

    def rest(self, connection):
        """Nobody reads from a lent connection now, until `resume`: it may be given to another."""
        if connection.taken_for == CLIENTS_BODY:
            with self._lock:
                self._resting[connection] = deadline.monotonic()

    def resume(self, connection):
        """It is going to be read from. Raises Taken when it is another's."""
        if not self._wake(connection):
            raise Taken("its client took nothing for a while, and others waited")

    def _wake(self, connection):
        with self._lock:
            self._resting.pop(connection, None)
            return connection.taken_for is not None

    def _take_from_the_slowest(self):
        """End the longest rest, if it is one, so that somebody else is admitted."""
        with self._lock:
            connection = next(iter(self._resting), None)
            if connection is None or self._resting[connection] > deadline.monotonic() - REST:
                return
            del self._resting[connection]
            connection.taken_for = None
        try:
            connection.close()
        finally:
            self._leave(CLIENTS_BODY)

    def _admit(self, kind):
        """Count one more of this kind, once there is room, in the order in which they came."""
        with self._lock:
            if self._has_room(kind) and all(waiter.kind != kind for waiter in self._waiting):
                self._count(kind, 1)
                return
            waiter = _Waiter(kind)
            self._waiting.append(waiter)
        patience = min(self._patience, SHORTLY) if kind == CLIENTS_BODY else self._patience
        try:
            self._wait(waiter, deadline.shortened(patience))
        except BaseException:
            if not self._withdraw(waiter):
                self._leave(kind)
            raise
        if self._withdraw(waiter):
            if kind == CLIENTS_BODY:
                raise BusyError(
                    "clients read slowly: all {0} connections to Swift that their bodies may have stayed in use for"
                    " {1} s (see swift_pool_size)".format(self._bounds[kind], patience)
                )
            raise UnreachableError(
                "all {0} connections to Swift that {1} may have stayed in use for {2} s: raise swift_pool_size".format(
                    self._bounds[kind], _NAMES[kind], patience
                )
            )

    def _wait(self, waiter, patience):
        """Until it is admitted, or for so many seconds."""
        end = deadline.monotonic() + patience
        while not waiter.admitted.is_set():
            left = end - deadline.monotonic()
            if left <= 0:
                return
            if waiter.kind == CLIENTS_BODY:
                self._take_from_the_slowest()
                left = min(left, LOOK)
            waiter.admitted.wait(left)

    def _withdraw(self, waiter):
        """Wait no longer; whether it was in vain."""
        with self._lock:
            in_vain = waiter in self._waiting
            if in_vain:
                self._waiting.remove(waiter)
            return in_vain

    def _leave(self, kind):
        with self._lock:
            self._count(kind, -1)
            for waiter in list(self._waiting):
                if self._has_room(waiter.kind):
                    self._waiting.remove(waiter)
                    self._count(waiter.kind, 1)
                    waiter.admitted.set()

    def _has_room(self, kind):
        return all(self._used[each] < self._bounds[each] for each in range(kind + 1))

    def _count(self, kind, change):
        for each in range(kind + 1):
            self._used[each] += change


class _Waiter(object):
    def __init__(self, kind):
        self.kind = kind
        self.admitted = threading.Event()


def _bounds(size):
    """How many connections each kind, with those after it, may have of `size`."""
    spare = max(1, size // 8)
    segments = size - spare if size > 2 else size
    bodies = max(1, segments - spare)
    return size, segments, bodies, max(1, bodies - spare)
