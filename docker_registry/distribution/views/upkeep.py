"""How far garbage collection and retention are, by what they leave in the storage for each other and for people."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from docker_registry.concurrency.workers import gather
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError

from ..container import Container, Containers
from ..model import collection
from ..model.collection import Announcement, AnnouncementError
from ..storage.results import Result, last_result

__all__ = ["Collecting", "Stage", "Upkeep", "look"]


class Stage(str, Enum):
    NONE = "nothing is announced"
    ANNOUNCED = "announced"
    RIPE = "to be finished"
    REMOVING = "removing"
    FINISHED = "finished"


class Collecting(NamedTuple):
    """Garbage collection in one container; times are in seconds from now, in the past where they are below 0."""

    container: str
    stage: Stage
    since: float = 0.0  # when the notice was written, the door closed, or the run finished
    until: float = 0.0  # from when it can be finished; where it can, until when
    files: int = 0  # that are announced
    is_at_it: bool = False  # a process has the lease
    last: Result | None = None  # what the last run that did something has come to


class Upkeep(NamedTuple):
    collecting: tuple[Collecting, ...]
    retention: Result | None


class _Seen(NamedTuple):
    said: Announcement
    age: float


def look(containers: Containers) -> Upkeep:
    """At most 6 requests for the first container, 5 for each other one."""
    calls: list[Any] = [partial(last_result, containers.default.driver, "retention")]
    calls += [partial(_collecting, container) for container in containers]
    retention, *collecting = gather(calls)
    return Upkeep(tuple(collecting), retention)


def _collecting(container: Container) -> Collecting:
    driver = container.driver
    places = (collection.NOTICE, collection.DOOR, collection.LEASE)
    calls: list[Any] = [partial(_seen, driver, path) for path in places]
    notice, door, lease, last = gather([*calls, partial(last_result, driver, "gc")])
    is_at_it = lease is not None and 0 < lease.said.lasts >= lease.age
    stage, since, until = _stage(notice, door)
    files = _files(driver, notice.said.run) if notice and stage in (Stage.ANNOUNCED, Stage.RIPE) else 0
    return Collecting(container.name, stage, since, until, files, is_at_it, last)


def _stage(notice: _Seen | None, door: _Seen | None) -> tuple[Stage, float, float]:
    """What there is to do next, as `gc` decides it; since when, and until when."""
    if notice is None:
        return Stage.NONE, 0.0, 0.0
    if door is not None and door.said.run == notice.said.run:
        if door.said.done:
            return Stage.FINISHED, -door.age, 0.0
        if door.age <= door.said.lasts:
            return Stage.REMOVING, -door.age, 0.0
    if notice.age > notice.said.lasts:
        return Stage.NONE, 0.0, 0.0
    if notice.age < notice.said.ripe:
        return Stage.ANNOUNCED, -notice.age, notice.said.ripe - notice.age
    return Stage.RIPE, -notice.age, notice.said.lasts - notice.age


def _seen(driver: Driver, path: str) -> _Seen | None:
    try:
        content, age = driver.get_aged(path)
        return _Seen(Announcement.parse(content), age) if age is not None else None
    except (FileNotFoundError, AnnouncementError):
        return None


def _files(driver: Driver, run: str) -> int:
    try:
        return driver.stat(collection.list_path(run)).size // collection.KEY
    except FileNotFoundError:
        return 0
