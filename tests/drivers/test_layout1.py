# -*- coding: utf-8 -*-
"""docker-registry's own files cost no request more than they must. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import io

import pytest

from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.drivers.swift import v1_layout
from tests.drivers.conftest import SEGMENT


@pytest.fixture
def driver(connect, swift):
    made = connect(swift)
    made.put_content("warm", b"up")
    return made


def small_files(driver):
    return [
        driver.image_json_path("id"),
        driver.image_mark_path("id"),
        driver.image_checksum_path("id"),
        driver.image_ancestry_path("id"),
        driver.image_files_path("id"),
        driver.image_diff_path("id"),
        driver.images_list_path("name", "space"),
        driver.index_images_path("name", "space"),
        driver.private_flag_path("name", "space"),
        driver.repository_json_path("name", "space"),
        driver.repository_tag_json_path("name", "space", "1.0"),
        driver.tag_path("name", "space", "1.0"),
    ]


def methods(swift, call, *args):
    """The methods of the requests that a call makes, and what it returns."""
    del swift.requests[:]
    result = call(*args)
    return [method for method, _, _ in swift.requests], result


def test_each_call_is_one_request(driver, swift):
    for path in small_files(driver):
        assert methods(swift, driver.exists, path) == (["HEAD"], False)
        assert methods(swift, driver.put_content, path, b"old") == (["PUT"], path)
        assert methods(swift, driver.put_content, path, b"new") == (["PUT"], path)
        assert methods(swift, driver.exists, "/" + path) == (["HEAD"], True)
        assert driver.get_content(path) == b"new"
        assert methods(swift, driver.remove, path)[0] == ["DELETE"]
        del swift.requests[:]
        with pytest.raises(FileNotFoundError):
            driver.remove(path)
        assert [method for method, _, _ in swift.requests] == ["DELETE"]


def test_a_layer_is_looked_for_once_and_goes_with_its_segments(driver, swift):
    layer = driver.image_layer_path("id")
    assert methods(swift, driver.exists, layer) == (["HEAD"], False)
    driver.stream_write(layer, io.BytesIO(b"x" * (3 * SEGMENT)))
    assert methods(swift, driver.exists, layer) == (["HEAD"], True)
    driver.remove(layer)
    assert swift.names() == ["some/base/warm"]


@pytest.mark.parametrize(
    "path",
    [
        "images/id",
        "repositories/name",
        "repositories/name/space",
        "repositories/name/json",
        "repositories/name/space/tag_a/b",
        "images/id/json/more",
        "images/id/json\n",
        "files/images/id/json",
        "repositories/name/space/tagged",
    ],
)
def test_what_may_be_a_folder_is_looked_for_as_one(driver, path):
    assert not v1_layout.is_file(path)
    driver.put_content(path + "/file", b"")
    assert driver.exists(path)
    driver.remove(path)
    assert not driver.exists(path)


def test_a_removal_whose_answer_was_lost_has_removed(driver, swift):
    path = driver.image_mark_path("id")
    driver.put_content(path, b"true")
    lost = iter(["after"])
    swift.spoil = lambda method, path, query: next(lost, None) if method == "DELETE" else None
    driver.remove(path)
    assert not driver.exists(path)
