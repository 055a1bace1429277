# -*- coding: utf-8 -*-
"""Replicas of Swift that missed the latest writes, and the reads that they must not answer. Runs on Python 2.7."""

from __future__ import unicode_literals

import pytest

from docker_registry.core.exceptions import FileNotFoundError


@pytest.mark.parametrize("newest", [True, False])
def test_what_may_have_changed_is_read_from_the_newest_replica(connect, swift, newest):
    driver = connect(swift, swift_newest=newest)
    driver.put_content("moved", b"old")
    driver.put_content("removed", b"old")
    swift.fall_behind()
    driver.put_content("moved", b"newer")
    driver.remove_many(["removed"])
    assert driver.get_content("moved") == b"old"
    assert driver.stat("moved").size == 3
    assert driver.get_newest("moved") == (b"newer" if newest else b"old")
    assert driver.stat("moved", newest=True).size == (5 if newest else 3)
    for look in (driver.get_newest, lambda path: driver.stat(path, newest=True)):
        if newest:
            with pytest.raises(FileNotFoundError):
                look("removed")
        else:
            look("removed")
