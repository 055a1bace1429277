"""Small requests over kept connections, one to each host."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

__all__ = ["Answer", "Session"]

_TIMEOUT = 120.0  # seconds
_CHUNK = 64 * 1024  # bytes of a body that is sent in chunks, as curl does


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Session:
    """Requests below `base`, an http URL. Not thread-safe. A context manager that closes its connections."""

    def __init__(self, base: str, headers: dict[str, str] | None = None, timeout: float = _TIMEOUT):
        self.base = base
        self._timeout = timeout
        self._headers = headers or {}
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections.values():
            connection.close()

    def ask(
        self,
        method: str,
        url: str,
        *allowed: int,
        body: bytes | None = None,
        chunked: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; a redirected GET is followed. Any status but those `allowed` is a RuntimeError."""
        parts = urlsplit(urljoin(self.base, url))
        connection = self._connections.get(parts.netloc)
        if connection is None:
            connection = http.client.HTTPConnection(parts.netloc, timeout=self._timeout)
            self._connections[parts.netloc] = connection
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = {**self._headers, **(headers or {})}
        if chunked:
            sent["Transfer-Encoding"] = "chunked"
            connection.request(method, target, _chunks(body or b""), sent, encode_chunked=True)
        else:
            connection.request(method, target, body, sent)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        if method == "GET" and answer.status in (302, 303, 307):
            return self.ask("GET", answer.headers["Location"], *allowed)
        if answer.status not in allowed:
            raise RuntimeError(f"{method} {target}: {answer.status}, not {allowed}: {answer.body[:500]!r}")
        return answer


def _chunks(body: bytes) -> Iterator[bytes]:
    for position in range(0, len(body), _CHUNK):
        yield body[position : position + _CHUNK]
