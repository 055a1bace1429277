"""The head of a request: read with limits, and refused where two readers could disagree about it.

A proxy in front and this server must see the same requests in the same bytes;
where RFC 9112 leaves a choice between repairing and refusing, this refuses
(sections 2.2, 5.1, 5.2, 6.1 and 6.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

__all__ = ["BadHead", "BodyCut", "Fields", "check", "read_chunk_end", "read_chunk_size", "read_fields"]

MAX_LINE = 16 * 1024  # bytes; the signed URL of an upload comes back in a line of its own
MAX_HEAD = 64 * 1024  # bytes
MAX_FIELDS = 100

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\x00\r\n]*)?\r\n")


class BadHead(ValueError):
    """The request cannot be answered but with 400; the text says why, without the client's bytes."""


class BodyCut(OSError):
    """What reading a body raises when it ends early: the client left, came to a halt, or sent a malformed chunk."""


class Fields:
    """The fields of a header section, as much of `http.client`'s interface as gevent.pywsgi asks for."""

    status = ""  # pywsgi's word for a fault found while parsing; faults raise BadHead here

    def __init__(self, fields: list[tuple[str, str]]):
        self._fields = fields

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        return next(iter(self.get_all(name)), default)

    getheader = get

    def __delitem__(self, name: str) -> None:
        raise KeyError(name)  # pywsgi drops a Content-Length beside a Transfer-Encoding; `check` has refused it

    @property
    def typeheader(self) -> str | None:
        return self.get("content-type")

    @property
    def headers(self) -> Iterator[str]:
        return (f"{name}: {value}\r\n" for name, value in self._fields)


class _Lines(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class _Bytes(_Lines, Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_fields(stream: _Lines) -> Fields:
    """Read a header section, up to and with the empty line.

    Raises BadHead when it is malformed, cut off, or larger than any client of
    a registry needs.
    """
    total = 0
    fields: list[tuple[str, str]] = []
    while True:
        line = stream.readline(MAX_LINE + 1)
        if line in (b"\r\n", b"\n"):
            return Fields(fields)
        total += len(line)
        if len(line) > MAX_LINE or total > MAX_HEAD or len(fields) >= MAX_FIELDS:
            raise BadHead("the header section is too large")
        match = _FIELD.fullmatch(line)
        if not match:
            raise BadHead("a header line is malformed")
        fields.append((match[1].decode("ascii").lower(), match[2].decode("latin-1")))


def check(fields: Fields, version: str) -> None:
    """Raise BadHead where the length of the body could be understood in two ways."""
    if not version.startswith("HTTP/1."):
        raise BadHead("not HTTP/1.1")
    lengths = set(fields.get_all("content-length"))
    codings = fields.get_all("transfer-encoding")
    if lengths and codings:
        raise BadHead("both Content-Length and Transfer-Encoding")
    if len(lengths) > 1:
        raise BadHead("two Content-Lengths")
    if any(not re.fullmatch("[0-9]{1,18}", length) for length in lengths):
        raise BadHead("a Content-Length that is no number")
    if codings and (codings[1:] or codings[0].lower() != "chunked" or version != "HTTP/1.1"):
        raise BadHead("a Transfer-Encoding other than chunked")


def read_chunk_size(stream: _Lines) -> int:
    """Read the line before a chunk (RFC 9112, section 7.1) and return how many bytes the chunk has.

    0 is the last one; the trailer section behind it is read too, and dropped.
    Raises BodyCut when the line is malformed or missing.
    """
    match = _CHUNK.fullmatch(stream.readline(MAX_LINE))
    if not match:
        raise BodyCut("a chunk has no size")
    size = int(match[1], 16)
    if not size:
        try:
            read_fields(stream)
        except BadHead as error:
            raise BodyCut(f"behind the last chunk: {error}") from None
    return size


def read_chunk_end(stream: _Bytes) -> None:
    """Read what ends a chunk. Raises BodyCut when it is something else."""
    if stream.read(2) != b"\r\n":
        raise BodyCut("a chunk is longer than its size")
