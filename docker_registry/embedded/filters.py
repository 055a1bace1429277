"""Filters for the proxy's pipeline: two caches for tokens, and the request log.

Loaded by Swift through paste, so the factories have paste's signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["FileCache", "MemoryCache", "file_cache", "memory_cache", "request_log"]

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
MONTH = 30 * 24 * 3600  # memcached takes larger times as dates


class MemoryCache:
    """Stands in for Swift's memcached client, within one process; the oldest entries go first.

    Values take the same way through JSON as there: Swift relies on tuples that
    come back as lists.
    """

    capacity = 100_000  # entries

    def __init__(self) -> None:
        self._entries: dict[str, tuple[str, float]] = {}

    def set(self, key: str, value: Any, serialize: bool = True, time: float = 0, **_: Any) -> None:
        if isinstance(value, bytes):
            value = value.decode()
        self._entries.pop(key, None)
        self._entries[key] = (json.dumps(value), _deadline(time))
        while len(self._entries) > self.capacity:
            del self._entries[next(iter(self._entries))]

    def get(self, key: str, **_: Any) -> Any:
        text, deadline = self._entries.get(key, ("null", float("inf")))
        if deadline < time.time():
            self.delete(key)
            return None
        return json.loads(text)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        value = max(0, int(self.get(key) or 0) + delta)
        self.set(key, value, time=time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -delta, time)

    def delete(self, key: str, server_key: str | None = None) -> None:
        self._entries.pop(key, None)

    def set_multi(
        self, mapping: dict[str, Any], server_key: str, serialize: bool = True, time: float = 0, **_: Any
    ) -> None:
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], server_key: str) -> list[Any]:
        return [self.get(key) for key in keys]


def _deadline(seconds: float) -> float:
    if not seconds:
        return float("inf")
    return seconds if seconds > MONTH else time.time() + seconds


class FileCache:
    """The same for several processes: one file an entry, so that each proxy knows the tokens that another gave.

    It is not for long runs: what has expired is removed only when it is asked for.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def _file(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()

    def set(self, key: str, value: Any, serialize: bool = True, time: float = 0, **_: Any) -> None:
        if isinstance(value, bytes):
            value = value.decode()
        with tempfile.NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            json.dump([value, _deadline(time)], file)
        os.rename(file.name, self._file(key))

    def get(self, key: str, **_: Any) -> Any:
        try:
            value, deadline = json.loads(self._file(key).read_text())
        except FileNotFoundError:
            return None
        if deadline < time.time():
            self.delete(key)
            return None
        return value

    def delete(self, key: str, server_key: str | None = None) -> None:
        self._file(key).unlink(missing_ok=True)


def memory_cache(global_conf: dict[str, str], **conf: str) -> Callable[[App], App]:
    return _caching(MemoryCache())


def file_cache(global_conf: dict[str, str], folder: str, **conf: str) -> Callable[[App], App]:
    return _caching(FileCache(Path(folder)))


def _caching(cache: MemoryCache | FileCache) -> Callable[[App], App]:
    def make(app: App) -> App:
        def call(env: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return make


def request_log(global_conf: dict[str, str], path: str, **conf: str) -> Callable[[App], App]:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def make(app: App) -> App:
        def call(env: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            # Taken now: further down, copy turns COPY into PUT and listing_formats changes the query.
            asked = (env["REQUEST_METHOD"], env["PATH_INFO"].encode("latin1").decode(errors="replace"))
            query, agent = env.get("QUERY_STRING", ""), env.get("HTTP_USER_AGENT", "")

            def note(status: str, headers: Any, exc_info: Any = None) -> Any:
                line = json.dumps((*asked, query, int(status.split(" ", 1)[0]), agent))
                os.write(log, line.encode() + b"\n")
                return start_response(status, headers, exc_info)

            return app(env, note)

        return call

    return make
