"""One row of the table: who took how long for the same work, in turns, and at what cost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

from docker_registry.embedded import Requests

from .processes import Process
from .rig import Rig
from .targets import Target

__all__ = ["Cell", "Goal", "Row", "metered", "turn"]

AnyTarget = TypeVar("AnyTarget", bound=Target)


@dataclass(frozen=True)
class Goal:
    """What `subject` is to reach: `factor` times the value of `base`, or without one that many units.

    At most that, or at least where more is better.
    """

    subject: str
    factor: float
    base: str | None = None
    what: str = "values"  # or another list of Cell


@dataclass
class Cell:
    """What one subject needed for one row: a value for each round."""

    values: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)  # that reached Swift
    cpu: list[float] = field(default_factory=list)  # seconds, of the subject's processes
    swift_cpu: list[float] = field(default_factory=list)  # seconds, of Swift meanwhile
    client_cpu: list[float] = field(default_factory=list)  # seconds, of this process and the curls it started
    p50: list[float] = field(default_factory=list)  # seconds for one answer, where many small ones were measured
    p99: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)  # bytes resident, of the subject's largest process
    note: str = ""  # why there are no values, or what else is to be known

    def middle(self, what: str = "values") -> float | None:
        numbers: list[float] = getattr(self, what)
        return median(numbers) if numbers else None


@dataclass
class Row:
    id: str
    title: str
    unit: str = "s"
    more_is_better: bool = False
    cells: dict[str, Cell] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    peer: str = "distribution"  # with whom the table compares ours
    gib: float = 0.0  # GiB that the work moves, where CPU seconds are also of interest for each

    def cell(self, subject: str) -> Cell:
        return self.cells.setdefault(subject, Cell())


def turn(rig: Rig, row: Row, targets: Mapping[str, AnyTarget], work: Callable[[AnyTarget], object]) -> None:
    """Let each target do the work once, one after the other; the row's values are seconds."""
    for name, target in targets.items():
        cell = row.cell(name)
        with metered(rig, cell, target.process):
            began = time.perf_counter()
            work(target)
            cell.values.append(time.perf_counter() - began)


@contextmanager
def metered(rig: Rig, cell: Cell, process: Process | None) -> Iterator[Requests]:
    """Note what the block costs: requests to Swift, and CPU seconds of a process, of Swift and of the clients."""
    before = _cpu(rig, process)
    with rig.swift.counting() as requests:
        yield requests
    of_process, of_swift, of_clients = (now - then for now, then in zip(_cpu(rig, process), before, strict=True))
    cell.requests.append(len(requests))
    cell.swift_cpu.append(of_swift)
    cell.client_cpu.append(of_clients)
    if process:
        cell.cpu.append(of_process)


def _cpu(rig: Rig, process: Process | None) -> tuple[float, float, float]:
    used = os.times()
    return process.cpu() if process else 0.0, Process(rig.swift.pid).cpu(), sum(used[:4])
