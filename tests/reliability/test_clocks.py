"""Replicas whose clocks are ten minutes apart, and a clock that jumps between two requests: nothing is harmed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.live.faults import FaultProxy
from tests.live.settings import driver_config

from .matrix import damage
from .operations import OPERATIONS, Operation
from .place import SEGMENT, Answer, Cell, Container, Place

OFF = 600.0  # seconds


class Replicas:
    """In place of a `Wire`: each request goes to the next replica, by a clock that is right, ahead, or behind."""

    def __init__(self, swift: EmbeddedSwift, container: str, monkeypatch: pytest.MonkeyPatch):
        config = driver_config(swift, swift_container=container, swift_segment_size=SEGMENT)
        settings = Settings(secret=b"one for all replicas", link_ttl=0)
        clients = [Client(Registry(fetch("swift")("/", config), settings)) for _ in range(2)]
        true, self._offset = time.time, 0.0
        monkeypatch.setattr(time, "time", lambda: true() + self._offset)
        self._turns = itertools.cycle(itertools.product((0.0, OFF, -OFF), clients))

    def ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer:
        self._offset, client = next(self._turns)
        sent: Any = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client.open(path, method=method, data=data, headers=sent)
        self._offset = 0.0
        return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.data)


@pytest.fixture
def place(swift: EmbeddedSwift, container: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    holder = Container(swift, container)
    with FaultProxy(swift.storage_url) as nothing:
        yield Place(Replicas(swift, container, monkeypatch), holder, nothing)  # type: ignore[arg-type]
    holder.close()


def test_clocks_that_differ_harm_no_operation(swift: EmbeddedSwift, place: Place) -> None:
    for operation in OPERATIONS:
        _try(place, operation)
    assert damage(swift, place.container.name) == []


def _try(place: Place, operation: Operation) -> None:
    cell = Cell(place, f"{operation.name.replace(' ', '-').lower()}-x")
    operation.prepare(cell)
    operation.act(cell)
    operation.promise(cell)
