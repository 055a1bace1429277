"""Every test that docs/spec.md names fails once the behaviour is broken: see `breakages`. Over the memory driver."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distribution.breakages import BREAKAGES, Breakage
from tests.distribution.test_spec_table import NAME, rows

HOME = Path(__file__).parents[2]
SOME_FAILED = 1  # pytest's exit status; 2 and more mean that it could not run them


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests, to be broken."""
    folder = tmp_path_factory.mktemp("broken")
    for name in ("docker_registry", "tests"):
        shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: f"{breakage.file}: {breakage.before[:40]}")
def test_what_is_broken_is_seen(copy: Path, breakage: Breakage) -> None:
    file = copy / "docker_registry" / "distribution" / breakage.file
    whole = file.read_text(encoding="utf8")
    assert whole.count(breakage.before) == 1, "the breakage is out of date"
    file.write_text(whole.replace(breakage.before, breakage.after), encoding="utf8")
    try:
        ran = run(copy, breakage.tests)
    finally:
        file.write_text(whole, encoding="utf8")
    assert ran.returncode == SOME_FAILED, ran.stdout[-3000:] + ran.stderr[-3000:]
    for test in breakage.tests:
        assert re.search(rf"^FAILED tests/distribution/{re.escape(test)}\b", ran.stdout, re.M), (
            f"{test} does not see it"
        )


def run(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    options = ["-q", "--tb=no", "-rf", "-k", "not swift", "-p", "no:cacheprovider", "-p", "no:randomly"]
    environ = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, *(f"tests/distribution/{test}" for test in tests)]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=200, check=False)


def test_every_test_that_the_table_names_is_among_them() -> None:
    named = {f"{file.removeprefix('distribution/')}::{test}" for row in rows() for file, test in NAME.findall(row[2])}
    assert named - {test for breakage in BREAKAGES for test in breakage.tests} == set()
