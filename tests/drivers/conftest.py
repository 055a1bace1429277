# -*- coding: utf-8 -*-
"""A swift driver over the Swift in memory. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import sys

import pytest

from docker_registry.drivers.swift import storage
from docker_registry.drivers.swift.http import client, connection
from tests.drivers.mock_swift import MockSwift
from tests.drivers.raw_server import Server

SEGMENT = 64 * 1024

# The memory driver is for Python 3.
collect_ignore = ["test_memory.py"] if sys.version_info < (3,) else []


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Retries without pauses."""
    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)


@pytest.fixture
def connect(monkeypatch):
    """Make drivers that reach a MockSwift: `connect(swift, root, **options)`."""

    def make(swift, root="some/base", **options):
        monkeypatch.setattr(connection, "http_connection", swift.http_connection)
        return storage.Storage(path=root, config=swift.options(**dict({"swift_segment_size": SEGMENT}, **options)))

    return make


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def swift():
    return MockSwift()
