# -*- coding: utf-8 -*-
"""Bodies that break, ranges, and connections that are lent while a body is read."""

from __future__ import unicode_literals

import pytest
import urllib3.exceptions

from docker_registry.core.exceptions import BrokenError, UnreachableError
from docker_registry.drivers.swift import storage
from docker_registry.drivers.swift.http import client
from tests.conformance import pattern, read
from tests.drivers.mock_swift import with_length

CONTENT = pattern(1000000)


@pytest.fixture
def driver(connect, swift):
    driver = connect(swift)
    swift.put("some/base/f", CONTENT)
    return driver


class Breaking(object):
    """Makes the bodies of answers break after so many bytes; an integer per body, None for a sound one."""

    def __init__(self, monkeypatch, after, error=True):
        self._after = list(after)
        self._error = error
        self._left = {}
        read, breaking = client.Stream.read, self

        def spoilt(stream, size):
            left = breaking.left(stream)
            if left is not None:
                size = min(size, left)
                if not size and error:
                    raise urllib3.exceptions.ProtocolError("the connection broke")
                if not size:
                    return b""
            data = read(stream, size)
            breaking.took(stream, len(data))
            return data

        monkeypatch.setattr(client.Stream, "read", spoilt)

    def left(self, stream):
        if stream not in self._left:
            self._left[stream] = self._after.pop(0) if self._after else None
        return self._left[stream]

    def took(self, stream, size):
        if self._left[stream] is not None:
            self._left[stream] -= size


@pytest.mark.parametrize("error", [True, False])
@pytest.mark.parametrize("bytes_range", [None, (10, 900000), (10, None), (None, 999000)])
def test_a_broken_body_goes_on_where_it_broke(driver, swift, monkeypatch, error, bytes_range):
    Breaking(monkeypatch, [300000, 1, 300000], error)
    first = (bytes_range or (0,))[0]
    first = 1000 if first is None else first
    last = 900001 if bytes_range == (10, 900000) else len(CONTENT)
    assert read(driver, "f", bytes_range) == CONTENT[first:last]
    assert [method for method, _, _ in swift.requests] == ["GET"] * 4


def test_a_body_that_keeps_breaking_is_an_outage(driver, swift, monkeypatch):
    Breaking(monkeypatch, [5000] + [0] * 50)
    received = b""
    with pytest.raises(UnreachableError, match="from byte 5000 of 1000000"):
        for chunk in driver.stream_read("f"):
            received += chunk
    assert received == CONTENT[:5000]
    assert len(swift.requests) == 5


def test_a_file_that_changed_meanwhile_is_not_mixed(driver, swift, monkeypatch):
    Breaking(monkeypatch, [5000])
    chunks = driver.stream_read("f")
    assert next(chunks) == CONTENT[:5000]
    swift.put("some/base/f", CONTENT[::-1])
    with pytest.raises(BrokenError, match="replaced or removed"):
        list(chunks)


def test_a_server_that_ignores_ranges(driver, swift, monkeypatch):
    get = swift._get
    monkeypatch.setattr(swift, "_get", lambda c, n, q, headers, b: get(c, n, q, {}, b))
    assert read(driver, "f", (500000, 500009)) == CONTENT[500000:500010]
    Breaking(monkeypatch, [700000])
    assert read(driver, "f") == CONTENT


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("ask", [lambda d: d.stat("f"), lambda d: d.exists("f"), lambda d: read(d, "f")])
def test_an_answer_without_an_etag_does_not_say_that_a_file_is_empty(driver, swift, monkeypatch, status, ask):
    for verb in ("_head", "_get"):
        monkeypatch.setattr(swift, verb, lambda *request: with_length(status, {}, b""))
    with pytest.raises(UnreachableError, match="no ETag"):
        ask(driver)
    assert driver._client._pool.lent == 0


def test_connections_come_back(driver):
    pool = driver._client._pool
    read(driver, "f")
    read(driver, "f", (5, 9))
    assert (pool.lent, len(pool._idle)) == (0, 1)
    chunks = driver.stream_read("f")
    next(chunks)
    assert pool.lent == 1
    chunks.close()
    assert (pool.lent, len(pool._idle)) == (0, 0)
    driver.open("f").close()
    with pytest.raises(Exception, match="range"):
        driver.open("f", (2000000, None))
    assert pool.lent == 0


def test_reading_gives_pieces_of_a_bounded_size(driver, monkeypatch):
    monkeypatch.setattr(storage, "CHUNK", 100000)
    assert max(len(chunk) for chunk in driver.stream_read("f")) == 100000
