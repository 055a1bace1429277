# -*- coding: utf-8 -*-
"""The driver suite over the swift driver on a Swift in memory. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import pytest

from tests import conformance
from tests.drivers.conftest import SEGMENT
from tests.drivers.mock_gateway import MockGateway
from tests.drivers.mock_swift import MockSwift


class Mocked(conformance.Subject):
    segment_size = SEGMENT

    def __init__(self, connect, swift, root=conformance.ROOT):
        self.root = root
        self._connect = connect
        self._swift = swift

    def driver(self, root):
        return self._connect(self._swift, root)

    def plant(self, name, content):
        self._swift.put(name, content)

    def names(self):
        return self._swift.names()


class TestSwift(conformance.Suite):
    @pytest.fixture
    def subject(self, connect, swift):
        return Mocked(connect, swift)


class TestSwiftAtTheRoot(conformance.Suite):
    """`storage_path: /`: no prefix at all."""

    @pytest.fixture
    def subject(self, connect, swift):
        return Mocked(connect, swift, root="")


class TestSwiftThatSaysLittle(conformance.Suite):
    """No `/info` and no bulk delete, as behind some proxies."""

    @pytest.fixture
    def subject(self, connect):
        return Mocked(connect, MockSwift(info=False))


class TestCephsGateway(conformance.Suite):
    @pytest.fixture
    def subject(self, connect):
        return Mocked(connect, MockGateway())
