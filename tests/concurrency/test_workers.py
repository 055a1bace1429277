"""Calls side by side: how many at a time, in which order, and what an error does."""

from __future__ import unicode_literals

import threading

import pytest

from docker_registry.concurrency import trace
from docker_registry.concurrency.workers import WorkerPool, each, gather

PATIENCE = 20.0  # s


class Gate(object):
    """Calls that stay until they are let go, and how many there were at a time."""

    def __init__(self):
        self.inside = self.most = 0
        self._go = threading.Event()
        self._lock = threading.Lock()
        self.entered = threading.Semaphore(0)

    def __call__(self, *args):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self._go.wait(PATIENCE)
        with self._lock:
            self.inside -= 1

    def open(self):
        self._go.set()


class Fails(object):
    """A call that fails once so many have begun, with its number."""

    def __init__(self, others):
        self.begun = []
        self._others = others
        self._all = threading.Event()

    def __call__(self, number):
        self.begun.append(number)
        if len(self.begun) == self._others:
            self._all.set()
        assert self._all.wait(PATIENCE)
        raise ValueError(str(number))


def test_a_worker_pool_works_side_by_side_up_to_its_limit():
    pool, gate = WorkerPool(3), Gate()
    for _ in range(3):
        pool.submit(gate)
    for _ in range(3):
        gate.entered.acquire()
    assert gate.most == 3
    fourth = threading.Thread(target=lambda: pool.submit(gate))
    fourth.start()
    gate.open()
    fourth.join()
    pool.join()
    assert gate.most == 3
    assert not pool.busy


def test_a_worker_pool_raises_the_error_of_what_was_given_first_each_time_it_is_waited_for():
    pool, fails = WorkerPool(2), Fails(2)
    pool.submit(fails, 1)
    pool.submit(fails, 2)
    for wait in (pool.join, pool.join, lambda: pool.submit(fails, 3)):
        with pytest.raises(ValueError, match="1"):
            wait()
    assert sorted(fails.begun) == [1, 2]


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
@pytest.mark.parametrize("number", [0, 1, 2, 50])
def test_results_come_in_the_order_of_the_items(number, limit):
    assert list(each(lambda i: i * i, iter(range(number)), limit)) == [i * i for i in range(number)]


def test_the_order_is_kept_when_the_last_ends_first():
    turns = [threading.Event() for _ in range(5)]

    def call(number):
        if number + 1 < len(turns):
            assert turns[number + 1].wait(PATIENCE)
        turns[number].set()
        return number

    assert list(each(call, range(5), 5)) == [0, 1, 2, 3, 4]


def test_the_limit_is_reached_and_kept():
    gate, done = Gate(), []
    thread = threading.Thread(target=lambda: done.extend(each(gate, range(9), 3)))
    thread.start()
    for _ in range(3):
        gate.entered.acquire()
    gate.open()
    thread.join()
    assert (gate.most, len(done)) == (3, 9)


def test_no_more_is_taken_than_may_be_under_way():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    for number, _ in enumerate(each(str, items(), 3), 1):
        assert len(taken) <= number + 2 * 3


def test_items_are_taken_by_the_callers_thread():
    threads = set()

    def items():
        for item in range(50):
            threads.add(threading.current_thread())
            yield item

    list(each(str, items(), 4))
    assert threads == {threading.current_thread()}


def test_a_single_call_needs_no_other_thread():
    assert list(each(lambda _: threading.current_thread(), [None], 4)) == [threading.current_thread()]


def test_the_error_of_the_first_is_raised_and_nothing_new_begins():
    fails = Fails(2)
    with pytest.raises(ValueError, match="0"):
        list(each(fails, range(6), 2))
    assert sorted(fails.begun) == [0, 1]


def test_an_error_waits_for_what_has_begun():
    begun, over = threading.Event(), []

    def call(number):
        if number == 1:
            assert begun.wait(PATIENCE)
            raise KeyError("broken")
        begun.set()
        over.append(number)

    with pytest.raises(KeyError):
        list(each(call, range(2), 2))
    assert over == [0]


def test_who_stops_early_waits_for_what_has_begun():
    gate, over = Gate(), []

    def call(number):
        if number:
            gate()
        over.append(number)

    calls = each(call, range(8), 3)
    taken = [next(calls)]
    gate.open()
    calls.close()
    assert taken == [None]
    assert gate.inside == 0
    assert len(over) < 8


def test_an_error_of_the_items_reaches_the_caller():
    def items():
        yield 1
        raise KeyError("broken")

    with pytest.raises(KeyError):
        list(each(str, items(), 4))


def test_gather_calls():
    assert gather([]) == []
    assert gather([lambda: 1, lambda: 2]) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        gather([lambda: 1, lambda: 1 // 0])


def test_who_works_for_a_request_is_of_it():
    seen = []
    trace.begin("a-request")
    try:
        assert list(each(lambda _: trace.current(), range(5), 3)) == ["a-request"] * 5
        pool = WorkerPool(2)
        pool.submit(lambda: seen.append(trace.current()))
        pool.join()
    finally:
        trace.begin("")
    pool = WorkerPool(2)
    pool.submit(lambda: seen.append(trace.current()))
    pool.join()
    assert seen == ["a-request", ""]
