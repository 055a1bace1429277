# -*- coding: utf-8 -*-
"""The swift driver under docker-registry's cache of small files. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import io

import pytest

from docker_registry.core.exceptions import FileNotFoundError


@pytest.fixture
def cached(connect, swift, monkeypatch):
    """A driver whose cache is a mapping, as `docker_registry.core.lru` would decorate it."""
    driver, cache = connect(swift), {}
    files = driver._files
    get, put = files._get, files._put

    def cached_get(path):
        if path not in cache:
            cache[path] = get(path)
        return cache[path]

    def cached_put(path, content):
        put(path, content)
        cache[path] = content

    monkeypatch.setattr(files, "_get", cached_get)
    monkeypatch.setattr(files, "_put", cached_put)
    monkeypatch.setattr(files, "_uncache", lambda path: cache.pop(path, None))
    return driver


def test_what_is_removed_is_not_served(cached):
    for path in ("d/a", "d/b/c", "f", "g"):
        cached.put_content("/" + path, b"x")
        assert cached.get_content(path) == b"x"
    cached.remove("f")
    cached.remove("/d")
    cached.remove_many(["g"])
    for path in ("d/a", "d/b/c", "f", "g"):
        with pytest.raises(FileNotFoundError):
            cached.get_content(path)


def test_what_is_replaced_is_not_served(cached):
    cached.put_content("f", b"old")
    cached.stream_write("/f", io.BytesIO(b"new"))
    assert cached.get_content("f") == b"new"
    with cached.stage() as stage:
        stage.fill(io.BytesIO(b"newer"))
        stage.commit("/f")
    assert cached.get_content("f") == b"newer"


def test_the_newest_does_not_come_from_the_cache(cached, swift):
    cached.put_content("f", b"old")
    swift.put("some/base/f", b"new")
    assert cached.get_content("f") == b"old"
    assert cached.get_newest("f") == b"new"
