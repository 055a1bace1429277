"""Runs mutants: breaks a copy of the package and sees which tests notice. Over the memory driver."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.mutants.breakages import Breakage

__all__ = ["HOME", "Copy", "source"]

HOME = Path(__file__).parents[2]
SOME_FAILED = 1  # pytest's exit status; 2 and more mean that it could not run them
TIMEOUT = 200  # seconds for the tests of one mutant


def source(home: Path, breakage: Breakage) -> Path:
    """The file that a breakage changes."""
    return home / "docker_registry" / "distribution" / breakage.file


class Copy:
    """A copy of the package and its tests, to be broken by one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("docker_registry", "tests"):
            shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HOME / "pyproject.toml", folder)
        # Bytecode is told from its source by whole seconds: each change gets one of its own.
        self._times = itertools.count(int(time.time()) + 1)

    def survives(self, breakage: Breakage) -> str | None:
        """Why the mutant survives: a test that should notice it and does not; None where all do."""
        file = source(self.folder, breakage)
        whole = file.read_text(encoding="utf8")
        if whole.count(breakage.before) != 1:
            return f"the breakage is out of date: {breakage.file} does not have once {breakage.before!r}"
        self._write(file, whole.replace(breakage.before, breakage.after))
        try:
            ran = self._run(breakage.tests)
        finally:
            self._write(file, whole)
        said = ran.stdout + ran.stderr
        if ran.returncode not in (0, SOME_FAILED):
            return said[-3000:]
        failed = {line.split(" - ")[0].split("[")[0] for line in re.findall(r"(?m)^FAILED (.*)$", said)}
        blind = [test for test in breakage.tests if f"tests/distribution/{test}" not in failed]
        return f"not noticed by {', '.join(blind)}" if blind else None

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text, encoding="utf8")
        now = next(self._times)
        os.utime(file, (now, now))

    def _run(self, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        options = ["-q", "--tb=no", "-rf", "-k", "not swift", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command = [sys.executable, "-m", "pytest", *options, *(f"tests/distribution/{test}" for test in tests)]
        environ = {**os.environ, "PYTHONPATH": str(self.folder)}
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
