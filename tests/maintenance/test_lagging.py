"""A replica that missed the latest writes answers whoever does not ask for the newest: fsck does not go by it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.core.types import BytesRange, Entry, Reader, Stat
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers import memory
from docker_registry.maintenance.fsck.options import DAY
from tests.maintenance.planting import ANY_AGE, Plant, fsck

OLD = 30 * DAY


class Lagging(memory.Storage):
    """`former` is what plain reads see of some paths, None for nothing; listings say that all is old."""

    def __init__(self) -> None:
        super().__init__("/registry")
        self.former: dict[str, bytes | None] = {}

    def get_content(self, path: str) -> bytes:
        content = self.former[path] if path in self.former else super().get_content(path)
        if content is None:
            raise FileNotFoundError(path)
        return content

    def get_newest(self, path: str) -> bytes:
        return super().get_content(path)

    def open(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        content = self.get_content(path)
        first, last = bytes_range or (0, len(content) - 1)
        piece = content[first or 0 : (last or 0) + 1]
        return Reader(len(content), len(piece), iter([piece]))

    def stat(self, path: str, newest: bool = False) -> Stat:
        if newest:
            return super().stat(path)
        return Stat(len(self.get_content(path)), time.time() - OLD)

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        for entry in super().walk(path):
            try:
                yield Entry(entry.path, len(self.get_content(entry.path)), time.time() - OLD)
            except FileNotFoundError:
                pass


@pytest.fixture
def driver() -> Lagging:
    return Lagging()


def test_links_to_a_blob_that_one_replica_lacks_stay(driver: Lagging) -> None:
    digest = Plant(driver).blob("app", b"layer")
    driver.former[layout.blob_data(digest)] = None
    assert fsck(driver, repair=True, grace=ANY_AGE) == []
    assert driver.exists(layout.layer_link("app", digest))


def test_a_blob_that_is_empty_on_one_replica_stays_linked(driver: Lagging) -> None:
    digest = Plant(driver).blob("app", b"layer")
    driver.former[layout.blob_data(digest)] = b""
    assert fsck(driver, repair=True, grace=ANY_AGE) == []
    assert driver.exists(layout.layer_link("app", digest))


def test_a_damaged_blob_that_was_pushed_again_stays(driver: Lagging) -> None:
    digest = Plant(driver).blob("app", b"layer")
    path = layout.blob_data(digest)
    driver.former[path] = b"LAYER"
    (finding,) = fsck(driver, repair=True, drop_damaged=True, deep=True, grace=DAY)
    assert (finding.kind.code, finding.done, finding.left) == ("wrong-content", "", "it was written again")
    assert Digest.of(driver.get_newest(path)) == digest
    assert driver.exists(layout.layer_link("app", digest))
