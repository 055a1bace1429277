"""gevent.pywsgi's handler, with the limits and refusals that a server of strangers needs.

What changes: a head is checked for framing that two readers could understand
differently; every wait on the client has an end; a body that is cut is the
client's fault and not a 500; a body that nobody reads is not read to its end;
a connection is closed so that the last answer arrives.
"""

from __future__ import annotations

import errno
import logging
import socket
import sys
import time
from contextlib import closing
from types import TracebackType
from typing import Any

import gevent
from gevent import pywsgi

from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.settings import Settings

from . import framing
from .framing import BodyCut
from .logs import AccessLog

__all__ = ["Handler", "Server"]

log = logging.getLogger(__name__)

DISCARD = 64 * 1024  # bytes of an unread body that are read, rather than give up the connection
PIECE = 256 * 1024  # bytes of an answer that must go out within one time-out
SMALL = 16 * 1024  # bytes that are sooner copied than sent by themselves
LINGER = 2.0  # s to let a client that still sends find its answer
TLS_HELLO = "\x16\x03"
CLIENT_LEFT = 499  # nginx's status, for the log only


class _HeadTooSlow(gevent.Timeout):  # type: ignore[misc]
    """The time for a request's head is over."""


class Body(pywsgi.Input):  # type: ignore[misc]
    """A request's body. Reading it to the end, or past a fault, never takes part of the next request."""

    chunk_length: int  # bytes of the chunk at hand; 0 behind the last one, -1 before the first
    position: int  # bytes read of it, or of a body with a Content-Length

    def __init__(self, base: pywsgi.Input):
        super().__init__(base.rfile, base.content_length, base.socket, base.chunked_input)
        self.received = 0  # bytes
        self.broken = False

    def read(self, length: int | None = None) -> bytes:
        """Raises BodyCut when the body ends early."""
        return self._guarded(super().read, length)

    def readline(self, size: int | None = None) -> bytes:
        return self._guarded(super().readline, size)

    def _chunked_read(self, length: int | None = None, use_readline: bool = False) -> bytes:
        """What pywsgi's own does, which takes the line before each chunk byte by byte."""
        if use_readline:
            return super()._chunked_read(length, True)  # type: ignore[no-any-return]
        self._send_100_continue()
        pieces: list[bytes] = []
        wanted = sys.maxsize if length is None else length
        while wanted and self.chunk_length:
            left = self.chunk_length - self.position
            if left <= 0:
                self.chunk_length, self.position = framing.read_chunk_size(self.rfile), 0
                continue
            data = self.rfile.read(min(left, wanted))
            if not data:
                raise BodyCut("a chunk is cut")
            self.position += len(data)
            wanted -= len(data)
            pieces.append(data)
            if self.position == self.chunk_length:
                framing.read_chunk_end(self.rfile)
        return b"".join(pieces)

    def _guarded(self, read: Any, length: int | None) -> bytes:
        try:
            data: bytes = read(length)
        except OSError as error:
            self.broken = True
            raise BodyCut(f"the request's body ended early: {error}") from error
        self.received += len(data)
        return data

    @property
    def is_spent(self) -> bool:
        """Whether the next byte on the connection is the next request's."""
        if self.broken:
            return False
        if self.chunked_input:
            return bool(self.chunk_length == 0)
        return bool(self.position >= (self.content_length or 0))

    @property
    def is_small(self) -> bool:
        """Whether reading the rest is cheaper than a new connection."""
        awaits_continue = self.socket is not None
        return bool(
            not (self.broken or self.chunked_input or awaits_continue)
            and (self.content_length or 0) - self.position <= DISCARD
        )

    def _discard(self) -> None:
        if not self.is_spent and self.is_small:
            super()._discard()


class Server(pywsgi.WSGIServer):  # type: ignore[misc]
    """Accepts connections for one worker, and knows which of them wait for a request."""

    settings: Settings

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.draining = False
        self.idle: set[Handler] = set()
        self.certificates: Any = None  # of `tls`, which only workers may import

    def handle(self, client_socket: Any, address: Any) -> None:
        """One connection, from its first byte to its last."""
        if self.certificates is None:
            super().handle(client_socket, address)
            return
        wrapped = self.certificates.handshake(client_socket, self.settings.header_timeout)
        if wrapped is not None:
            with closing(wrapped):
                super().handle(wrapped, address)

    def drain(self) -> None:
        """Accept nothing more, hang up on who is idle, and let the others finish."""
        self.close()
        self.draining = True
        for handler in list(self.idle):
            handler.hang_up()


class Handler(pywsgi.WSGIHandler):  # type: ignore[misc]
    """One connection."""

    server: Server
    command = path = request_version = ""
    environ: dict[str, Any] | None = None
    wsgi_input: Body | None = None
    _deadline: gevent.Timeout | None = None
    _client_left = False

    # Reading the head.

    def read_requestline(self) -> str:
        settings = self.server.settings
        self.socket.settimeout(settings.idle_timeout)
        self.server.idle.add(self)
        try:
            begun = b"" if self.server.draining else self.rfile.peek(1)
        finally:
            self.server.idle.discard(self)
        if not begun:
            return ""
        self.command = self.path = ""
        self.environ, self.wsgi_input, self._client_left = None, None, False
        if b"\r\n\r\n" not in begun:
            self._deadline = _HeadTooSlow.start_new(settings.header_timeout)
        line: str = super().read_requestline()
        return line

    def hang_up(self) -> None:
        """End the wait for a next request."""
        try:
            self.socket.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # the client was faster

    def MessageClass(self, rfile: Any, _seekable: int) -> framing.Fields:  # noqa: N802
        fields = framing.read_fields(rfile)
        framing.check(fields, self.request_version)
        return fields

    def read_request(self, requestline: str) -> bool:
        try:
            is_valid: bool = super().read_request(requestline)
        finally:
            self._end_deadline()
            self.socket.settimeout(self.server.settings.body_timeout)
        if self.path.lower().startswith(("http://", "https://")):
            self.path = "/" + (self.path.split("/", 3)[3:] or [""])[0]
        return is_valid

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None

    def handle_one_request(self) -> Any:
        try:
            result = super().handle_one_request()
        except _HeadTooSlow:
            return "408", _plain("408 Request Timeout", "the head of the request came too slowly")
        finally:
            self._end_deadline()
        if result is None and self.wsgi_input is not None and not self.wsgi_input.is_spent:
            self._linger()
        return result

    def _linger(self) -> None:
        # Closing with bytes unread resets the connection, and the answer with it.
        try:
            self.socket.shutdown(socket.SHUT_WR)
            with gevent.Timeout(LINGER, False):
                while self.socket.recv(PIECE):
                    pass
        except OSError:
            pass

    def _handle_client_error(self, error: Exception) -> tuple[str, bytes]:
        if not isinstance(error, ValueError):
            log.error("reading a request failed", exc_info=error)
        text = str(error) if isinstance(error, framing.BadHead) else "the request is malformed"
        return "400", _plain("400 Bad Request", text)

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        self.wsgi_input = Body(self.wsgi_input)
        environ["wsgi.input"] = self.wsgi_input
        environ["wsgi.input_terminated"] = True
        return environ

    # Answering.

    def finalize_headers(self) -> None:
        super().finalize_headers()
        body = self.wsgi_input
        if self.server.draining or (body and not body.is_spent and not body.is_small):
            self.close_connection = True
        if self.close_connection and not any(name.lower() == b"connection" for name, _ in self.response_headers):
            self.response_headers.append((b"Connection", b"close"))

    def handle_one_response(self) -> None:
        super().handle_one_response()
        if self.wsgi_input and not self.wsgi_input.is_spent:
            self.close_connection = True

    def _write_with_headers(self, data: bytes) -> None:
        """What pywsgi's own does, which sends the head by itself: a small answer is one packet here."""
        self.headers_sent = True
        self.finalize_headers()
        head = b"\r\n".join((b"HTTP/1.1 " + self.status, *map(b": ".join, self.response_headers), b"\r\n"))
        if len(data) <= SMALL and not self.response_use_chunked:
            self._sendall(head + data)
        else:
            self._sendall(head)
            self._write(data)

    def _sendall(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            for start in range(0, len(view), PIECE):
                self.socket.sendall(view[start : start + PIECE])
        except OSError as error:
            self._client_left = True
            raise BrokenPipeError(errno.EPIPE, "the client left") from error  # pywsgi ends quietly on this
        self.response_length += len(data)

    def handle_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
        self.close_connection = True
        if isinstance(error, BodyCut):
            self._client_left = True
        elif isinstance(error, UnspecifiedError):
            # The answer had begun; that it is cut tells the client.
            log.error("%s %s stopped halfway: the storage: %s", self.command, self.path.partition("?")[0], error)
        elif not isinstance(error, gevent.GreenletExit):
            log.error("%s %s failed", self.command, self.path.partition("?")[0], exc_info=(kind, error, trace))
            self._send_error_response_if_possible(500)

    def log_request(self) -> None:
        if self.requestline.startswith(TLS_HELLO):
            return  # skopeo, podman and docker try TLS first; the 400 tells them
        environ, body = self.environ or {}, self.wsgi_input
        status = self.status.decode() if isinstance(self.status, bytes) else self.status or "0"
        AccessLog.write(
            client=environ.get("REMOTE_ADDR") or str(self.client_address[0]),
            method=self.command or "-",
            target=self.path or "-",
            status=CLIENT_LEFT if self._client_left else int(status[:3]),
            sent=self.response_length,
            received=body.received if body else 0,
            seconds=(self.time_finish or time.time()) - self.time_start,
            agent=environ.get("HTTP_USER_AGENT", "-"),
        )


def _plain(status: str, text: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {len(text) + 1}"
    return f"{head}\r\n\r\n{text}\n".encode("latin-1")
