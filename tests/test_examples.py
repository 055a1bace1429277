"""Docstrings show what functions do, and it is true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import docker_registry

ROOT = Path(docker_registry.__path__[0])
MODULES = [
    ".".join(("docker_registry", *path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert found.failed == 0
