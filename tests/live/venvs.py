"""Virtual environments for peers that cannot share the project's: made when a test first needs them, then kept.

They live in `.peers` of the checkout, or in the folder that the environment variable PEERS_DIR names, and are made
anew when their list of requirements changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers import lack, need

__all__ = ["PINS", "create", "python2", "source", "venv"]

PINS = Path(__file__).parent / "pins"
ROOT = Path(os.environ.get("PEERS_DIR") or Path(__file__).parents[2] / ".peers")
TIMEOUT = 900  # seconds for one run of pip; some wheels are compiled


def python2() -> str:
    """The path of a CPython 2.7 that runs; skips the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [shutil.which("python2.7"), *sorted(map(str, pyenv.glob("versions/2.7*/bin/python2.7")))]
    for candidate in filter(None, found):
        if subprocess.run([candidate, "-V"], capture_output=True).returncode == 0:  # a pyenv shim may refuse
            return candidate
    lack("not installed: CPython 2.7")
    raise AssertionError


def venv(name: str, pins: Path, python: str = sys.executable, exact: bool = False) -> Path:
    """The folder of an environment with what `pins` lists; `exact` installs that and nothing else."""
    stamp = hashlib.sha256(pins.read_bytes() + python.encode()).hexdigest()
    folder = ROOT / name
    with _locked(name):
        if not (folder / stamp).exists():
            need("gcc")
            shutil.rmtree(folder, ignore_errors=True)
            create(folder, python)
            _run(folder / "bin" / "python", "-m", "pip", "install", *(["--no-deps"] if exact else []), "-r", pins)
            (folder / stamp).touch()
    return folder


def source(package: str, version: str) -> Path:
    """The folder of a package's unpacked source archive."""
    folder = ROOT / f"{package}-{version}"
    with _locked(folder.name):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=ROOT) as scratch:
                wanted = ["--no-deps", "--no-binary", ":all:", f"{package}=={version}"]
                _run(sys.executable, "-m", "pip", "download", "--quiet", "--dest", scratch, *wanted)
                (archive,) = Path(scratch).glob("*.tar.gz")
                with tarfile.open(archive) as packed:
                    packed.extractall(scratch)
                (unpacked,) = (each for each in Path(scratch).iterdir() if each.is_dir())
                unpacked.rename(folder)
    return folder


def create(folder: Path, python: str) -> None:
    """Make an empty environment."""
    if python == sys.executable:
        _run(python, "-m", "venv", folder)
        return
    # The last virtualenv that still makes environments of Python 2.
    tool = ROOT / "virtualenv"
    with _locked("virtualenv"):
        if not (tool / "virtualenv").exists():
            _run(sys.executable, "-m", "pip", "install", "--target", tool, "virtualenv<20.22")
    _run(sys.executable, "-m", "virtualenv", "-p", python, folder, env={**os.environ, "PYTHONPATH": str(tool)})


def _run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=TIMEOUT, env=env)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "WARNING" not in line]
        lack(f"cannot be set up: {' '.join(map(str, command))}: {' '.join(lines[-5:])}")


@contextmanager
def _locked(name: str) -> Iterator[None]:
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
