"""This project's wheels, built by a test, and environments to install them into."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import IO

from tests.live import venvs

__all__ = ["ROOT", "Environment", "build_sdist", "build_wheel", "copy_source", "interpreter", "with_driver"]

ROOT = Path(__file__).parent.parent
SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
# What stands in a checkout and is not of it.
LEFT_BEHIND = (
    *("__pycache__", "*.pyc", "*.egg-info", ".git", ".venv", ".tox", ".peers", "build", "dist", "demo-data"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".benchmarks"),
)
TIMEOUT = 900  # seconds for one command; some packages are compiled


class Environment:
    """A virtual environment and what can be run there."""

    def __init__(self, folder: Path):
        self.bin = folder / "bin"
        self.lock: IO[str] | None = None  # of whoever wants it unchanged

    @classmethod
    def fresh(cls, folder: Path, version: str) -> Environment:
        """An empty one, for CPython `version`."""
        venvs.create(folder, interpreter(version))
        return cls(folder)

    def run(self, program: str, *arguments: str | Path, cwd: Path | None = None, **environ: str) -> str:
        """Run one of its programs to the end; returns its output, raises AssertionError with it on failure."""
        command = [str(self.bin / program), *map(str, arguments)]
        # The packages of the environment that runs the tests are not those of this one.
        inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        environ = {**inherited, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environ}
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            env=environ,
            cwd=cwd,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def install(self, *arguments: str | Path) -> None:
        self.run("python", "-m", "pip", "install", "--quiet", *arguments)


@functools.cache
def interpreter(version: str) -> str:
    """The path of CPython "2.7", or of the one that runs the tests ("3"); skips the test where there is none."""
    return venvs.python2() if version == "2.7" else sys.executable


def build_wheel(version: str, folder: Path, sdist: Path | None = None) -> Path:
    """Build this project's wheel by CPython "2.7" or "3" into `folder`, from a sdist or a clean copy of the source.

    In pip's isolation, since docker-registry-core brings a setuptools that is too old.
    """
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        source = sdist or copy_source(Path(scratch, "source"))
        builder = Environment.fresh(Path(scratch, "builder"), version)
        builder.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (wheel,) = folder.glob(f"*-py{version[0]}-none-any.whl")
    return wheel


def build_sdist(folder: Path) -> Path:
    """Build this project's sdist into `folder`, from a clean copy of the whole checkout."""
    with tempfile.TemporaryDirectory(prefix="sdist-") as scratch:
        source = Path(scratch, "source")
        shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        builder = Environment.fresh(Path(scratch, "builder"), "3")
        builder.install("setuptools")
        builder.run("python", "setup.py", "--quiet", "sdist", "--dist-dir", folder, cwd=source)
    (sdist,) = folder.glob("*.tar.gz")
    return sdist


def copy_source(folder: Path) -> Path:
    """All that a build needs, without what other builds left behind."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "docker_registry", folder / "docker_registry", ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    return folder


def with_driver(folder: Path, driver: str | Path) -> Environment:
    """The environment in `folder`, with this driver in it: a wheel or a requirement such as `NAME==VERSION`.

    As long as the result is in use, nobody installs another driver there: gunicorn reloads what changes on disk.
    """
    where, stamp = Environment(folder), folder / "driver"
    wanted = _contents(driver) if isinstance(driver, Path) else driver
    where.lock = (folder / "driver.lock").open("w")
    while True:
        fcntl.flock(where.lock, fcntl.LOCK_SH)
        if stamp.exists() and stamp.read_text() == wanted:
            return where
        try:
            fcntl.flock(where.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(where.lock, fcntl.LOCK_UN)
            time.sleep(0.1)
            continue
        where.install("--no-deps", "--force-reinstall", driver)
        stamp.write_text(wanted)


def _contents(wheel: Path) -> str:
    """What a wheel holds, as a digest; two builds of one source have other bytes, but the same contents."""
    with zipfile.ZipFile(wheel) as archive:
        files = sorted((entry.filename, entry.CRC) for entry in archive.infolist())
    return hashlib.sha256(repr(files).encode()).hexdigest()
