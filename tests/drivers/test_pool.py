# -*- coding: utf-8 -*-
"""Who gets a connection of the pool, and who has to wait. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import io
import random
import threading

import pytest

from docker_registry.core.exceptions import UnreachableError
from docker_registry.drivers.swift import storage
from docker_registry.drivers.swift.http import client
from docker_registry.drivers.swift.http import pool as pools
from docker_registry.drivers.swift.http.errors import Taken
from docker_registry.drivers.swift.http.pool import BODY, CLIENTS_BODY, SEGMENT, SMALL, Pool
from tests.conformance import pattern, together
from tests.drivers.conftest import SEGMENT as SEGMENT_SIZE

KINDS = (SMALL, SEGMENT, BODY, CLIENTS_BODY)


class Thing(object):
    def __init__(self, storage_url):
        self.storage_url = storage_url

    def close(self):
        pass


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(pools, "SHORTLY", 0.01)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 64, 100])
def test_bounds(size):
    whole, segments, bodies, clients = pools._bounds(size)
    assert whole == size
    assert 1 <= clients <= bodies <= segments <= size
    if size > 1:
        assert bodies < segments, "who reads finds a connection to write"
    if size > 2:
        assert segments < size, "a small request finds one"
    if size > 3:
        assert clients < bodies, "the registry's own reads find one"


@pytest.mark.parametrize("seed", range(20))
def test_a_pool_lends_what_a_kind_may_have(seed):
    chance = random.Random(seed)
    size = chance.randint(1, 20)
    bounds = pools._bounds(size)
    pool, lent = Pool(Thing, size, 0), []
    for _ in range(300):
        if lent and chance.random() < 0.45:
            thing = lent.pop(chance.randrange(len(lent)))
            chance.choice([pool.give, pool.drop])(thing)
        kind = chance.choice(KINDS)
        may = all(sum(other.taken_for >= each for other in lent) < bounds[each] for each in range(kind + 1))
        if may:
            lent.append(pool.take("u", kind))
        else:
            with pytest.raises(UnreachableError, match="swift_pool_size"):
                pool.take("u", kind)
        assert pool.lent == len(lent) <= size


def test_who_waits_is_served_in_order_and_past_those_who_may_not():
    pool = Pool(Thing, 4, 60)
    lent, order = [pool.take("u", kind) for kind in (BODY, BODY, SEGMENT, SMALL)], []

    waiting = []
    for kind in (BODY, SMALL, SMALL):
        taking = threading.Thread(target=lambda kind=kind: order.append((kind, pool.take("u", kind))))
        taking.start()
        waiting.append(taking)
        while len(pool._waiting) + len(order) < len(waiting):
            threading.Event().wait(0.001)
    pool.give(lent.pop())
    waiting[1].join(10)
    assert [kind for kind, _ in order] == [SMALL], "no room for a body, which came first"
    pool.give(lent.pop(0))
    waiting[0].join(10)
    assert [kind for kind, _ in order] == [SMALL, BODY]
    pool.give(lent.pop())
    waiting[2].join(10)
    assert [kind for kind, _ in order] == [SMALL, BODY, SMALL]


def test_who_waits_for_a_body_gets_the_connection_that_has_rested_longest(monkeypatch):
    monkeypatch.setattr(pools, "REST", 0)
    pool = Pool(Thing, 8, 60)
    lent = [pool.take("u", CLIENTS_BODY) for _ in range(pools._bounds(8)[CLIENTS_BODY])]
    for thing in lent:
        pool.rest(thing)
    pool.resume(lent[0])
    more = pool.take("u", CLIENTS_BODY)
    assert more not in lent
    assert pool.lent == len(lent)
    with pytest.raises(Taken):
        pool.resume(lent[1])
    pool.drop(lent[1])
    assert pool.lent == len(lent), "it counts once"
    for thing in lent[2:]:
        pool.resume(thing)
    with pytest.raises(UnreachableError):
        pool.take("u", CLIENTS_BODY)
    for thing in [more, lent[0]] + lent[2:]:
        pool.give(thing)
    assert pool.lent == 0


def test_others_than_clients_keep_theirs(monkeypatch):
    monkeypatch.setattr(pools, "REST", 0)
    pool = Pool(Thing, 8, 0.01)
    lent = [pool.take("u", BODY) for _ in range(pools._bounds(8)[BODY])]
    for thing in lent:
        pool.rest(thing)
    with pytest.raises(UnreachableError):
        pool.take("u", CLIENTS_BODY)
    for thing in lent:
        pool.resume(thing)


@pytest.mark.parametrize("retries", [0, 3])
def test_clients_that_stand_still_keep_nobody_else_from_reading(connect, swift, monkeypatch, retries):
    monkeypatch.setattr(pools, "REST", 0)
    monkeypatch.setattr(storage, "CHUNK", 1000)
    driver = connect(swift, swift_pool_size=8, swift_retries=retries)
    content = pattern(3 * SEGMENT_SIZE)
    driver.put_content("f", content)
    readers = [iter(driver.open_for_client("f")) for _ in range(32)]
    begun = [(next(reader), reader) for reader in readers]
    for first, reader in reversed(begun):
        assert first + b"".join(reader) == content, "whoever goes on finds the rest"
    assert driver._client._pool.lent == 0


def test_slow_clients_leave_connections_to_others(connect, swift):
    driver = connect(swift, swift_pool_size=8)
    for name in ("f", "g"):
        driver.put_content(name, pattern(3 * SEGMENT_SIZE))
    readers, refused = [], 0
    for _ in range(64):
        try:
            readers.append(driver.open_for_client("f"))
        except UnreachableError:
            refused += 1
    assert readers
    assert refused
    assert len(driver.get_content("g")) == 3 * SEGMENT_SIZE
    with driver.open("g") as own:
        assert own.size == 3 * SEGMENT_SIZE
        driver.stream_write("h", io.BytesIO(pattern(5 * SEGMENT_SIZE)))
    for reader in readers:
        reader.close()
    assert driver._client._pool.lent == 0


@pytest.mark.parametrize("size", [1, 2, 4])
def test_who_reads_while_it_writes_needs_no_second_turn(connect, swift, size, monkeypatch):
    monkeypatch.setattr(client, "SMALL_BODY", 1000)
    driver = connect(swift, swift_pool_size=size)
    content = pattern(6 * SEGMENT_SIZE)
    driver.stream_write("f", io.BytesIO(content))

    def copy(name):
        with driver.open("f") as reader, driver.stage() as stage:
            for chunk in reader:
                stage.fill(io.BytesIO(chunk))
            stage.commit(name)

    together(*[lambda i=i: copy("copy{0}".format(i)) for i in range(8)])
    for i in range(8):
        assert driver.get_content("copy{0}".format(i)) == content
