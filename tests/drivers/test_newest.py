# -*- coding: utf-8 -*-
"""Replicas of Swift that missed the latest writes, and the reads that they must not answer. Runs on Python 2.7."""

from __future__ import unicode_literals

import io

import pytest

from docker_registry.core.exceptions import FileNotFoundError
from tests.conformance import pattern, read
from tests.drivers.conftest import SEGMENT

LARGE = pattern(3 * SEGMENT)


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


# A replica that missed the newer manifest, asked by those who then delete.


def segments(swift):
    return [name for name in swift.names() if "/segments/" in name]


def test_a_commit_whose_answer_was_lost_keeps_the_live_segments(connect, swift):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(LARGE))
    swift.fall_behind()
    # The PUT of another writer of the same content overlaps, and is the newer one; its answer is lost.
    former = swift.containers["box"].pop("some/base/f")
    lost = ["after"]
    swift.spoil = lambda method, path, query: lost.pop() if lost and "manifest=put" in query else None
    with driver.stage() as stage:
        stage.fill(io.BytesIO(LARGE))
        stage.commit("f", immutable=True)
    swift.catch_up()
    assert former is not swift.containers["box"]["some/base/f"]
    assert read(driver, "f") == LARGE


def test_segments_of_a_refused_commit_stay_where_the_newest_manifest_has_them(connect, swift):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(LARGE[::-1]))
    with driver.stage() as stage:
        stage.fill(io.BytesIO(LARGE))
        parts = stage.keep()
    swift.fall_behind()
    with driver.stage(parts) as stage:
        stage.commit("f")
    driver._objects.forget("some/base/f", parts)
    swift.catch_up()
    assert read(driver, "f") == LARGE


@pytest.mark.parametrize("small", [True, False])
def test_what_replaces_a_large_file_takes_its_newest_segments_along(connect, swift, small):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(LARGE[::-1]))
    swift.fall_behind()
    driver.stream_write("f", io.BytesIO(LARGE))
    assert len(segments(swift)) == 3
    content = b"small" if small else LARGE
    driver.stream_write("f", io.BytesIO(content))
    swift.catch_up()
    assert read(driver, "f") == content
    assert len(segments(swift)) == (0 if small else 3)


def test_who_removes_a_large_file_removes_the_newest_segments(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"small")
    driver.stream_write("g", io.BytesIO(LARGE[::-1]))
    swift.fall_behind()
    driver.stream_write("f", io.BytesIO(LARGE))
    driver.stream_write("g", io.BytesIO(LARGE))
    for path in "fg":
        assert len(driver.parts(path)) == 3
        driver.remove(path)
    assert swift.names() == []


def test_a_lost_answer_of_a_delete_is_told_from_the_newest(connect, swift):
    driver = connect(swift)
    path = driver.image_json_path("a")
    driver.put_content(path, b"{}")
    swift.fall_behind()
    lost = ["after"]
    swift.spoil = lambda method, path, query: lost.pop() if lost and method == "DELETE" else None
    driver.remove(path)
