"""The registry over every storage that is tested: each test runs over the memory driver and over a real Swift."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.distribution.app import Registry
from docker_registry.settings import Settings
from tests.live.conftest import container, swift
from tests.live.settings import driver_config

__all__ = ["container", "swift"]

SETTINGS = Settings(secret=b"a secret of the tests")


@pytest.fixture(params=["memory", "swift"])
def driver(request: pytest.FixtureRequest) -> Base:
    """An empty storage."""
    if request.param == "memory":
        return fetch("memory")("/registry", None)
    config = driver_config(request.getfixturevalue("swift"), swift_container=request.getfixturevalue("container"))
    return fetch("swift")("/registry", config)


@pytest.fixture
def registry(driver: Base) -> Registry:
    """A registry in which nothing is."""
    return Registry(driver, SETTINGS)


@pytest.fixture
def client(registry: Registry) -> Client:
    """Calls the registry as a server would, without one."""
    return Client(registry)
