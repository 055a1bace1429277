"""The driver suite on a real Swift, by the Python 2.7 wheel, in a plain process and in one that gevent has patched."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.live import venvs
from tests.wheels import ROOT, Environment, build_wheel, with_driver

PATCHED = "import gevent.monkey; gevent.monkey.patch_all(); "
RUN = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def python2(tmp_path_factory) -> Environment:
    folder = venvs.venv("driver-py27", venvs.PINS / "driver-py27.txt", venvs.python2())
    return with_driver(folder, build_wheel("2.7", tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    """The suite away from the source tree, so that it is the wheel that is imported."""
    folder = tmp_path_factory.mktemp("suite")
    for name in ("tests/__init__.py", "tests/conformance.py", "tests/trees.py", "tests/drivers"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():  # compiled files remember where they came from
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, target)
    return folder


@pytest.mark.parametrize("patch", ["", PATCHED], ids=["plain", "gevent"])
def test_the_suite_passes(python2, swift, suite, patch):
    arguments = ("tests/drivers/test_real_swift.py", "-q", "-p", "no:cacheprovider")
    said = python2.run("python", "-c", patch + RUN, *arguments, cwd=suite, TEST_SWIFT=json.dumps(swift.options()))
    assert re.search(r"^\d+ passed", said, re.MULTILINE), said
