# -*- coding: utf-8 -*-
"""Folders as listings show them: what other programs leave there, and the driver's own. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import io

import pytest

from docker_registry.core.exceptions import FileNotFoundError
from tests.drivers.conftest import SEGMENT

ROOT = "some/base/"


def test_a_file_does_not_hide_one_whose_name_goes_on(connect, swift):
    driver = connect(swift)
    tags = ["r/tag_1", "r/tag_10", "r/tag_100", "r/tag_2.0", "r/tag_2.01", "r/tag_v1", "r/tag_v10"]
    for path in tags:
        driver.put_content(path, b"x")
    assert list(driver.list_directory("r")) == tags


def test_an_object_that_marks_a_folder_is_no_file_and_hides_none(connect, swift):
    driver = connect(swift)
    for name in ("", "d/", "d//", "e/"):
        swift.put(ROOT + name, b"")
    driver.put_content("d//b", b"x")
    driver.put_content("d/c", b"x")
    assert sorted(driver.list_directory("d")) == ["d//b", "d/c"]
    assert sorted(driver.list_directory()) == ["d", "e"]
    with pytest.raises(FileNotFoundError):
        next(driver.list_directory("e"))


def test_slashes_in_a_row_end(connect, swift):
    path = "a" + "/" * 900 + "b"
    driver = connect(swift)
    driver.put_content(path, b"x")
    assert list(driver.list_directory("a")) == [path]


def test_the_driver_s_own_folder_is_nowhere(connect, swift):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(b"x" * 3 * SEGMENT))
    (inner,) = {name[len(ROOT) :].rpartition("/")[0] for name in swift.names() if name.startswith(ROOT + "segments/")}
    for path in ("segments", "/segments/", inner):
        assert not driver.exists(path)
        assert list(driver.walk(path)) == list(driver.list_prefixes(path)) == []
        with pytest.raises(FileNotFoundError):
            next(driver.list_directory(path))
