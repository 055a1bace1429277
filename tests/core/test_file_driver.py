"""docker-registry-core's own `file` driver: in a file system folders have sizes, and stay when they are empty."""

from __future__ import annotations

import io
import os
from pathlib import Path
from random import Random

import pytest

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, FileNotFoundError
from docker_registry.core.types import Entry, Stat
from tests import trees
from tests.core import genuine


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Base:
    return genuine.file_driver(monkeypatch)(str(tmp_path))


def fits_a_file_system(names: set[str]) -> set[str]:
    """Of some names those that can all be files at once."""
    fit = {name for name in names if not {"", ".", ".."} & set(name.split("/")) and len(name) < 60}
    return {name for name in fit if not any(other.startswith(name + "/") for other in fit)}


@pytest.mark.parametrize("seed", range(40))
def test_any_set_of_names(driver: Base, seed: int) -> None:
    random = Random(seed)
    tree = trees.Tree(fits_a_file_system(trees.some_names(random, 14)))
    for name in tree.names:
        driver.put_content(name, b"x")
    questions = [path for path in tree.questions() if path.rpartition("/")[2] not in ("", ".", "..")]
    for path in ("", *questions):
        assert not path or driver.exists(path) is tree.exists(path)
        assert sorted(trees.listed(driver, path)) == sorted(tree.children(path))
        assert sorted(entry.path for entry in driver.walk(path)) == sorted(tree.below(path))
        trees.check_prefixes(driver, tree, path)
    while tree.names:
        path = random.choice([path for path in questions if tree.exists(path)])
        driver.remove(path)
        tree = tree.removed(path)
        assert sorted(entry.path for entry in driver.walk()) == sorted(tree.names)


def test_a_folder_is_no_file(driver: Base, tmp_path: Path) -> None:
    driver.put_content("d/e/f", b"123")
    driver.put_content("empty", b"")
    os.mkdir(tmp_path / "left")
    assert driver.stat("d/e/f") == Stat(3, None)
    assert driver.stat("empty") == Stat(0, None)
    for path in ("d", "d/e", "left", "missing"):
        for ask in (driver.stat, driver.open, driver.parts):
            with pytest.raises(FileNotFoundError):
                ask(path)
        assert driver.remove_many([path]) == {}
    assert list(driver.walk()) == [Entry("d/e/f", 3, None), Entry("empty", 0, None)]


def test_a_reader_that_is_given_up_is_closed(driver: Base) -> None:
    driver.put_content("f", b"x" * 1_000_000)
    reader = driver.open("f")
    assert next(iter(reader))
    reader.close()
    with driver.open("f", (5, 6)) as reader:
        assert b"".join(reader) == b"xx"


class Lost:
    """A client that is lost after some bytes; the driver takes that for the end."""

    def __init__(self) -> None:
        self._given = 0

    def read(self, size: int, /) -> bytes:
        self._given += 1
        if self._given > 3:
            raise OSError("lost")
        return b"x" * 10


def test_a_driver_that_keeps_an_error_to_itself_stores_no_half(driver: Base) -> None:
    with driver.stage() as stage:
        stage.fill(io.BytesIO(b"12345"))
        with pytest.raises(OSError, match="lost"):
            stage.fill(Lost())
        assert stage.size == 5
        stage.commit("f")
    assert driver.get_content("f") == b"12345"
    assert [entry.path for entry in driver.walk()] == ["f"]


def test_a_part_that_became_shorter_is_no_content(driver: Base, tmp_path: Path) -> None:
    with driver.stage() as stage:
        stage.fill(io.BytesIO(b"12345"))
        (part,) = stage.keep()
        (tmp_path / part.name).write_bytes(b"123")
        with pytest.raises(BrokenError, match="gave back 3 of 5 bytes"):
            stage.commit("f")


def test_a_folder_of_the_size_of_a_file_is_not_taken_for_it(driver: Base) -> None:
    driver.put_content("d/f", b"12345")
    with driver.stage() as stage:
        stage.fill(io.BytesIO(b"x" * int(driver.get_size("d"))))
        with pytest.raises(OSError, match="directory"):
            stage.commit("d", immutable=True)
    assert driver.get_content("d/f") == b"12345"
