# -*- coding: utf-8 -*-
"""The driver suite over the swift driver on a real Swift. Runs on Python 2.7 too.

The environment's TEST_SWIFT has a driver's options as JSON; without it, an
embedded Swift is started, for which Python 3 is needed.
"""

from __future__ import unicode_literals

import itertools
import json
import os
import sys
import tempfile

import pytest
import swiftclient

from docker_registry.drivers.swift import Storage
from tests import conformance

SEGMENT = 64 * 1024
PAGE = 5  # rows of a listing that the driver asks for at a time
serial = itertools.count(1)


@pytest.fixture(scope="module")
def options():
    given = os.environ.get("TEST_SWIFT")
    if given:
        yield json.loads(given)
        return
    if sys.version_info < (3,):
        pytest.skip("needs a Swift, named by TEST_SWIFT")
    pytest.importorskip("swift")
    from docker_registry import embedded

    with tempfile.TemporaryDirectory(prefix="swift-") as data, embedded.EmbeddedSwift(data, fsync=False) as swift:
        yield swift.options()


@pytest.fixture(scope="module")
def shared():
    """Containers that earlier tests have left as they found them."""
    return []


class Real(conformance.Subject):
    segment_size = SEGMENT

    def __init__(self, options):
        self._container = "suite-{0}-{1}".format(os.getpid(), next(serial))
        self._options = dict(options, swift_container=self._container, swift_segment_size=SEGMENT)
        self._swift = swiftclient.Connection(
            options["swift_authurl"], options["swift_user"], options["swift_password"], timeout=60
        )
        self._swift.put_container(self._container)
        self._planted = set()

    def driver(self, root):
        driver = Storage(path=root, config=self._options)
        driver._client.info["swift"]["container_listing_limit"] = PAGE
        return driver

    def plant(self, name, content):
        if name not in self._planted:
            self._swift.put_object(self._container, name, content)
            self._planted.add(name)

    def names(self):
        return [row["name"] for row in self._swift.get_container(self._container, full_listing=True)[1]]

    def is_clean(self):
        """Whether another test can use this container."""
        return set(self.names()) == self._planted


class TestRealSwift(conformance.Suite):
    @pytest.fixture
    def subject(self, options, shared):
        real = shared.pop() if shared else Real(options)
        yield real
        if real.is_clean():
            shared.append(real)
