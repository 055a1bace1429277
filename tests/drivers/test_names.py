# -*- coding: utf-8 -*-
"""Paths and object names."""

from __future__ import unicode_literals

import pytest

from docker_registry.core.exceptions import WrongArgumentsError
from docker_registry.drivers.swift.names import Names, url


@pytest.mark.parametrize("storage_path", ["/registry", "registry", "/registry/", "//registry"])
def test_outer_slashes_of_the_root_are_ignored(storage_path):
    names = Names("box", storage_path)
    assert names.file("a/b") == "registry/a/b"
    assert names.folder("a/b/") == "registry/a/b/"
    assert names.folder() == "registry/"
    assert names.path("registry/a/b") == "a/b"


def test_a_root_may_end_in_a_slash_of_its_own():
    assert Names("box", "/registry//").file("a") == "registry//a"


@pytest.mark.parametrize("storage_path", ["/", "", None])
def test_no_root_is_no_prefix(storage_path):
    names = Names("box", storage_path)
    assert names.file("/a/b") == "a/b"
    assert names.folder() == ""
    assert names.segments == "segments/"


def test_bytes_are_utf8():
    assert Names("box", "/").file("é".encode("utf8")) == "é"
    with pytest.raises(WrongArgumentsError):
        Names("box", "/").file(b"\xff")


def test_the_limit_is_in_bytes_and_counts_the_root():
    names = Names("box", "r")
    assert names.file("é" * 511) == "r/" + "é" * 511
    with pytest.raises(WrongArgumentsError) as caught:
        names.file("é" * 511 + "x")
    assert str("1025 bytes") in str(caught.value)


@pytest.mark.parametrize("path", ["", "/", "a\0b"])
def test_what_is_no_name(path):
    with pytest.raises(WrongArgumentsError):
        Names("box", "/").file(path)


@pytest.mark.skipif(str is bytes, reason="Python 2 writes half a character as if it were a whole one")
def test_half_a_character_is_no_name():
    with pytest.raises(WrongArgumentsError):
        Names("box", "/").file("\ud800")


def test_the_drivers_own_folder_is_not_written_to():
    names = Names("box", "r")
    for path in ("segments", "segments/a", "/segments/"):
        with pytest.raises(WrongArgumentsError, match="segments"):
            names.writable(path)
    assert names.writable("segments.txt") == "r/segments.txt"
    assert names.writable("a/segments/b") == "r/a/segments/b"


def test_parts_are_short_and_found_again():
    names = Names("box", "r")
    for container, name, part in (
        ("box", "r/segments/id/00000001", "id/00000001"),
        ("box", "elsewhere/1", "/box/elsewhere/1"),
        ("other", "r/segments/1", "/other/r/segments/1"),
    ):
        assert names.part(container, name) == part
        assert names.located(part) == (container, name)


def test_urls():
    assert url("box", "a b/é%?#") == "/box/a%20b/%C3%A9%25%3F%23"
    assert url("box", "../a/./b/...") == "/box/%2E%2E/a/%2E/b/..."
    assert url("box", "é /.b/a//b") == "/box/%C3%A9%20/.b/a//b"
