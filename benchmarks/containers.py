"""Writes a second into one container and into several of one Swift, by turns.

    python -m benchmarks.containers [--several 4] [--seconds 5] [--rounds 5]

Each write is that of a link: one small object by the swift driver. Writers are
processes, so that the client is not what bounds them. Two figures: of a whole
embedded Swift, and of its container server alone, whose database of one
container is what several containers are for.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift

_PROCESSES = 2
_THREADS = 8  # of each process
_CONTENT = b"sha256:" + b"0" * 64

Rate = Callable[[int], float]  # writes a second into so many containers


def through_swift(options: dict[str, Any], seconds: float, containers: int) -> float:
    """Writes a second through the proxy, by all processes together."""
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        writers = [(options, seconds, containers, number) for number in range(_PROCESSES)]
        return sum(pool.starmap(_write_links, writers))


def _write_links(options: dict[str, Any], seconds: float, containers: int, process: int) -> float:
    drivers = [Storage("/", {**options, "swift_container": f"c{number}"}) for number in range(containers)]
    for driver in drivers:
        driver.overwrite("warm", _CONTENT)
    end = time.monotonic() + seconds

    def write(thread: int) -> int:
        count = 0
        while time.monotonic() < end:
            path = f"{process}/{thread}/{time.monotonic_ns()}/link"
            drivers[(thread + count) % containers].overwrite(path, _CONTENT)
            count += 1
        return count

    with ThreadPoolExecutor(_THREADS) as pool:
        return sum(pool.map(write, range(_THREADS))) / seconds


def into_databases(folder: Path, seconds: float, containers: int) -> float:
    """Rows a second into the databases of so many containers, by one process of a container server for each core."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        pool.apply(_make_databases, (folder, containers))
        writers = [(folder, seconds, containers, number) for number in range(_PROCESSES)]
        return sum(pool.starmap(_write_rows, writers))


def _database(folder: Path, number: int) -> Any:
    from swift.common.utils import Timestamp
    from swift.container.backend import ContainerBroker

    path = folder / str(number) / f"{number}.db"
    path.parent.mkdir(exist_ok=True)
    broker = ContainerBroker(str(path), account="a", container=f"c{number}")
    if not path.exists():
        broker.initialize(Timestamp.now().internal, 0)
    return broker


def _make_databases(folder: Path, containers: int) -> None:
    for number in range(containers):
        _database(folder, number)


def _write_rows(folder: Path, seconds: float, containers: int, process: int) -> float:
    from swift.common.utils import Timestamp

    brokers = [_database(folder, number) for number in range(containers)]
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        broker = brokers[(process + count) % containers]
        broker.put_object(f"{process}/{count}/link", Timestamp.now().internal, 71, "text/plain", "0" * 32)
        count += 1
    return count / seconds


def compare(what: str, rate: Rate, several: int, rounds: int) -> None:
    """Measure by turns and print the medians."""
    found: dict[int, list[float]] = {1: [], several: []}
    for _ in range(rounds):
        for containers, rates in found.items():
            rates.append(rate(containers))
    one, many = (statistics.median(found[containers]) for containers in (1, several))
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{what}: {one:.0f} writes/s into one container, {many:.0f} into {several} ({many / one:.2f}x), load {loads}")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.containers", description=__doc__)
    parser.add_argument("--several", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rate: Rate = partial(into_databases, Path(folder), given.seconds)
        compare("databases alone", rate, given.several, given.rounds)
        with EmbeddedSwift(Path(folder, "swift"), object_server=True) as swift:
            rate = partial(through_swift, swift.options(), given.seconds)
            compare("embedded Swift", rate, given.several, given.rounds)


if __name__ == "__main__":
    main()
