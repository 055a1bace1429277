"""The simulation does what can be reckoned by hand."""

from __future__ import annotations

import pytest

from benchmarks.queues import Fork, Job, Station, Use, Wait, run


def job(*steps: Use | Wait | Fork) -> Job:
    yield from steps


def test_jobs_wait_for_a_free_server():
    station = Station(2)
    assert run(job(Use(1.0, station)) for _ in range(5)) == [1.0, 1.0, 2.0, 2.0, 3.0]
    assert station.busy == 5.0


def test_waiting_holds_nobody_up():
    assert run(job(Wait(1.0)) for _ in range(5)) == [1.0] * 5


def test_a_step_can_need_two_stations():
    many, one = Station(10), Station(1)
    assert run(job(Use(1.0, many, one)) for _ in range(3)) == [1.0, 2.0, 3.0]


def test_steps_follow_each_other():
    first, second = Station(1), Station(1)
    assert run(job(Use(1.0, first), Use(2.0, second)) for _ in range(2)) == [3.0, 5.0]


@pytest.mark.parametrize(("limit", "end"), [(1, 6.0), (2, 3.0), (4, 2.0), (9, 1.0)])
def test_a_fork_has_so_many_jobs_done_at_a_time(limit, end):
    assert run([job(Fork([job(Wait(1.0)) for _ in range(6)], limit))]) == [end]


def test_an_empty_fork_ends():
    assert run([job(Fork([], 3), Wait(1.0))]) == [1.0]
