"""One small request over and over, on many connections at once, from one thread that waits for none of them."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from dataclasses import dataclass, field
from itertools import cycle, islice

__all__ = ["Pace", "hammer"]

_TIMEOUT = 30.0  # seconds without any answer


@dataclass
class Pace:
    """How fast answers came."""

    connections: int
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)  # seconds that each answer took, shortest first

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        return self.times[min(int(len(self.times) * share), len(self.times) - 1)]


class _Connection:
    def __init__(self, address: tuple[str, int], request: bytes, status: bytes, secure: ssl.SSLContext | None):
        plain = socket.create_connection(address, _TIMEOUT)
        self.socket = secure.wrap_socket(plain) if secure else plain
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._status = status
        self._has_body = not request.startswith(b"HEAD ")
        self._received = b""
        self.sent_at = 0.0

    def ask(self) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Take what has come; whether the answer is complete."""
        data = self.socket.recv(256 * 1024)
        if not data:
            raise RuntimeError(f"the server closed the connection after {self._received!r}")
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or (self._has_body and len(body) < _length(head)):
            return False
        if head.split(b" ", 2)[1] != self._status:
            raise RuntimeError(f"{self._request!r}: {self._received[:1000]!r}")
        self._received = b""
        return True


def hammer(
    address: tuple[str, int],
    requests: list[bytes],
    connections: int,
    seconds: float,
    status: int = 200,
    secure: bool = False,
) -> Pace:
    """Send whole HTTP/1.1 GETs or HEADs for so many seconds, each connection the same one over and over.

    The connections take turns in choosing from `requests`. Every answer must have `status`.

    With `secure` over TLS, whoever signed the certificate. Answers need a
    Content-Length. Raises RuntimeError for any other answer.
    """
    pace, context = Pace(connections), _trusting() if secure else None
    with selectors.DefaultSelector() as selector:
        all_of_them = [
            _Connection(address, request, str(status).encode(), context)
            for request in islice(cycle(requests), connections)
        ]
        try:
            for connection in all_of_them:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            _run(selector, all_of_them, seconds, pace)
        finally:
            for connection in all_of_them:
                connection.socket.close()
    pace.times.sort()
    return pace


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _run(selector: selectors.BaseSelector, connections: list[_Connection], seconds: float, pace: Pace) -> None:
    began = time.perf_counter()
    waiting = len(connections)
    for connection in connections:
        connection.ask()
    while waiting:
        ready = selector.select(_TIMEOUT)
        if not ready:
            raise RuntimeError(f"no answer for {_TIMEOUT} s")
        for key, _ in ready:
            if not key.data.receive():
                continue
            now = time.perf_counter()
            pace.times.append(now - key.data.sent_at)
            if now - began < seconds:
                key.data.ask()
            else:
                waiting -= 1
    pace.seconds = time.perf_counter() - began


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
