"""What fsck and gc ask their index grows with what is stored, and not with its square. SQLite's steps are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.database import Database
from docker_registry.maintenance.fsck.fsck import Fsck
from docker_registry.maintenance.fsck.options import DAY, FsckOptions
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.progress import Quiet
from tests.maintenance.planting import Plant, descriptor, image

NOW = 1_700_000_000.0
FEW, TIMES = 40, 4
MOST = 1.5 * TIMES  # the logarithms of indexes, too
STEPS = 100  # counted at once
LITTLE = 50  # of these: what does not matter at any size


def plant(images: int) -> Storage:
    """In five repositories: every other image has no tag, each third no revision; the first repository lacks layers."""
    driver = Storage("/")
    driver.clock = lambda: NOW - 10 * DAY
    planted = Plant(driver)
    for number in range(images):
        name, tag = f"app{number % 5}", f"v{number}"
        layers = [b"%d %d" % (number, place) for place in range(5)]
        digest = planted.image(name, tag if number % 2 else "", layers)
        subject = descriptor(b"", "application/vnd.oci.image.manifest.v1+json") | {"digest": str(digest)}
        planted.manifest(name, image([], subject=subject, annotations={"of": tag}))
        if number % 3 == 0:
            del driver._files[next(path for path in driver._files if f"/revisions/sha256/{digest.hex}/" in path)]
        if number % 35 == 0:
            del driver._files[next(path for path in reversed(driver._files) if path.endswith("/data"))]
    return driver


@contextmanager
def counting(index: Database) -> Iterator[Counter[str]]:
    """By the beginnings of statements."""
    steps: Counter[str] = Counter()
    running = ""

    def trace(statement: str) -> None:
        nonlocal running
        running = " ".join(statement.split())[:60]

    def step() -> int:
        steps[running] += 1
        return 0

    index._sql.set_trace_callback(trace)
    index._sql.set_progress_handler(step, STEPS)
    yield steps
    index._sql.set_progress_handler(None, 0)


def gc(driver: Storage) -> Counter[str]:
    job = Collector(driver, FsckOptions(workers=1), Quiet(), wall=lambda: NOW, untagged=lambda _: DAY)
    with job, counting(job._index) as steps:
        assert list(job.would())
    return steps


def fsck(driver: Storage) -> Counter[str]:
    with Fsck(driver, FsckOptions(workers=1), Quiet()) as job, counting(job._index) as steps:
        assert list(job.run())
        assert list(job.images())
    return steps


@pytest.mark.parametrize("job", [gc, fsck])
def test_a_container_that_is_larger_takes_as_much_longer(job: Callable[[Storage], Counter[str]]) -> None:
    few, many = job(plant(FEW)), job(plant(TIMES * FEW))
    grown = {what: (few[what], count) for what, count in many.items() if count > MOST * few[what] + LITTLE}
    assert not grown
