"""The head of a request: read with limits, and refused where two readers could disagree about it.

A proxy in front and this server must see the same requests in the same bytes;
where RFC 9112 leaves a choice between repairing and refusing, this refuses
(sections 2.2, 3, 3.2, 5.1, 5.2, 6.1 and 6.3). An empty line before a request is
all that is forgiven, since old clients send one behind a body (section 2.2).
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from .hosts import is_host

__all__ = ["BadHead", "BodyCut", "Fields", "RequestLine", "check", "read_chunk_end", "read_chunk_size", "read_fields"]
__all__ += ["read_request_line"]

MAX_REQUEST_LINE = 16 * 1024  # bytes; a push by digest may set a hundred tags in its query
MAX_HEAD = 64 * 1024  # bytes of a header section
MAX_FIELDS = 100
MAX_CHUNK_LINE = 4 * 1024  # bytes
_SHOWN = 200  # bytes of a malformed line that the log has

_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}) ([!-~\x80-\xff]+) (HTTP/[0-9]\.[0-9])\r\n")
_TARGET = re.compile(r"https?://(?P<host>[^/?#]*)(?P<rest>[/?].*|)|/.*|\*", re.IGNORECASE)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\x00\r\n]*)?\r\n")

Fields = list[tuple[str, str]]  # names in lower case


class BadHead(ValueError):
    """A request that cannot be served; the text says why, without the client's bytes, which are in `seen`."""

    def __init__(self, text: str, status: str = "400 Bad Request", seen: bytes = b""):
        super().__init__(text)
        self.status = status
        self.seen = seen[:_SHOWN].decode("latin-1").strip()


class BodyCut(OSError):
    """What reading a body raises when it ends early: the client left, came to a halt, or sent a malformed chunk."""


class RequestLine(NamedTuple):
    method: str
    path: str  # with the query; latin-1, as WSGI has it
    version: str  # "HTTP/1.0" or "HTTP/1.1"
    host: str | None  # of a target that has one, such as "http://host/path": it counts instead of the field


class _Lines(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class _Bytes(_Lines, Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_request_line(stream: _Lines) -> RequestLine | None:
    """Read a request's first line; None where the connection ended before it. Raises BadHead."""
    line = stream.readline(MAX_REQUEST_LINE + 1)
    if line == b"\r\n":
        line = stream.readline(MAX_REQUEST_LINE + 1)
    if not line:
        return None
    if len(line) > MAX_REQUEST_LINE:
        raise BadHead("the request line is too long", "414 URI Too Long", line)
    match = _REQUEST.fullmatch(line)
    if not match:
        raise BadHead("the request line is malformed", seen=line)
    method, target, version = (part.decode("latin-1") for part in match.groups())
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadHead("this server speaks HTTP/1.1", "505 HTTP Version Not Supported", line)
    parts = _TARGET.fullmatch(target)
    if not parts or (target == "*" and method != "OPTIONS"):
        raise BadHead("the target of the request is no path", seen=line)
    host, path = parts["host"], target if parts["host"] is None else parts["rest"]
    return RequestLine(method, path if path[:1] in ("/", "*") else f"/{path}", version, host)


def read_fields(stream: _Lines) -> Fields:
    """Read a header section, up to and with the empty line.

    Raises BadHead when it is malformed, cut off, or larger than any client of
    a registry needs.
    """
    room = MAX_HEAD
    fields: Fields = []
    while True:
        line = stream.readline(room + len(b"\r\n"))
        if line == b"\r\n":
            return fields
        room -= len(line)
        if room < 0 or len(fields) >= MAX_FIELDS:
            raise BadHead("the header section is too large", "431 Request Header Fields Too Large")
        name, colon, value = line[:-2].partition(b":")
        if line[-2:] != b"\r\n" or not colon or not _NAME.fullmatch(name) or value.translate(None, _CONTROLS) != value:
            raise BadHead("a header line is malformed")
        fields.append((name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")))


def check(line: RequestLine, fields: Fields) -> None:
    """Raise BadHead where the host or the length of the body could be understood in two ways."""
    _check_host(line, [value for name, value in fields if name == "host"])
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if lengths and codings:
        raise BadHead("both Content-Length and Transfer-Encoding")
    if len(lengths) > 1:
        raise BadHead("two Content-Lengths")
    if any(not re.fullmatch("[0-9]{1,18}", length) for length in lengths):
        raise BadHead("a Content-Length that is no number")
    if codings and (codings[1:] or codings[0].lower() != "chunked" or line.version != "HTTP/1.1"):
        raise BadHead("a Transfer-Encoding other than chunked")
    if line.method == "HEAD" and (codings or lengths not in ([], ["0"])):
        raise BadHead("a HEAD with a body")


def _check_host(line: RequestLine, hosts: list[str]) -> None:
    if len(hosts) > 1:
        raise BadHead("two Hosts")
    if not hosts and line.version == "HTTP/1.1":
        raise BadHead("no Host")
    if any(not is_host(host) for host in (*hosts, line.host) if host is not None):
        raise BadHead("a Host that is neither a name nor an address")


def read_chunk_size(stream: _Lines) -> tuple[int, int]:
    """Read the line before a chunk (RFC 9112, section 7.1): how many bytes the chunk has, and how many the line had.

    0 is the last one; the trailer section behind it is read too, and dropped.
    Raises BodyCut when the line is malformed or missing.
    """
    line = stream.readline(MAX_CHUNK_LINE)
    match = _CHUNK.fullmatch(line)
    if not match:
        raise BodyCut("a chunk has no size")
    size = int(match[1], 16)
    if not size:
        try:
            read_fields(stream)
        except BadHead as error:
            raise BodyCut(f"behind the last chunk: {error}") from None
    return size, len(line)


def read_chunk_end(stream: _Bytes) -> None:
    """Read what ends a chunk. Raises BodyCut when it is something else."""
    if stream.read(2) != b"\r\n":
        raise BodyCut("a chunk is longer than its size")
