"""Calls side by side: order, the first error, and how many at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from docker_registry.distribution.storage.parallel import gather

HOME = Path(__file__).parents[3]
DEADLINE = 20.0  # s


def test_results_keep_the_order_of_the_calls() -> None:
    turns = [threading.Event() for _ in range(5)]

    def call(number: int) -> int:
        if number + 1 < len(turns):
            assert turns[number + 1].wait(DEADLINE)  # the last call ends first
        turns[number].set()
        return number

    assert gather([partial(call, number) for number in range(5)]) == [0, 1, 2, 3, 4]


def test_nothing_to_do_is_no_result() -> None:
    assert gather([]) == []


def test_a_single_call_needs_no_other_thread() -> None:
    assert gather([threading.get_ident]) == [threading.get_ident()]


def test_at_most_so_many_run_at_a_time() -> None:
    lock = threading.Lock()
    running, most = 0, 0
    three = threading.Barrier(3, timeout=DEADLINE)  # and as many do

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        three.wait()
        with lock:
            running -= 1

    gather([call] * 9, limit=3)
    assert most == 3


def test_the_first_error_in_order_is_raised_and_nothing_new_begins() -> None:
    begun: list[int] = []
    both = threading.Barrier(2, timeout=DEADLINE)

    def fail(number: int) -> None:
        begun.append(number)
        both.wait()
        raise ValueError(str(number))

    calls: list[Callable[[], None]] = [partial(fail, number) for number in range(6)]
    with pytest.raises(ValueError, match="0"):
        gather(calls, limit=2)
    assert sorted(begun) == [0, 1]


def test_greenlets_do_the_same_in_a_process_that_gevent_has_patched() -> None:
    tests = ["tests/distribution/storage/test_parallel.py", "tests/distribution/storage/test_cache.py"]
    options = ["-q", "-p", "no:cacheprovider", "-k", "not greenlets"]
    command = [sys.executable, "-m", "tests.live.patched", *options, *tests]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
