"""A request's body as the application reads it (WSGI's `wsgi.input`), whichever way it is framed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

import gevent

from . import framing
from .framing import BodyCut

__all__ = ["BodyInput"]

DISCARD = 64 * 1024  # bytes of an unread body that are read, rather than give up the connection
MAX_EXCESS = 16 * 1024  # bytes of chunk lines beyond what the data justifies
TURN = 256  # chunks after which others have their turn: small ones that are all there make no wait


class BodyInput:
    """Reading it to the end, or past a fault, never takes part of the next request.

    `length` is None where the body comes in chunks. `go_on` tells a client
    that waits for a 100 to send; None where it does not wait.
    """

    def __init__(self, stream: BinaryIO, length: int | None, go_on: Callable[[], None] | None = None):
        self._stream = stream
        self._chunked = length is None
        self._left = length or 0  # bytes of the body, or of the chunk at hand
        self._excess = 0  # bytes
        self._chunks = 0
        self._go_on = go_on
        self.received = 0  # bytes
        self._broken = False
        self.is_spent = length == 0  # whether the next byte on the connection is the next request's

    @property
    def is_small(self) -> bool:
        """Whether reading the rest is cheaper than a new connection."""
        return not (self._broken or self._chunked or self._go_on) and self._left <= DISCARD

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as were asked for, fewer at the end only. Raises BodyCut when the body ends early."""
        wanted = sys.maxsize if size is None or size < 0 else size
        if self.is_spent or not wanted:
            return b""
        if self._broken:
            raise BodyCut("the request's body has ended early")
        try:
            self._expect()
            data = self._read_chunks(wanted) if self._chunked else self._read(wanted)
        except OSError as error:
            self._broken = True
            raise BodyCut(f"the request's body ended early: {error}") from error
        self.received += len(data)
        return data

    # WSGI wants these three; nothing here reads lines.

    def readline(self, size: int | None = -1, /) -> bytes:
        line = bytearray()
        while (size is None or size < 0 or len(line) < size) and (byte := self.read(1)):
            line += byte
            if byte == b"\n":
                break
        return bytes(line)

    def readlines(self, _hint: int | None = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _discard(self) -> None:
        """Read what is left, if that is little: pywsgi calls this by this name. Raises BodyCut."""
        if not self.is_spent and self.is_small:
            self.read()

    def _expect(self) -> None:
        if self._go_on is not None:
            go_on, self._go_on = self._go_on, None
            go_on()

    def _read(self, wanted: int) -> bytes:
        wanted = min(wanted, self._left)
        data = self._stream.read(wanted)
        if len(data) < wanted:
            raise BodyCut("it is cut")
        self._left -= wanted
        self.is_spent = not self._left
        return data

    def _read_chunks(self, wanted: int) -> bytes:
        pieces: list[bytes] = []
        while wanted and not self.is_spent:
            if not self._left:
                self._begin_chunk()
                continue
            data = self._stream.read(min(self._left, wanted))
            if not data:
                raise BodyCut("a chunk is cut")
            self._left -= len(data)
            wanted -= len(data)
            pieces.append(data)
            if not self._left:
                framing.read_chunk_end(self._stream)
        return b"".join(pieces)

    def _begin_chunk(self) -> None:
        self._left, line = framing.read_chunk_size(self._stream)
        self.is_spent = not self._left
        self._chunks += 1
        if not self._chunks % TURN:
            gevent.sleep(0)
        # As Go's server counts it: a size and some extension are free, the more of it the larger the chunk.
        self._excess = max(self._excess + line - 16 - 2 * self._left, 0)
        if self._excess > MAX_EXCESS:
            raise BodyCut("its chunk lines are longer than its data")
