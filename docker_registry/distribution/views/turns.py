"""Turns of a worker's requests: what takes one of them long is counted, and the others go on in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice

from docker_registry.concurrency.greenlets import breathe

__all__ = ["Turns"]

_STEPS = 256  # of some 20 µs each at most, so others wait for about 5 ms


class Turns:
    """Of one request; all that it does step by step shares one object."""

    def __init__(self) -> None:
        self._left = _STEPS

    def step(self, steps: int = 1) -> None:
        """Call it for each small piece of work: one thing that was looked at, or a KiB that was read."""
        self._left -= steps
        if self._left <= 0:
            self._left = _STEPS
            breathe()

    def backwards(self, names: Iterable[str]) -> Iterator[str]:
        """The names from the last to the first. Sorting many at once would be one long step."""
        rest = iter(names)
        runs = []
        while run := sorted(islice(rest, _STEPS), reverse=True):
            runs.append(run)
            self.step(len(run))
        for name in merge(*runs, reverse=True):
            self.step()
            yield name
