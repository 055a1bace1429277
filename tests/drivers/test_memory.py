"""The driver suite over the memory driver."""

from __future__ import annotations

import pytest

from docker_registry.drivers import memory
from tests import conformance


class Memory(conformance.Subject):
    def __init__(self) -> None:
        self._whole = memory.Storage("")

    def driver(self, root: str) -> memory.Storage:
        return self._whole.beside(root)

    def plant(self, name: str, content: bytes) -> None:
        self._whole.put_content(name, content)

    def names(self) -> list[str]:
        return [entry.path for entry in self._whole.walk()]


class TestMemory(conformance.Suite):
    @pytest.fixture
    def subject(self) -> Memory:
        return Memory()
