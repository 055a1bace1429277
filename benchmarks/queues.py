"""A small simulation of jobs that wait for servers: the least that a model of a crowd needs.

A job is a generator. It yields `Use(seconds, *stations)` to wait for one server of each of these
stations and hold them for a while, `Wait(seconds)` to let time pass, or `Fork(jobs, limit)` to have
other jobs done, so many at a time.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["Fork", "Job", "Station", "Use", "Wait", "run"]


@dataclass(eq=False)
class Station:
    """`servers` that are alike, and one queue before them."""

    servers: int
    busy: float = 0.0  # seconds that its servers worked, in all
    _free: int = field(init=False)
    _queue: deque[Callable[[], None]] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self._free = self.servers

    def take(self, then: Callable[[], None]) -> None:
        if self._free:
            self._free -= 1
            then()
        else:
            self._queue.append(then)

    def give(self) -> None:
        if self._queue:
            self._queue.popleft()()
        else:
            self._free += 1


class Use:
    def __init__(self, seconds: float, *stations: Station):
        self.seconds = seconds
        self.stations = stations


@dataclass
class Wait:
    seconds: float


@dataclass
class Fork:
    jobs: Iterable[Job]
    limit: int


Job = Generator[Use | Wait | Fork, None, None]


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, then))

    def run(self) -> None:
        while self._events:
            self.now, _, then = heapq.heappop(self._events)
            then()

    def step(self, job: Job, done: Callable[[], None]) -> None:
        """Let a job go on until its next wait."""
        try:
            wish = next(job)
        except StopIteration:
            done()
            return

        def go_on() -> None:
            self.step(job, done)

        if isinstance(wish, Wait):
            self.after(wish.seconds, go_on)
        elif isinstance(wish, Use):
            self._use(wish, list(wish.stations), go_on)
        else:
            self._fork(iter(wish.jobs), wish.limit, go_on)

    def _use(self, wish: Use, missing: list[Station], then: Callable[[], None]) -> None:
        if missing:
            missing[0].take(lambda: self._use(wish, missing[1:], then))
            return

        def end() -> None:
            for station in wish.stations:
                station.busy += wish.seconds
                station.give()
            then()

        self.after(wish.seconds, end)

    def _fork(self, jobs: Iterator[Job], limit: int, then: Callable[[], None]) -> None:
        workers = limit

        def work() -> None:
            nonlocal workers
            job = next(jobs, None)
            if job is not None:
                self.step(job, lambda: self.after(0.0, work))
                return
            workers -= 1
            if not workers:
                then()

        for _ in range(limit):
            self.after(0.0, work)


def run(jobs: Iterable[Job]) -> list[float]:
    """Start all jobs at once; returns when each was done, in seconds, the first first."""
    clock = _Clock()
    ends: list[float] = []
    for job in jobs:
        clock.step(job, lambda: ends.append(clock.now))
    clock.run()
    return ends
