"""A Swift of one's own, since all else that a worker of the tests runs would be held up by what is done here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.conftest import cluster, container, running_cluster
from tests.peers import need_module

__all__ = ["cluster", "container", "running_cluster"]


@pytest.fixture
def own_swift(tmp_path: Path) -> Iterator[EmbeddedSwift]:
    need_module("swift")
    with EmbeddedSwift(tmp_path / "swift", fsync=False, object_server=True) as running:
        yield running
