"""How far a long job has come: a bar on a terminal, now and then a line elsewhere, always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["Lines", "Quiet", "for_terminal"]

_PAUSE = 10.0  # seconds between two lines


class Quiet:
    """No progress; also the interface of the others."""

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """One step of the job; call what it gives once for each thing done. `total` is None where nobody knows."""
        yield lambda: None


class Lines(Quiet):
    """A line when a step ends, and in between when it takes long."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._stream = stream
        self._clock = clock

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        done = 0
        said = self._clock()

        def advance() -> None:
            nonlocal done, said
            done += 1
            if self._clock() - said >= _PAUSE:
                said = self._clock()
                self._say(title, done, total)

        yield advance
        if done:
            self._say(title, done, None)

    def _say(self, title: str, done: int, total: int | None) -> None:
        self._stream.write(f"{title}: {done}{f' of {total}' if total else ''}\n")
        self._stream.flush()


class _Bars(Quiet):
    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(title, total=total)
            yield lambda: bars.advance(task)


def for_terminal(stream: TextIO = sys.stderr) -> Quiet:
    """Bars where a person looks on, lines elsewhere."""
    return _Bars() if stream.isatty() else Lines(stream)
