"""gevent.pywsgi's handler, with the limits and refusals that a server of strangers needs.

What changes: a head is read by `framing`, which refuses what two readers could
understand differently; every wait on the client has an end (`pace`); a body
that is cut is the client's fault and not a 500; a body that nobody reads is
not read to its end; a connection is closed so that the last answer arrives.
"""

from __future__ import annotations

import errno
import functools
import io
import itertools
import logging
import os
import select
import time
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

import gevent
from gevent import pywsgi, socket

from docker_registry.concurrency import trace
from docker_registry.concurrency.greenlets import breathe
from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.distribution.auth.told import BY_CERTIFICATE
from docker_registry.settings import Settings

from . import framing
from .body import BodyInput
from .connections import Connections, look_at
from .framing import BadHead, BodyCut
from .logs import log_access
from .pace import Deadline, Incoming, Outgoing, Pace
from .peer import vouched

__all__ = ["Handler", "plain"]

log = logging.getLogger(__name__)

SMALL = 16 * 1024  # bytes that are sooner copied than sent by themselves
LINGER = 2.0  # s to let a client that still sends find its answer
LINGERING = 256 * 1024  # bytes read at a time meanwhile
TURN = 4  # answers after which others have theirs: requests that are all there, and answers taken at once, make no wait
TLS_HELLO = b"\x16\x03"
CLIENT_LEFT = 499  # nginx's status, for the log only


_serial = itertools.count()


@functools.cache
def _start() -> str:
    """What tells this process's requests from all others'; made in the worker, since forked copies would share it."""
    return os.urandom(8).hex()


class _ClientLeft(gevent.GreenletExit):  # type: ignore[misc]
    """Nobody waits for the answer that is being made."""


class _Server(Protocol):
    """What a connection needs to know of the server that accepted it."""

    settings: Settings
    connections: Connections
    draining: bool
    traffic: Any  # of `debug`, where what is answered is counted; None without a second port
    application: Any

    def get_environ(self) -> dict[str, Any]: ...

    def make_room(self) -> None: ...


class Handler(pywsgi.WSGIHandler):  # type: ignore[misc]
    """One connection."""

    server: _Server
    command = path = request_version = ""
    status: Any  # bytes of an answer, None before
    fields: framing.Fields
    environ: dict[str, Any] | None = None
    wsgi_input: BodyInput | None = None
    has_begun = False  # a request's head
    _head_sent = 0  # bytes of an answer's head
    _answered = 0  # requests of this connection
    _speaks_tls = False
    _client_left = False

    def __init__(self, connection: Any, address: Any, server: _Server):
        settings = server.settings
        self._incoming = Incoming(connection, Deadline(settings.idle_timeout))
        self._outgoing = Outgoing(connection, Pace(settings.body_timeout, settings.body_min_rate))
        self._greenlet = gevent.getcurrent()
        self._told = vouched(connection) if settings.auth.certificates else None
        super().__init__(connection, address, server, rfile=io.BufferedReader(self._incoming))

    # Reading a request.

    def handle_one_request(self) -> bool | None:
        """Read a request and answer it; True where the connection can have another, else None."""
        try:
            if not self._read_head():
                return None
        except BadHead as error:
            self.path = self.path or error.seen
            self._refuse(error.status, str(error))
            return None
        except TimeoutError:
            self._refuse("408 Request Timeout", "the head of the request came too slowly")
            return None
        except OSError:
            return None  # the client left
        finally:
            self.server.connections.waiting.pop(self, None)
        self.environ = self.get_environ()
        trace.begin(self.environ[trace.ENVIRON])
        self.application = self.server.application
        self.handle_one_response()
        if not self.close_connection:
            self._answered += 1
            if self._answered % TURN == 0:
                breathe()
            return True
        if self.wsgi_input and not self.wsgi_input.is_spent:
            self._linger()
        return None

    def _read_head(self) -> bool:
        """False where no request comes. Raises BadHead, TimeoutError, or OSError when the client leaves meanwhile."""
        begun = self._wait_for_next()
        if not begun:
            return False
        self.has_begun, self.time_start = True, time.time()
        self._incoming.limit = Deadline(self.server.settings.header_timeout)
        if begun.startswith(TLS_HELLO):
            self._speaks_tls = True
            raise BadHead("this port speaks HTTP without TLS")
        line = framing.read_request_line(self.rfile)
        if line is None:
            return False
        self.command, self.path, self.request_version, host = line
        self.fields = framing.read_fields(self.rfile)
        framing.check(line, self.fields)
        if host is not None:
            self.fields = [("host", host), *(field for field in self.fields if field[0] != "host")]
        return True

    def _wait_for_next(self) -> bytes:
        """The first bytes of the next request; none where the client or this server ends the connection."""
        self.command = self.path = self.requestline = ""
        trace.begin("")
        self.environ, self.wsgi_input, self._client_left, self.has_begun = None, None, False, False
        self.response_length = self._head_sent = 0
        self.server.connections.waiting[self] = None
        self.server.make_room()
        self._incoming.limit = Deadline(self.server.settings.idle_timeout)
        try:
            begun: bytes = self.rfile.peek(1)
            return begun
        except OSError:
            return b""

    @property
    def has_more(self) -> bool:
        return bool(look_at([self.socket.fileno()], select.POLLIN))

    def hang_up(self) -> None:
        """End the wait for a request."""
        _end_reading(self.socket)

    def get_environ(self) -> dict[str, Any]:
        """WSGI's environ. A name with an underscore is dropped: it could pose as another's."""
        environ: dict[str, Any] = self.server.get_environ()
        path, _, query = self.path.partition("?")
        environ["REQUEST_METHOD"] = self.command
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = unquote_to_bytes(path.encode("latin-1")).decode("latin-1")
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = self.request_version
        environ[trace.ENVIRON] = f"{_start()}{next(_serial):08x}"
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = self._client()
        for name, value in self.fields:
            if "_" in name:
                continue
            key = name.replace("-", "_").upper()
            if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                environ.setdefault(key, value)
                continue
            key = f"HTTP_{key}"
            separator = "; " if name == "cookie" else ","
            environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
        if self._told is not None:
            environ[BY_CERTIFICATE] = self._told
        self._set_body(environ)
        connection = [token.strip().lower() for token in environ.get("HTTP_CONNECTION", "").split(",")]
        self.close_connection = "close" in connection or (
            self.request_version == "HTTP/1.0" and "keep-alive" not in connection
        )
        return environ

    def _client(self) -> tuple[str, str]:
        """Address and port; of a unix socket's client nothing is known."""
        where = self.client_address
        return (str(where[0]), str(where[1])) if isinstance(where, tuple) else ("", "")

    def _set_body(self, environ: dict[str, Any]) -> None:
        settings = self.server.settings
        self._incoming.limit = Pace(settings.body_timeout, settings.body_min_rate)
        length = None if "HTTP_TRANSFER_ENCODING" in environ else int(environ.get("CONTENT_LENGTH", "0"))
        expects = environ.get("HTTP_EXPECT", "").lower() == "100-continue" and self.request_version == "HTTP/1.1"
        self.wsgi_input = BodyInput(self.rfile, length, self._go_on if expects else None)
        environ["wsgi.input"] = self.wsgi_input
        environ["wsgi.input_terminated"] = True

    def _go_on(self) -> None:
        self._outgoing.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, status: str, text: str) -> None:
        """Answer a head that is no request; the connection has no other."""
        self.status = status.encode()
        self.start_answer()
        try:
            answer = plain(status, text, self.server.settings.headers)
            self._head_sent = len(answer) - len(text) - 1
            self._sendall(answer)
        except BrokenPipeError:
            pass
        self.time_finish = time.time()
        self.log_request()
        self._linger()

    def _linger(self) -> None:
        # Closing with bytes unread resets the connection, and the answer with it.
        try:
            self.socket.shutdown(socket.SHUT_WR)
            with gevent.Timeout(LINGER, False):
                while self.socket.recv(LINGERING):
                    pass
        except OSError:
            pass

    # Answering.

    def start_answer(self) -> None:
        settings = self.server.settings
        self._outgoing = Outgoing(self.socket, Pace(settings.body_timeout, settings.body_min_rate))

    def handle_one_response(self) -> None:
        self.start_answer()
        connections = self.server.connections
        connections.busy[self] = None
        if self.command in ("GET", "HEAD"):
            connections.reading[self] = time.monotonic()
        try:
            super().handle_one_response()
        finally:
            connections.busy.pop(self, None)
            connections.reading.pop(self, None)
        if self.wsgi_input and not self.wsgi_input.is_spent:
            self.close_connection = True

    def run_application(self) -> None:
        try:
            super().run_application()
        finally:
            # The rest of a body that nobody read (of a refused request) has this long to come, and no longer.
            self._incoming.limit = Deadline(LINGER)

    def end(self) -> None:
        """Stop making an answer that nobody waits for."""
        self.server.connections.reading.pop(self, None)
        gevent.kill(self._greenlet, _ClientLeft)

    def finalize_headers(self) -> None:
        super().finalize_headers()
        body = self.wsgi_input
        if self.server.draining or (body and not body.is_spent and not body.is_small):
            self.close_connection = True
        if self.close_connection and not any(name.lower() == b"connection" for name, _ in self.response_headers):
            self.response_headers.append((b"Connection", b"close"))

    def _write_with_headers(self, data: bytes) -> None:
        """What pywsgi's own does, which sends the head by itself: a small answer is one packet here."""
        self.headers_sent = True
        self.finalize_headers()
        head = b"\r\n".join((b"HTTP/1.1 " + self.status, *map(b": ".join, self.response_headers), b"\r\n"))
        self._head_sent = len(head)
        if len(data) <= SMALL and not self.response_use_chunked:
            self._sendall(head + data)
        else:
            self._sendall(head)
            self._write(data)

    def _sendall(self, data: bytes) -> None:
        try:
            self._outgoing.send(data)
        except OSError as error:
            self._client_left = True
            raise BrokenPipeError(errno.EPIPE, "the client left") from error  # pywsgi ends quietly on this
        self.response_length += len(data)

    def handle_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
        self.close_connection = True
        if isinstance(error, (BodyCut, _ClientLeft)):
            self._client_left = True
        elif isinstance(error, UnspecifiedError):
            # The answer had begun; that it is cut tells the client.
            log.error("%s %s stopped halfway: the storage: %s", self.command, self.path.partition("?")[0], error)
        elif not isinstance(error, gevent.GreenletExit):
            log.error("%s %s failed", self.command, self.path.partition("?")[0], exc_info=(kind, error, trace))
            self._answer_500()

    def _answer_500(self) -> None:
        if self.headers_sent:
            return
        text = b"internal error, the registry's log says more\n"
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text))), *self.server.settings.headers]
        try:
            self.start_response("500 Internal Server Error", headers)
            self.write(text)
        except OSError:
            pass  # the client left

    def log_request(self) -> None:
        if self._speaks_tls:
            return  # skopeo, podman and docker try TLS first; the 400 tells them
        environ, body = self.environ or {}, self.wsgi_input
        status = CLIENT_LEFT if self._client_left else int((self.status or b"0")[:3])
        received = body.received if body else 0
        seconds = (self.time_finish or time.time()) - self.time_start
        sent = max(self.response_length - self._head_sent, 0)
        if self.server.traffic is not None:
            self.server.traffic.count(environ, status, seconds, self._head_size(), received, sent)
        ended = environ.get(trace.ENDED)
        if ended is not None:
            ended(status)
        log_access(
            client=environ.get("REMOTE_ADDR") or self._client()[0] or "-",
            method=self.command or "-",
            target=self.path or "-",
            status=status,
            sent=sent,
            received=received,
            seconds=seconds,
            agent=environ.get("HTTP_USER_AGENT", "-"),
        )

    def _head_size(self) -> int:
        """Bytes of a request's head, line ends aside."""
        return len(self.command) + len(self.path) + sum(len(name) + len(value) for name, value in self.fields)


def _end_reading(connection: Any) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RD)  # and not ssl's, which takes TLS away first
    except OSError:
        pass  # the client was faster


def plain(status: str, text: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """A whole answer to what is no request yet; the connection ends with it."""
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        "Content-Type: text/plain",
        f"Content-Length: {len(text) + 1}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join((*lines, "", f"{text}\n")).encode("latin-1")
