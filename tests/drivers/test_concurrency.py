# -*- coding: utf-8 -*-
"""Streams side by side, and the memory they take."""

from __future__ import unicode_literals

import io
import socket
import threading
import time

import pytest

from docker_registry.concurrency.greenlets import breathe
from docker_registry.drivers.swift.objects import memory
from docker_registry.drivers.swift.objects import stage as staging
from docker_registry.drivers.swift.objects.memory import LEAST, STEP, Budget, Lease
from tests.conformance import Broken, GoneAway, Slow, pattern, read, together
from tests.drivers.conftest import SEGMENT


def test_a_budget_is_not_exceeded_but_by_wish():
    budget = Budget(100)
    assert budget.take(60)
    assert not budget.take(41)
    assert budget.take(40)
    budget.overdraw(10)
    assert budget.used == 110
    budget.give(70)
    assert budget.take(60)


def test_who_waits_for_memory_gets_what_is_given_back():
    budget, got = Budget(10), []
    assert budget.take(10)
    waiting = threading.Thread(target=lambda: got.append(budget.take(5, patience=60)))
    waiting.start()
    budget.give(10)
    waiting.join()
    assert got == [True]


def test_a_lease_grows_in_steps_and_ends():
    budget = Budget(3 * STEP)
    lease = Lease(budget)
    assert lease.cover(1)
    assert budget.used == STEP
    assert lease.cover(STEP)
    assert budget.used == STEP
    assert lease.cover(STEP + 1)
    assert not lease.cover(3 * STEP + 1)
    assert budget.used == 2 * STEP
    lease.end()
    lease.end()
    assert budget.used == 0


def test_portions_of_a_budget_that_is_half_used():
    budget = Budget(96 << 20)
    with budget.stream(), budget.stream():
        with budget.stream():
            assert budget.take(48 << 20)
            assert budget.portion() is None
            assert budget.take(1)
            assert budget.portion() == 16 << 20
        assert budget.portion() == 24 << 20
    assert budget.portion() == 48 << 20
    assert Budget(1 << 20).portion() is None
    small = Budget(4 << 20)
    small.overdraw(4 << 20)
    with small.stream():
        assert small.portion() == LEAST


def test_who_breathes_lets_others_do_io():
    ours, theirs = socket.socketpair()
    waits, got = threading.Event(), []

    def receive():
        waits.set()
        got.append(theirs.recv(1))

    thread = threading.Thread(target=receive)
    thread.start()
    waits.wait()
    ours.send(b"x")
    deadline = time.time() + 5
    while not got and time.time() < deadline:
        breathe()
    found = list(got)
    thread.join()
    ours.close()
    theirs.close()
    assert found == [b"x"]


def test_a_stream_sends_before_it_has_taken_all_memory(monkeypatch, connect, swift):
    monkeypatch.setattr(memory, "LEAST", 1 << 20)
    driver = connect(swift, swift_memory=8 << 20, swift_segment_size=32 << 20)
    content = pattern(7 << 20)
    driver.stream_write("f", io.BytesIO(content))
    assert [part.size >> 20 for part in driver.parts("f")] == [5, 2]
    assert read(driver, "f") == content


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(staging, "PATIENCE", 0.01)


def test_many_streams_share_little_memory(connect, swift, impatient):
    driver = connect(swift, swift_memory=4 * SEGMENT)
    contents = {"f{0}".format(i): pattern(3 * SEGMENT + i, i) for i in range(64)}
    together(*[lambda item=item: driver.stream_write(item[0], Slow(item[1], 9000)) for item in contents.items()])
    assert driver._budget.used == 0
    for path, content in contents.items():
        assert read(driver, path) == content


def test_memory_that_waits_for_a_commit_blocks_nobody(connect, swift, impatient):
    driver = connect(swift, swift_memory=2 * SEGMENT)
    budget = driver._budget
    stages = [driver.stage() for _ in range(5)]
    for i, stage in enumerate(stages):
        stage.fill(io.BytesIO(pattern(SEGMENT, i)))
    held = budget.used
    assert held > 0
    for i, stage in enumerate(stages):
        with stage:
            stage.commit("f{0}".format(i))
        assert budget.used < held
        held = budget.used
    assert budget.used == 0


def test_memory_is_given_back_whatever_happens(connect, swift):
    driver = connect(swift)
    budget = driver._budget
    with driver.stage() as stage:
        stage.fill(io.BytesIO(b"x"))
        stage.discard()
        assert budget.used == 0
        stage.fill(io.BytesIO(b"x"))
        stage.keep()
        assert budget.used == 0
        stage.discard()
        stage.fill(io.BytesIO(b"x"))
    assert budget.used == 0
    with pytest.raises(GoneAway):
        driver.stream_write("f", Broken(pattern(5 * SEGMENT)))
    assert budget.used == 0
    swift.spoil = lambda method, path, query: 403 if method == "PUT" else None
    with pytest.raises(Exception, match="403"):
        driver.stream_write("f", io.BytesIO(pattern(5 * SEGMENT)))
    assert budget.used == 0


def test_segments_are_sent_while_the_stream_is_still_read(connect, swift):
    driver = connect(swift)
    driver.put_content("there", b"")
    sent = []

    class Watched(object):
        """A stream that ends only once its beginning has been sent."""

        def __init__(self):
            self.blocks = 3

        def read(self, size):
            if not self.blocks:
                for _ in range(2000):
                    if any("segments" in path for _, path, _ in swift.requests):
                        sent.append(True)
                        break
                    threading.Event().wait(0.01)
                return b""
            self.blocks -= 1
            return bytes(bytearray(size))

    driver.stream_write("f", Watched())
    assert sent
