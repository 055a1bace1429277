"""What every test against a real Swift starts from."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from docker_registry.embedded import EmbeddedSwift
from docker_registry.embedded.cluster import SwiftCluster
from tests.live.ours import Ours, write_config
from tests.peers import need, need_module

CONVERGING = 60.0  # s

serial = itertools.count(1)


@pytest.fixture(scope="session")
def swift() -> Iterator[EmbeddedSwift]:
    """One Swift for the whole run; `swift.counting()` counts what a test asks of it."""
    need_module("swift")
    with (
        tempfile.TemporaryDirectory(prefix="swift-") as data,
        EmbeddedSwift(data, request_log=True, fsync=False) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def registry(swift: EmbeddedSwift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    """One registry for all clients; each test takes repositories of its own."""
    folder = tmp_path_factory.mktemp("registry")
    with Ours(folder, write_config(folder, swift, f"clients-{os.getpid()}")) as running:
        yield running


@contextmanager
def new_cluster(**options: Any) -> Iterator[SwiftCluster]:
    """One with two proxies, in a folder of its own."""
    need_module("swift")
    need("rsync")
    with tempfile.TemporaryDirectory(prefix="cluster-") as data, SwiftCluster(data, proxies=2, **options) as running:
        yield running


@pytest.fixture(scope="module")
def running_cluster() -> Iterator[SwiftCluster]:
    """Three nodes with three replicas of everything, and two proxies, of which `url` is the first."""
    with new_cluster(request_log=True, tasks_interval=3.0) as running:
        yield running


@pytest.fixture
def cluster(running_cluster: SwiftCluster) -> Iterator[SwiftCluster]:
    """The cluster of this module, whole at the beginning of each test whatever others broke."""
    yield running_cluster
    running_cluster.repair()
    running_cluster.wait_until_converged(CONVERGING)


@pytest.fixture
def container() -> str:
    """The name of a container that nobody uses yet."""
    return f"test-{os.getpid()}-{next(serial)}"
