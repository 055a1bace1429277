"""docker-registry-core 2.0.3, the genuine one: its sources, and its `file` driver over this project's core.

Of the package this one module runs on Python 3; its core does not, and ours takes its place.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from docker_registry.core.driver import Base
from tests.live import venvs

__all__ = ["file_driver", "package"]


def package() -> Path:
    """The folder `docker_registry` of its source archive."""
    return venvs.source("docker-registry-core", "2.0.3") / "docker_registry"


def file_driver(monkeypatch: pytest.MonkeyPatch) -> type[Base]:
    """The class of its `file` driver."""
    name = "docker_registry.drivers.file"
    spec = importlib.util.spec_from_file_location(name, package() / "drivers" / "file.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    storage: type[Base] = module.Storage
    return storage
