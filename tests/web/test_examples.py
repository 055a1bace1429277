"""What the docstrings of the page and its views show is so."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import docker_registry.distribution.views
import docker_registry.web

MODULES = [
    module.name
    for package in (docker_registry.distribution.views, docker_registry.web)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
