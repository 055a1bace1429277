"""Files that are read again once they have changed, and what happens when they cannot be."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from docker_registry import rereading
from docker_registry.core.exceptions import ConfigError
from docker_registry.rereading import FromFiles, read_file


class Number(FromFiles):
    """A file with a number in it."""

    def __init__(self, path: Path):
        self._file = path
        self.value = 0
        super().__init__("number", str(path))

    def _read(self) -> None:
        try:
            self.value = int(read_file("number", str(self._file)))
        except ValueError:
            raise ConfigError(f"number: {self._file} has none") from None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "number"
    path.write_text("1")
    return path


def test_files_are_looked_at_once_a_second(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1000.0, 1000.0, 1000.9, 1001.0, 1001.9, 1002.0])
    monkeypatch.setattr(rereading.time, "monotonic", lambda: next(times))
    number = Number(file)
    seen = []
    for content in ("2", "2", "2", "33", "33"):
        file.write_text(content)
        _ = number.version
        seen.append(number.value)
    assert seen == [1, 1, 2, 2, 33]


@pytest.mark.usefixtures("files_looked_at_each_time")
def test_what_has_changed_is_read_again(file: Path) -> None:
    number = Number(file)
    before = number.version
    assert (number.version, number.value) == (before, 1)
    file.write_text("22")
    assert number.version != before
    assert number.value == 22


@pytest.mark.usefixtures("files_looked_at_each_time")
def test_a_fault_is_said_once_for_each_change_and_nothing_else_happens(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    number = Number(file)
    before = number.version
    for break_it in (lambda: file.write_text("no number"), lambda: os.unlink(file)):
        caplog.clear()
        break_it()
        assert [number.version for _ in range(3)] == [before] * 3
        assert number.value == 1
        errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert len(errors) == 1
        assert errors[0].endswith("; what was read before stays in force")
    file.write_text("3")
    assert number.version != before
    assert number.value == 3


def test_at_first_a_fault_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"number: cannot read .*: No such file"):
        Number(tmp_path / "missing")
