"""The body of a request that sends a blob or a manifest, read once, to its announced end.

A client that stops early is no fault of the registry: reading raises the
client's error, so that whatever was being stored with it is abandoned.
"""

from __future__ import annotations

from werkzeug.wrappers import Request

from ..errors import Code, RegistryError

__all__ = ["Body"]

_PEEK = 64 * 1024  # bytes


class Body:
    """A file-like object over a request's body.

    `expected` is how many bytes the client says, elsewhere than in the
    Content-Length, that it sends. Every method raises SIZE_INVALID when the
    body has another length than announced, and BLOB_TOO_LARGE when it has more
    than `room` bytes (None: it may have any number).
    """

    def __init__(self, request: Request, expected: int | None = None, room: int | None = None):
        length = request.content_length
        if length is None and not request.headers.get("Transfer-Encoding"):
            length = 0
        self._stream = request.environ["wsgi.input"]
        self._length = length  # None where the transfer-encoding leaves it open
        self._announced = expected if length is None else length
        self._received = 0
        self._room = room
        self._peeked = b""
        if expected not in (None, self._announced):
            raise self._fault(f"has {length} bytes by its Content-Length, {expected} by its Content-Range")
        self._check_room(self._announced or 0)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end only."""
        if not self._peeked:
            return self._receive(size)
        data, self._peeked = self._peeked[:size], self._peeked[size:]
        return data

    def at_end(self) -> bool:
        """Whether no byte is left; may wait for the client to send one."""
        if not self._peeked:
            self._peeked = self._receive(_PEEK)
        return not self._peeked

    @property
    def received(self) -> int:
        """How many bytes have come from the client so far, read or not."""
        return self._received

    def _receive(self, size: int) -> bytes:
        if self._length is not None:
            size = min(size, self._length - self._received)
        try:
            data: bytes = self._stream.read(size) if size else b""
        except OSError as error:
            raise self._fault(f"broke after {self._received} bytes") from error
        self._received += len(data)
        self._check_room(self._received)
        if self._announced is not None:
            is_short = not data and self._received < self._announced
            if is_short or self._received > self._announced:
                raise self._fault(f"has {self._received} bytes, {self._announced} were announced")
        return data

    def _check_room(self, size: int) -> None:
        if self._room is not None and size > self._room:
            message = "the blob has more bytes than this registry takes"
            raise RegistryError(Code.BLOB_TOO_LARGE, message, headers={"Connection": "close"})

    def _fault(self, what: str) -> RegistryError:
        # Whatever else the client sends on this connection cannot be told from the rest of this body.
        return RegistryError(Code.SIZE_INVALID, f"the body {what}", headers={"Connection": "close"})
