"""The cache of small files in Redis, on a Redis that is a mapping."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from docker_registry.core import lru


class RedisError(Exception):
    """What the client library raises."""


class FakeRedis:
    def __init__(self, **options: Any):
        self.options = options
        self.values: dict[str, bytes] = {}
        self.down = False

    def _ask(self) -> None:
        if self.down:
            raise RedisError("no answer")

    def get(self, key: str) -> bytes | None:
        self._ask()
        return self.values.get(key)

    def set(self, key: str, value: bytes) -> None:
        self._ask()
        self.values[key] = value

    def delete(self, key: str) -> None:
        self._ask()
        self.values.pop(key, None)


class Store:
    """Counts what is asked of the storage itself."""

    def __init__(self) -> None:
        self.files = {"a": b"content"}
        self.reads = 0
        self.broken = False

    @lru.get
    def get(self, path: str) -> bytes:
        self.reads += 1
        return self.files[path]

    @lru.set
    def put(self, path: str, content: bytes) -> str:
        if self.broken:
            raise LookupError("broken")
        self.files[path] = content
        return path

    @lru.remove
    def remove(self, path: str) -> None:
        del self.files[path]


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRedis]:
    module = SimpleNamespace(Redis=FakeRedis, exceptions=SimpleNamespace(RedisError=RedisError))
    monkeypatch.setitem(sys.modules, "redis", module)
    lru.init(host="h", port=1234, db=2, password="p", path="/x:")  # type: ignore[arg-type]
    assert isinstance(lru.redis_conn, FakeRedis)
    yield lru.redis_conn
    lru.init(enable=False)


def test_it_is_off_until_it_is_initialised() -> None:
    store = Store()
    assert store.get("a") == store.get("a") == b"content"
    assert store.reads == 2


def test_the_connection_has_the_options_and_time_outs(redis: FakeRedis) -> None:
    assert redis.options["host"] == "h"
    assert redis.options["port"] == 1234
    assert redis.options["db"] == 2
    assert redis.options["password"] == "p"
    assert redis.options["socket_timeout"]
    assert redis.options["socket_connect_timeout"]


def test_a_second_read_comes_from_the_cache(redis: FakeRedis) -> None:
    store = Store()
    assert store.get("a") == store.get("a") == b"content"
    assert store.reads == 1
    assert redis.values == {"cache_path:/x:a": b"content"}


def test_a_write_is_cached_and_a_failed_one_is_not(redis: FakeRedis) -> None:
    store = Store()
    assert store.put("a", b"new") == "a"
    assert store.get("a") == b"new"
    assert store.reads == 0
    store.broken = True
    with pytest.raises(LookupError, match="broken"):
        store.put("a", b"newer")
    assert redis.values == {}
    assert store.get("a") == b"new"


def test_calls_by_keyword_are_cached_too(redis: FakeRedis) -> None:
    store = Store()
    assert store.put(content=b"new", path="b") == "b"
    assert store.put("c", content=b"newer") == "c"
    assert redis.values == {lru.cache_key("b"): b"new", lru.cache_key("c"): b"newer"}
    assert lru.get_by_key(lru.cache_key("b")) == b"new"
    assert store.get(path="a") == store.get("a") == store.get(path="a") == b"content"
    assert store.reads == 1
    store.remove(path="b")
    assert lru.get_by_key(lru.cache_key("b")) is None


def test_what_is_removed_is_not_served(redis: FakeRedis) -> None:
    store = Store()
    store.get("a")
    store.remove("a")
    with pytest.raises(KeyError):
        store.get("a")


def test_an_empty_file_is_cached(redis: FakeRedis) -> None:
    store = Store()
    store.put("a", b"")
    assert store.get("a") == b""
    assert store.reads == 0


def test_a_redis_that_is_down_costs_a_warning(redis: FakeRedis, caplog: pytest.LogCaptureFixture) -> None:
    redis.down = True
    store = Store()
    assert store.get("a") == b"content"
    store.put("a", b"new")
    store.remove("a")
    assert "no answer" in caplog.text
