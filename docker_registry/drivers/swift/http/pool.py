"""The pool that lends connections to Swift out, each to one request at a time."""

from __future__ import unicode_literals

import threading
import time

from docker_registry.core.exceptions import UnreachableError

__all__ = ["Pool"]


class Pool(object):
    """Lends up to `size` connections, the last returned first; waits up to `patience` seconds for one.

    `make` makes a connection for a storage URL.
    """

    def __init__(self, make, size, patience):
        self._make = make
        self._size = size
        self._patience = patience
        self._idle = []
        self._lent = 0
        self._change = threading.Condition()

    def take(self, storage_url):
        """A connection, which the caller gives back or drops.

        Raises UnreachableError when all stay lent for too long.
        """
        deadline = time.time() + self._patience
        with self._change:
            while self._lent >= self._size:
                left = deadline - time.time()
                if left <= 0:
                    raise UnreachableError(
                        "all {0} connections to Swift stayed in use for {1} s: raise swift_pool_size".format(
                            self._size, self._patience
                        )
                    )
                self._change.wait(left)
            self._lent += 1
            connection = self._idle.pop() if self._idle else None
        if connection is not None and connection.storage_url == storage_url:
            return connection
        try:
            if connection is not None:
                connection.close()
            return self._make(storage_url)
        except BaseException:
            self._leave(None)
            raise

    def give(self, connection):
        """Take back a connection whose last answer was read to its end."""
        self._leave(connection)

    def drop(self, connection):
        """Take back a connection in an unknown state: it is closed."""
        try:
            connection.close()
        finally:
            self._leave(None)

    def _leave(self, connection):
        with self._change:
            self._lent -= 1
            if connection is not None:
                self._idle.append(connection)
            self._change.notify()
