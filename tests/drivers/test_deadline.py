# -*- coding: utf-8 -*-
"""A caller's patience ends all waits for a Swift that keeps silent, however many there are. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import io
import threading

import pytest

from docker_registry.concurrency import deadline
from docker_registry.concurrency.deadline import Deadline, until
from docker_registry.concurrency.workers import WorkerPool, each
from docker_registry.core.exceptions import UnreachableError
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.http import client
from docker_registry.drivers.swift.http.pool import Pool
from docker_registry.drivers.swift.objects import stage

BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: x\r\n\r\nhalf"
REST = b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\nETag: x\r\n\r\n-half"


@pytest.fixture
def server(server):
    server.answers = [b""]
    return server


@pytest.fixture
def driver(server):
    config = {"swift_object_storage_url": server.url, "swift_token": "t", "swift_container": "box"}
    return Storage("/", dict(config, swift_timeout=1000, swift_segment_size=1000))


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(deadline, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("method", ["get_content", "exists", "get_size", "remove", "open"])
def test_silence_ends_with_the_callers_patience(driver, server, method):
    with driver.time_limit(0.1), pytest.raises(UnreachableError):
        getattr(driver, method)("f")
    assert len(server.requests) <= 1, "no second try"


def test_all_calls_of_a_caller_share_his_patience(driver, server, clock):
    server.answers = [b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n"]
    with driver.time_limit(10):
        assert not driver.exists("images/1/json")
        clock[0] += 11
        with pytest.raises(UnreachableError, match="no time is left"):
            driver.exists("f")
    assert not driver.exists("images/1/json")
    assert len(server.requests) == 2


def test_a_pause_that_is_too_long_is_not_made(driver, server, monkeypatch):
    pauses = []
    monkeypatch.setattr(client.time, "sleep", pauses.append)
    server.answers = [BUSY]
    with driver.time_limit(20), pytest.raises(UnreachableError, match="503"):
        driver.get_content("f")
    assert pauses == []


def test_those_who_work_for_a_caller_share_his_patience(driver, server, monkeypatch):
    monkeypatch.setattr(stage, "CLEANING", 0.1)
    with driver.time_limit(0.1), pytest.raises(UnreachableError), driver.stage() as writing:
        writing.fill(io.BytesIO(b"x" * 5000))
        writing.commit("f")


def test_workers_know_whom_they_work_for():
    mine, seen = Deadline(10), []
    with until(mine):
        list(each(lambda _: seen.append(deadline.current()), range(5), 3))
        pool = WorkerPool(2)
        pool.submit(lambda: seen.append(deadline.current()))
        pool.join()
    assert seen == [mine] * 6
    assert deadline.current() is None
    other = threading.Thread(target=lambda: seen.append(deadline.current()))
    with until(mine):
        other.start()
        other.join()
    assert seen[-1] is None


def test_a_wait_for_a_connection_ends_too():
    pool = Pool(lambda url: None, 1, 1000)
    pool._count(0, 1)
    with until(Deadline(0.05)), pytest.raises(UnreachableError):
        pool.take("u")


def test_a_stream_that_moves_on_has_its_time_again(driver, server, clock):
    def cut(request, sock):
        sock.sendall(HALF)
        sock.shutdown(2)

    server.answers = [cut, REST]
    with driver.time_limit(10):
        reader = driver.open("f")
    with reader:
        chunks = iter(reader)
        assert next(chunks) == b"half"
        clock[0] += 1000
        assert next(chunks) == b"-half"


def test_a_body_of_the_caller_gives_time_again(driver, clock):
    class Slow(object):
        blocks = 3

        def read(self, size):
            self.blocks -= 1
            clock[0] += 8
            return b"x" if self.blocks else b""

    with driver.time_limit(10), driver.stage() as writing:
        writing.fill(Slow())
        assert deadline.current().left() == 10


def test_cleaning_up_has_a_time_of_its_own(clock):
    with until(Deadline(10)):
        clock[0] += 11
        assert deadline.current().left() < 0
        with deadline.apart(30):
            assert deadline.current().left() == 30
        assert deadline.current().left() < 0
    with deadline.apart(30):
        assert deadline.current() is None
