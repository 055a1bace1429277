"""The driver suite over a driver of the v1 interface alone: the defaults of `Base` make up for the rest."""

from __future__ import annotations

import pytest

from docker_registry.drivers import memory
from tests import conformance
from tests.core import v1_driver


class Small(conformance.Subject):
    segment_size = 3000

    def __init__(self) -> None:
        self._whole = memory.Storage("")

    def driver(self, root: str) -> v1_driver.Storage:
        driver = v1_driver.Storage(root)
        driver.memory = self._whole.beside(root)
        return driver

    def plant(self, name: str, content: bytes) -> None:
        self._whole.put_content(name, content)

    def names(self) -> list[str]:
        return [entry.path for entry in self._whole.walk()]


class TestV1Driver(conformance.Suite):
    @pytest.fixture
    def subject(self) -> Small:
        return Small()
