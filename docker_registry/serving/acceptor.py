"""gevent.pywsgi's server, which shares its places out among addresses, shakes hands for TLS, and ends in good order."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import gevent
from gevent import pywsgi

from docker_registry.settings import Settings

from .connections import Connections
from .handler import Handler, plain
from .shares import Shares

__all__ = ["Server"]

TURNING_AWAY = 1.0  # s
_CROWD = "too many connections from this address, try again later"


class _Shaking:
    """A handshake of TLS."""

    has_begun = has_more = False

    def __init__(self) -> None:
        self._greenlet = gevent.getcurrent()

    def hang_up(self) -> None:
        gevent.kill(self._greenlet)


class Server(pywsgi.WSGIServer):  # type: ignore[misc]
    """Accepts connections for one worker."""

    handler_class = Handler

    def __init__(self, settings: Settings, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.settings = settings
        self.connections = Connections()
        self.draining = False
        self.traffic: Any = None  # of `debug`, where what is answered is counted
        self.certificates: Any = None  # of `tls`, which only workers may import
        self._shares = Shares(settings.limits.connections, settings.trusted_proxies)

    def do_handle(self, *args: Any) -> None:
        super().do_handle(*args)
        self.make_room()

    def handle(self, client_socket: Any, address: Any) -> None:
        """One connection, from its first byte to its last."""
        with self._shares.place(str(address[0]) if isinstance(address, tuple) else "") as found:
            if found:
                self._serve(client_socket, address)
            else:
                self._turn_away(client_socket)

    def _turn_away(self, client_socket: Any) -> None:
        if self.certificates is None:
            try:
                client_socket.settimeout(TURNING_AWAY)
                client_socket.sendall(plain("429 Too Many Requests", _CROWD, (("Retry-After", "5"),)))
            except OSError:
                pass  # the client left

    def _serve(self, client_socket: Any, address: Any) -> None:
        if self.certificates is None:
            super().handle(client_socket, address)
            return
        wrapped = self._shake_hands(client_socket)
        if wrapped is not None:
            with closing(wrapped):
                super().handle(wrapped, address)

    def _shake_hands(self, client_socket: Any) -> Any:
        """The connection with TLS; None where the client does not come to it in the time that a head has."""
        patience = self.settings.header_timeout
        waiting = _Shaking()
        self.connections.waiting[waiting] = None
        try:
            with gevent.Timeout(patience, False):
                return self.certificates.handshake(client_socket, patience)
        finally:
            self.connections.waiting.pop(waiting, None)
        return None

    def make_room(self) -> None:
        """Hang up on who has waited longest, where otherwise nobody else could come in."""
        if self.full():
            self.connections.end_longest_wait()

    def drain(self) -> None:
        """Accept nothing more but what has connected: to close resets who still waits to be accepted.

        Each answer from now on is its connection's last.
        """
        self.draining = True
        self.stop_accepting()
        while not self.full() and (accepted := self.do_read()):
            self.do_handle(*accepted)
        self.close()
