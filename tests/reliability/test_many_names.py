"""Thousands of tags, repositories and blobs are listed, deleted and judged whole.

`make reliability` does it on both servers, with as many as are named below.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.live import many
from tests.live.adoption import MIB
from tests.live.ceph import Ceph

from .scale import WHOLE

NAMES = 3000 if WHOLE else 20
BLOBS = 1210 if WHOLE else 10


# On Ceph's gateway tests/live/test_ceph.py does the same, with as many as `make test` has time for.
@pytest.fixture(params=["swift", "ceph"] if WHOLE else ["swift"])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedSwift | Ceph]:
    if request.param == "swift":
        yield request.getfixturevalue("own_swift")
        return
    with tempfile.TemporaryDirectory(prefix="ceph-") as folder, Ceph(Path(folder)) as running:
        yield running


@pytest.fixture
def options(server: EmbeddedSwift | Ceph, container: str) -> dict[str, Any]:
    return server.options(swift_container=container, swift_segment_size=MIB)


@pytest.fixture(autouse=True)
def seconds(request: pytest.FixtureRequest, options: dict[str, Any]) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{request.node.name}: {NAMES} names, or {BLOBS} blobs: {time.monotonic() - began:.0f} s")


def test_tags_and_repositories(options: dict[str, Any]) -> None:
    settings = Settings(storage_path="/reg", driver=type(Settings().driver)(options), link_ttl=0)
    many.are_listed_and_go(Storage("/reg", options), settings, NAMES)


def test_blobs(server: EmbeddedSwift | Ceph, container: str, options: dict[str, Any]) -> None:
    many.keep_their_segments(server, container, Storage("/reg", options), BLOBS)
