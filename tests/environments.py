"""Virtual environments for the tests' peers, and this project's wheels to install there.

Environments live in `.peers/` of the checkout: made on demand, reused by later
runs, made anew when what they were made from has changed.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.peers import lack, need_module

__all__ = ["ROOT", "Environment", "build_wheel", "environment", "interpreter"]

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".peers"
CONSTRAINTS = ROOT / "tests" / "pins" / "python2-constraints.txt"
SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
INSTALL_TIMEOUT = 900  # seconds


class Environment:
    """One virtual environment."""

    def __init__(self, folder: Path):
        self.bin = folder / "bin"
        self.python = str(self.bin / "python")

    def run(self, *command: str | Path, **options: object) -> str:
        """Run one of its programs to the end; returns stdout, raises AssertionError with all output when it fails."""
        return _run([str(self.bin / command[0]), *map(str, command[1:])], **options)

    def install(self, *arguments: str | Path) -> None:
        self.run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


@functools.cache
def interpreter(version: str) -> str:
    """The path of a CPython such as "2.7"; skips the test where there is none."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(name), *sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)]
    for candidate in filter(None, candidates):
        # pyenv's shims are there, and fail, for versions that are not switched on.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(candidate)
    lack(f"not installed: CPython {version}")
    raise AssertionError


def environment(name: str, version: str, *installs: Sequence[str | Path]) -> Environment:
    """The environment `name`, in which `pip install` has been run once for each of `installs`.

    Files among the arguments count with their content: a changed one makes a new environment.
    """
    python = interpreter(version)
    FOLDER.mkdir(exist_ok=True)
    folder = FOLDER / name
    wanted = hashlib.sha256(repr([python, *(_identity(part) for install in installs for part in install)]).encode())
    stamp = folder / "made-from"
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted.hexdigest():
            made = fresh_environment(folder, version)
            for arguments in installs:
                made.install(*arguments)
            stamp.write_text(wanted.hexdigest())
    return Environment(folder)


def fresh_environment(folder: Path, version: str) -> Environment:
    """An empty environment; one that is there already goes."""
    need_module("virtualenv")
    if version == "2.7" and int(importlib.metadata.version("virtualenv").split(".")[1]) > 21:
        lack("virtualenv is too new for Python 2.7: pip install 'virtualenv<20.22'")
    python = interpreter(version)
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update", "-p", python, str(folder)])
    return Environment(folder)


def build_wheel(version: str, folder: Path) -> Path:
    """Build this project's wheel by CPython `version` into `folder`, from a clean copy of the source.

    Clean, since a `build/lib` that another Python left behind would be packed
    too; and in pip's isolation, since docker-registry-core brings a setuptools
    that is too old.
    """
    builder = environment(f"build-{version}", version)
    with tempfile.TemporaryDirectory(prefix="wheel-") as clean:
        for name in SOURCES:
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, clean)
        shutil.copytree(
            ROOT / "docker_registry",
            Path(clean, "docker_registry"),
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
        builder.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, clean)
    (wheel,) = folder.glob(f"*-py{version[0]}-none-any.whl")
    return wheel


def _identity(part: str | Path) -> str:
    return Path(part).read_text() if isinstance(part, Path) and part.suffix == ".txt" else str(part)


def _run(command: list[str], **options: object) -> str:
    done = subprocess.run(  # type: ignore[call-overload]
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_TIMEOUT,
        check=False,
        # The packages of the environment that runs the tests are not those of the environment that is used.
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")},
        **options,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return str(done.stdout)
