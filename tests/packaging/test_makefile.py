"""`make` before anything is installed: which Pythons it takes, and what `clean` leaves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers import need

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    need("make")
    for name in ("Makefile", "setup.cfg", "setup.py"):
        shutil.copy(MAKEFILE.parent / name, tmp_path)
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=checkout, capture_output=True, text=True, timeout=60, check=False)


def python(folder: Path, script: str) -> str:
    """A program that `make` may take for a Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_too_old_is_refused_and_leaves_nothing(checkout: Path) -> None:
    # It says 1 to whether it is new enough, and would make an environment if it were asked to.
    old = python(checkout, 'test "$1" = -c && exit 1; mkdir -p .venv/bin; touch .venv/bin/python')
    done = make(checkout, "run", f"PYTHON={old}")
    assert done.returncode != 0
    assert f"{old} is not Python 3.10 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_environment_that_cannot_be_made_leaves_nothing(checkout: Path) -> None:
    broken = python(checkout, 'test "$1" = -c && exit 0; mkdir -p .venv/bin; touch .venv/bin/python; exit 1')
    assert make(checkout, "run", f"PYTHON={broken}").returncode != 0
    assert not (checkout / ".venv").exists()


def test_clean_leaves_the_images_of_the_demo(checkout: Path) -> None:
    image = checkout / "demo-data" / "swift" / "image"
    image.parent.mkdir(parents=True)
    image.touch()
    (checkout / "build").mkdir()
    assert make(checkout, "clean").returncode == 0
    assert image.exists()
    assert not (checkout / "build").exists()
    assert make(checkout, "clean-data").returncode == 0
    assert not image.exists()


def test_what_takes_long_is_told_first(checkout: Path) -> None:
    pip = 'mkdir -p .venv/bin; printf "#!/bin/sh\\necho pip runs\\nexit 1\\n" >.venv/bin/pip; chmod +x .venv/bin/pip'
    fine = python(checkout, f'test "$1" = -c && exit 0; {pip}; touch .venv/bin/python')
    for target, whose in (("run", "the registry needs"), (".venv/.test", "the tests need")):
        told = make(checkout, target, f"PYTHON={fine}").stdout
        assert told.index(f"Installing what {whose} into .venv: a minute or more, once.") < told.index("pip runs")
