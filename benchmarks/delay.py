"""A Swift across the data centre: a loopback proxy that holds each request back for a while.

`python -m benchmarks.delay PORT TARGET-PORT SECONDS` serves until it is ended.

It does not parse HTTP: the first bytes that a client sends after an answer began, or on a new
connection, are a new request, and wait. Bodies then flow freely, moved by splice(2) without
being copied, so that the proxy costs little of the machine that it shares with what is measured.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

__all__ = ["main"]

_PIPE = 1024 * 1024  # bytes between two sockets


class _Link:
    """One client's connection, and ours behind it."""

    def __init__(self, client: socket.socket, target: int, delay: float):
        self._client = client
        self._server = socket.create_connection(("127.0.0.1", target))
        self._delay = delay
        self._idle = True  # the next bytes of the client begin a request
        for sock in (self._client, self._server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        answers = threading.Thread(target=self._pump, args=(self._server, self._client, self._answered), daemon=True)
        answers.start()
        self._pump(self._client, self._server, self._asked)
        answers.join()
        self._client.close()
        self._server.close()

    def _asked(self) -> None:
        if self._idle:
            self._idle = False
            time.sleep(self._delay)

    def _answered(self) -> None:
        self._idle = True

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, on_data: Callable[[], None]) -> None:
        out, into = os.pipe()
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, _PIPE)
        try:
            while count := os.splice(source.fileno(), into, _PIPE):
                on_data()
                while count:
                    count -= os.splice(out, sink.fileno(), count)
        except OSError:
            pass  # either side went away: the other learns it below
        finally:
            os.close(out)
            os.close(into)
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)


def main() -> None:
    port, target, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_Link(client, target, delay).run, daemon=True).start()


if __name__ == "__main__":
    main()
