"""A registry with its page, over the memory driver: nothing here depends on how long a storage takes."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from tests.web.pages import Listed, mounted


@pytest.fixture
def driver() -> Base:
    return Listed("/registry", None)


@pytest.fixture
def client(driver: Base) -> Client:
    """Calls a registry in which nothing is."""
    return mounted(driver)
