"""What every test against a real Swift starts from."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.ours import Ours, write_config
from tests.peers import need_module

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


@pytest.fixture
def container() -> str:
    """The name of a container that nobody uses yet."""
    return f"test-{os.getpid()}-{next(serial)}"
