"""A receiver of notifications: takes them, or answers as it is told to."""

from __future__ import annotations

import http.server
import json
import threading
import time
from typing import Any

DEADLINE = 30.0  # s


class Receiver:
    """Use it as a context manager; `url` is where it listens, `requests` what came: headers and body."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []  # those that were answered well
        self.refused = 0
        self.status = 200
        receiver = self

        class Answering(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 400:
                    receiver.requests.append((dict(self.headers), body))
                else:
                    receiver.refused += 1
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/events"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, body in list(self.requests) for event in json.loads(body)["events"]]

    def wait_for(self, number: int) -> list[dict[str, Any]]:
        """The events, once there are so many."""
        deadline = time.monotonic() + DEADLINE
        while len(self.events) < number:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.02)
        return self.events
