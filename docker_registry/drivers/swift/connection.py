"""Connections to Swift, and the pool that lends them out.

A connection carries one request at a time; it stays lent while its answer's
body is being read. Two bodies on one connection would mix their bytes.
"""

from __future__ import unicode_literals

import threading
import time

from swiftclient.client import http_connection

from docker_registry.core.exceptions import UnreachableError

__all__ = ["Connection", "Pool"]

USER_AGENT = "docker-registry-driver-swift"


class Connection(object):
    """One keep-alive HTTP connection to the server of a storage URL. It opens its socket when it is first used."""

    def __init__(self, storage_url, settings):
        self.storage_url = storage_url
        parsed, self._http = http_connection(
            storage_url,
            cacert=settings.cacert,
            insecure=settings.insecure,
            cert=settings.cert,
            cert_key=settings.key,
            default_user_agent=USER_AGENT,
            timeout=(settings.connect_timeout, settings.timeout),
        )
        session, args = self._http.request_session, self._http.requests_args
        # What the environment says of proxies and certificates; requests would read it anew for every request.
        args.update(session.merge_environment_settings(storage_url, {}, True, args["verify"], args.get("cert")))
        session.trust_env = False
        # Swift never redirects; the token must not follow someone who does.
        args["allow_redirects"] = False
        self.root = parsed.path.rstrip("/")

    def send(self, verb, target, headers, data):
        """Send a request; returns swiftclient's response, its body not read yet.

        `target` is the URL path and query on the server.
        """
        self._http.request(verb, target, data, headers)
        response = self._http.getresponse()
        # An idle connection keeps its last response, and that would keep the segment that was sent.
        response.request.body = None
        return response

    def close(self):
        self._http.close()


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
