"""Any set of names, searched for the smallest that a driver gets wrong; THE suite has random ones, for every Python."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.core import driver
from docker_registry.drivers import memory
from docker_registry.drivers.swift import storage
from docker_registry.drivers.swift.http import connection
from tests import trees
from tests.core import v1_driver
from tests.drivers.mock_swift import MockSwift

NAMES = (
    st.lists(st.sampled_from(trees.PIECES), min_size=1, max_size=5)
    .map(lambda pieces: "".join(pieces).strip("/"))
    .filter(trees.is_usable)
)


def swift() -> driver.Base:
    mock = MockSwift(rows=3)
    opened: driver.Base
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "http_connection", mock.http_connection)
        opened = storage.Storage("r", mock.options())
        opened.exists("")
    return opened


@pytest.mark.parametrize("fresh", [memory.Storage, v1_driver.Storage, swift])
@given(st.sets(NAMES, max_size=8), st.randoms(use_true_random=False))
def test_any_names(fresh: Callable[[], driver.Base], names: set[str], random: Random) -> None:
    opened = fresh()
    for name in names:
        opened.put_content(name, b"x")
    trees.check(opened, trees.Tree(names))
    trees.check_removals(opened, trees.Tree(names), random)
