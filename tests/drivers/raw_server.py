"""A server that writes to its socket what a test wants, right or wrong. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import socket
import threading

__all__ = ["GOOD", "PATIENCE", "Server"]

GOOD = (
    b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nETag: abc\r\nX-Object-Meta-Name: caf\xc3\xa9\r\n"
    b"Vary: a\r\nVary: b\r\n\r\nok"
)
PATIENCE = 10  # s


class Request(object):
    """What arrived: `number` counts the connections that came."""

    def __init__(self, number, line, headers, body):
        self.number = number
        self.line = line
        self.headers = headers
        self.body = body


class Server(object):
    """Answers each request with the next of `answers`, the last of them for ever; None hangs up.

    One that is a function gets the Request and the socket, and does what it likes.
    """

    def __init__(self):
        self.answers = [GOOD]
        self.before_body = lambda line, sock: None  # is called with each request's first line, its body unread
        self.requests = []
        self.closed = threading.Event()  # a client has hung up
        self.sockets = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(5)
        self.host = "127.0.0.1:{0}".format(self._listener.getsockname()[1])
        self.url = "http://{0}/v1/AUTH_test".format(self.host)
        self._thread(self._accept)

    def close(self):
        for sock in [self._listener] + self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except (socket.error, OSError):
                pass  # it was closed from the other side
            sock.close()

    def _thread(self, work, *args):
        thread = threading.Thread(target=work, args=args)
        thread.daemon = True
        thread.start()

    def _accept(self):
        while True:
            try:
                sock = self._listener.accept()[0]
            except (socket.error, OSError):
                return
            sock.settimeout(PATIENCE)
            self.sockets.append(sock)
            self._thread(self._serve, sock, len(self.sockets))

    def _serve(self, sock, number):
        stream = sock.makefile("rb")
        while True:
            try:
                line = stream.readline()
                if not line:
                    self.closed.set()
                    return
                headers = dict(_fields(stream))
                self.before_body(line, sock)
                body = stream.read(int(headers.get("content-length", 0)))
                self.requests.append(Request(number, line.strip().decode(), headers, body))
            except socket.timeout:
                return
            except (socket.error, OSError, ValueError):
                self.closed.set()
                return
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is None:
                sock.shutdown(socket.SHUT_RDWR)
                return
            if callable(answer):
                answer(self.requests[-1], sock)
            else:
                sock.sendall(answer)


def _fields(stream):
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.partition(b":")
        yield name.decode().lower(), value.strip()


def without_proxies(monkeypatch):
    """The environment has no proxies but those of the test."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(str(name), raising=False)
        monkeypatch.delenv(str(name.upper()), raising=False)
