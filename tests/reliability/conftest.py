"""The Swift of all live tests, and one of a test's own, which holds nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.conftest import cluster, container, running_cluster, swift
from tests.peers import need_module

from .scale import WHOLE

__all__ = ["cluster", "container", "own_swift", "running_cluster", "swift"]


@pytest.fixture
def own_swift(tmp_path: Path) -> Iterator[EmbeddedSwift]:
    need_module("swift")
    with EmbeddedSwift(tmp_path / "swift", fsync=False, object_server=True) as running:
        yield running


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A run that takes hours tells at once what failed."""
    if WHOLE and report.failed:
        print(f"\n{report.nodeid}\n{report.longreprtext}", flush=True)
