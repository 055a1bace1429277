"""Delivery against a plain model: everything that was taken into the queue arrives once, in order, whatever fails."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.distribution.events import delivery as module
from docker_registry.distribution.events.delivery import Delivery
from docker_registry.settings import Endpoint
from tests.live.receiver import Receiver

DEADLINE = 20.0  # s


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint(**{"name": "it", "url": "http://127.0.0.1:1/", "backoff": 0.001, "threshold": 1, **fields})


class Answers:
    """What a receiver answers, one after the other and then always 200; None is no answer."""

    def __init__(self, answers: list[int | None]):
        self._answers = list(answers)
        self.taken: list[int] = []
        self.sizes: list[int] = []

    def __call__(self, body: bytes) -> int:
        events = json.loads(body)["events"]
        self.sizes.append(len(events))
        answer = self._answers.pop(0) if self._answers else 200
        if answer is None:
            raise requests.ConnectionError("no answer")
        if answer < 400:
            self.taken += events
        return answer


@settings(max_examples=40)
@given(st.integers(0, 120), st.lists(st.sampled_from([200, 202, 400, 413, 500, 503, None]), max_size=12))
def test_every_event_arrives_once_and_in_order(number: int, answers: list[int | None]) -> None:
    receiver = Answers(answers)
    delivery = Delivery(endpoint(), receiver)
    for event in range(number):
        delivery.add(b"%d" % event)
    delivery.end(time.monotonic() + DEADLINE)
    delivery.close()
    assert receiver.taken == list(range(number))
    assert delivery.counts["Events"] == delivery.counts["Successes"] == number
    assert delivery.counts["Dropped"] == delivery.pending == 0
    assert all(size <= module.TOGETHER for size in receiver.sizes)


def test_what_finds_no_room_is_dropped_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    go_on, taken = threading.Event(), []

    def post(body: bytes) -> int:
        go_on.wait(DEADLINE)
        taken.extend(json.loads(body)["events"])
        return 200

    delivery = Delivery(endpoint(queue=5), post)
    with caplog.at_level(logging.WARNING):
        for event in range(20):
            delivery.add(b"%d" % event)
    assert (delivery.pending, delivery.counts["Dropped"]) == (5, 15)
    assert len([record for record in caplog.records if "dropped" in record.getMessage()]) == 1
    go_on.set()
    delivery.end(time.monotonic() + DEADLINE)
    delivery.close()
    assert taken == [0, 1, 2, 3, 4]


def test_the_bytes_that_wait_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    delivery = Delivery(endpoint(), lambda _: 500)
    for _ in range(5):
        delivery.add(b"1" * 40)
    assert (delivery.pending, delivery.counts["Dropped"]) == (2, 3)
    delivery.end(0)
    delivery.close()


def test_the_end_waits_for_so_long_and_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    tries = threading.Semaphore(0)

    def post(_: bytes) -> int:
        tries.release()
        return 503

    delivery = Delivery(endpoint(backoff=3600.0), post)
    for event in range(3):
        delivery.add(b"%d" % event)
    assert tries.acquire(timeout=DEADLINE)
    delivery.end(time.monotonic() + 0.05)
    with caplog.at_level(logging.ERROR):
        delivery.close()
    assert "the server ends: 3 events are dropped" in caplog.text
    assert (delivery.pending, delivery.counts["Dropped"]) == (0, 3)


def test_one_event_that_is_refused_does_not_take_others_along() -> None:
    """A receiver that refuses long requests gets them one by one after a failure."""
    receiver = Answers([503])
    delivery = Delivery(endpoint(), receiver)
    for event in range(3):
        delivery.add(b"%d" % event)
    delivery.end(time.monotonic() + DEADLINE)
    delivery.close()
    assert receiver.sizes[1] == 1


def test_the_pause_grows_below_the_threshold_and_is_the_backoff_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = Delivery(endpoint(threshold=5, backoff=1.0), lambda _: 500)
    now, pauses = [0.0], []

    def wait(seconds: float) -> None:
        pauses.append(round(seconds, 3))
        now[0] += seconds

    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(delivery._change, "wait", wait)
    for _ in range(7):
        delivery._pause()
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


def test_what_goes_over_the_wire() -> None:
    with Receiver() as receiver:
        headers = (("Authorization", "Bearer token"), ("X-A", "1"), ("X-A", "2"))
        delivery = Delivery(endpoint(url=receiver.url, headers=headers, secret=b"key", timeout=DEADLINE))
        delivery.add(b'{"id": "x"}')
        receiver.wait_for(1)
        delivery.end(time.monotonic() + DEADLINE)
        delivery.close()
    ((sent, body),) = receiver.requests
    assert body == b'{"events":[{"id": "x"}]}'
    assert sent["Content-Type"] == "application/vnd.docker.distribution.events.v1+json"
    assert (sent["Authorization"], sent["X-A"]) == ("Bearer token", "1, 2")
    assert sent["X-Hub-Signature-256"] == "sha256=" + hmac.new(b"key", body, hashlib.sha256).hexdigest()
    assert delivery.statuses == {"200 OK": 1}


def test_no_secret_is_shown() -> None:
    assert "hush" not in repr(endpoint(secret=b"hush", headers=(("Authorization", "hush"),)))
