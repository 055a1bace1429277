"""One receiver's events: a bounded queue, and a thread that posts them in order until each has been taken.

Nobody who adds an event waits. Where the receiver is slower than events come
for long, or away, those that find no room are dropped, counted and logged.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from http import HTTPStatus

import requests

from docker_registry.settings import Endpoint

from .event import MEDIA_TYPE

__all__ = ["Delivery"]

log = logging.getLogger(__name__)

MOST_BYTES = 16 << 20  # of events that wait for one receiver, in one process
TOGETHER = 50  # events in one request, when so many wait; alone after a failure, so that one cannot hold up others
SIGNATURE = "X-Hub-Signature-256"  # what receivers of others' webhooks know
_FIRST_PAUSE = 0.1  # s between failures below the threshold; doubled up to `backoff`
_TELL = 60.0  # s between two lines of the log about one receiver's trouble

Post = Callable[[bytes], int]


class Delivery:
    """`post` sends a body and returns the answer's status; it raises requests.RequestException where there is none."""

    def __init__(self, endpoint: Endpoint, post: Post | None = None):
        self.endpoint = endpoint
        self.counts: Counter[str] = Counter()  # of events, by Distribution's names for what became of them
        self.statuses: Counter[str] = Counter()
        self._post = post or _poster(endpoint)
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._failures = 0  # in a row
        self._told = {"dropped": -_TELL, "failed": -_TELL}
        self._change = threading.Condition()
        self._ends = float("inf")  # time.monotonic
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        return len(self._queue)

    def wants(self, action: str, media_type: str) -> bool:
        return action not in self.endpoint.ignored_actions and media_type not in self.endpoint.ignored_media_types

    def add(self, event: bytes) -> None:
        with self._change:
            if len(self._queue) >= self.endpoint.queue or self._bytes + len(event) > MOST_BYTES:
                self.counts["Dropped"] += 1
                self._complain("dropped", f"too many wait: an event is dropped, {self.counts['Dropped']} so far")
                return
            self.counts["Events"] += 1
            self._queue.append(event)
            self._bytes += len(event)
            if self._thread is None:
                # Not before: what is forked later would have a queue and no thread.
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._change.notify_all()

    def end(self, deadline: float) -> None:
        """Send only what waits now, until then (time.monotonic)."""
        with self._change:
            self._ends = deadline
            self._change.notify_all()

    def close(self) -> None:
        """Wait for what is sent after `end`; what is not sent by then is dropped."""
        with self._change:
            while self._queue and (left := self._ends - time.monotonic()) > 0:
                self._change.wait(left)
            lost = len(self._queue)
            if lost:
                self.counts["Dropped"] += lost
                log.error("%s: the server ends: %s events are dropped", self._name, lost)
                self._queue.clear()
                self._bytes = 0

    @property
    def _name(self) -> str:
        return f"notifications to {self.endpoint.name}"

    def _run(self) -> None:
        while True:
            batch = self._next()
            if not batch:
                return
            if self._send(b'{"events":[' + b",".join(batch) + b"]}", len(batch)):
                self._took(batch)
            else:
                self._pause()

    def _next(self) -> list[bytes]:
        """The events to be sent next; none once there are none and the server ends, or has no more time."""
        with self._change:
            while not self._queue and self._ends == float("inf"):
                self._change.wait()
            if time.monotonic() >= self._ends:
                return []
            most = 1 if self._failures else TOGETHER
            return [self._queue[number] for number in range(min(most, len(self._queue)))]

    def _took(self, batch: list[bytes]) -> None:
        if self._failures:
            log.info("%s: they are taken again", self._name)
            self._told["failed"] = -_TELL
        self._failures = 0
        with self._change:
            for event in batch:
                if self._queue and self._queue[0] is event:  # else the server ends, and has dropped it
                    self._queue.popleft()
                    self._bytes -= len(event)
            self._change.notify_all()

    def _send(self, body: bytes, events: int) -> bool:
        try:
            status = self._post(body)
        except requests.RequestException as error:
            self.counts["Errors"] += events
            self._complain("failed", f"no answer: {type(error).__name__}; it is tried again")
            return False
        except Exception:
            self.counts["Errors"] += events
            log.exception("%s: sending failed; it is tried again", self._name)
            return False
        self.statuses[_phrase(status)] += 1
        if 200 <= status < 400:
            self.counts["Successes"] += events
            return True
        self.counts["Failures"] += events
        self._complain("failed", f"the answer is {_phrase(status)}; it is tried again")
        return False

    def _pause(self) -> None:
        self._failures += 1
        endpoint = self.endpoint
        pause = endpoint.backoff
        if self._failures < endpoint.threshold:
            pause = min(pause, _FIRST_PAUSE * 2.0 ** min(self._failures - 1, 30))
        with self._change:
            end = time.monotonic() + pause
            while (left := min(end, self._ends) - time.monotonic()) > 0:
                self._change.wait(left)

    def _complain(self, about: str, text: str) -> None:
        """A line now and then: a receiver that is away for days must not fill the log."""
        now = time.monotonic()
        if now - self._told[about] >= _TELL:
            self._told[about] = now
            log.warning("%s: %s", self._name, text)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _poster(endpoint: Endpoint) -> Post:
    session = requests.Session()

    def post(body: bytes) -> int:
        headers = [("Content-Type", MEDIA_TYPE), *endpoint.headers]
        if endpoint.secret:
            headers.append((SIGNATURE, "sha256=" + hmac.new(endpoint.secret, body, hashlib.sha256).hexdigest()))
        joined: dict[str, str] = {}
        for name, value in headers:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        with session.post(endpoint.url, data=body, headers=joined, timeout=endpoint.timeout, stream=True) as answer:
            return answer.status_code

    return post
