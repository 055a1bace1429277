"""Clouds with a real Keystone each, shared by the tests here."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import venvs
from tests.live.identity.cloud import Cloud
from tests.live.identity.keystones import Keystone, Pike
from tests.live.v1_registry import installed
from tests.peers import need
from tests.wheels import Environment, build_wheel, with_driver

PYTHON = ".".join(platform.python_version_tuple()[:2])


@pytest.fixture(scope="session")
def v3() -> Iterator[Cloud]:
    """A cloud with a current Keystone."""
    with tempfile.TemporaryDirectory(prefix="cloud-") as folder, Cloud(Keystone, Path(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def v2() -> Iterator[Cloud]:
    """A cloud with Keystone 12, which serves v2.0."""
    with tempfile.TemporaryDirectory(prefix="cloud-") as folder, Cloud(Pike, Path(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel("2.7", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def python2(wheel: Path) -> Environment:
    """Python 2.7 with our wheel in it."""
    return with_driver(venvs.venv("driver-py27", venvs.PINS / "driver-py27.txt", venvs.python2()), wheel)


@pytest.fixture(scope="session")
def docker_registry(wheel: Path) -> Environment:
    """docker-registry on Python 2.7, with our wheel in it."""
    need("gcc", "swig")
    return installed(wheel)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloud of whoever runs the tests is none of theirs."""
    for name in list(os.environ):
        if name.startswith(("OS_", "ST_")):
            monkeypatch.delenv(name)
