"""One storage in memory, a registry and garbage collection over it, and one clock for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.core.types import Stat
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.collection import Terms
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage.cache import Cache
from docker_registry.distribution.storage.vetoes import Vetoes
from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.options import DAY, FsckOptions
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.outcome import Clock, Outcome, Removal
from docker_registry.maintenance.progress import Quiet
from docker_registry.settings import Settings
from tests.maintenance.planting import image

__all__ = ["AGED", "Hooked", "Killed", "World"]

AGED = 4 * DAY
START = 1_700_000_000.0


class Killed(Exception):
    """The process ends here."""


class Hooked(Storage):
    """The memory driver, which calls `hook` before each request."""

    hook: Callable[[], None] = staticmethod(lambda: None)

    def get_content(self, path: str) -> bytes:
        self.hook()
        return super().get_content(path)

    def put_content(self, path: str, content: bytes) -> str:
        self.hook()
        return super().put_content(path, content)

    def get_aged(self, path: str) -> tuple[bytes, float | None]:
        self.hook()
        return super().get_aged(path)

    def remove_once(self, path: str) -> None:
        self.hook()
        super().remove_once(path)

    def stat(self, path: str, newest: bool = False) -> Stat:
        self.hook()
        return super().stat(path, newest)

    def walk(self, path: str | None = None) -> Any:
        self.hook()
        return super().walk(path)

    def sharing(self, other: Storage) -> Hooked:
        self._files, self._lock, self._root, self.clock = other._files, other._lock, other._root, other.clock
        return self


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.time = START
        monkeypatch.setattr("time.time", lambda: self.time)
        self.driver = Storage("/")
        self.driver.clock = self.now
        self.terms = Terms()
        self.client = self.registry(self.driver)

    def now(self) -> float:
        return self.time

    def registry(self, driver: Base) -> Client:
        """A worker that remembers nothing yet."""
        registry = Registry(driver, Settings(secret=b"secret"))
        store = registry.context.containers.default.store
        store.cache = Cache(1 << 20, self.now)
        store.vetoes = Vetoes(driver, store.cache, self.terms, self.now)
        return Client(registry)

    def hooked(self) -> Hooked:
        return Hooked().sharing(self.driver)

    def gc(
        self,
        driver: Base | None = None,
        step: Callable[[], None] = lambda: None,
        untagged: Callable[[str], float | None] = lambda repository: None,
    ) -> tuple[Outcome, list[Removal]]:
        """One call of the command; `step` is called in each quarter of its waiting."""

        def sleep(seconds: float) -> None:
            for _ in range(4):
                step()
                self.time += seconds / 4
            step()

        clock = Clock(self.now, sleep)
        with Collector(
            driver or self.driver,
            FsckOptions(repair=True, workers=1),
            Quiet(),
            self.terms,
            untagged,
            clock,
            self.now,
        ) as job:
            removals = list(job.run())
            return job.outcome, removals

    def days(self, days: int, every: int = 1) -> None:
        """The command, called now and then."""
        for _ in range(0, days, every):
            self.time += every * DAY
            self.gc()

    # What clients do. Each returns the status.

    def push_blob(self, name: str, content: bytes, client: Client | None = None) -> int:
        url = f"/v2/{name}/blobs/uploads/?digest={Digest.of(content)}"
        return (client or self.client).post(url, data=content).status_code

    def mount(self, name: str, source: str, content: bytes, client: Client | None = None) -> int:
        url = f"/v2/{name}/blobs/uploads/?mount={Digest.of(content)}&from={source}"
        return (client or self.client).post(url).status_code

    def push_manifest(self, name: str, tag: str, layers: list[bytes], client: Client | None = None, **more: Any) -> int:
        body = manifest(layers, **more)
        kind = json.loads(body)["mediaType"]
        return (client or self.client).put(f"/v2/{name}/manifests/{tag}", data=body, content_type=kind).status_code

    def push(self, name: str, tag: str, layers: list[bytes], client: Client | None = None, **more: Any) -> int:
        """An image whole; the first status that is no success, or 201."""
        for content in (*layers, b"{}"):
            status = self.push_blob(name, content, client)
            if status != 201:
                return status
        return self.push_manifest(name, tag, layers, client, **more)

    def delete(self, name: str, layers: list[bytes]) -> int:
        return self.client.delete(f"/v2/{name}/manifests/{Digest.of(manifest(layers))}").status_code

    def serves(self, name: str, tag: str) -> bool:
        return self.registry(self.driver).get(f"/v2/{name}/manifests/{tag}").status_code == 200

    def pulls(self, name: str, tag: str, layers: list[bytes]) -> bool:
        """Whether a worker that remembers nothing serves an image whole."""
        client = self.registry(self.driver)
        if client.get(f"/v2/{name}/manifests/{tag}").status_code != 200:
            return False
        return all(client.get(f"/v2/{name}/blobs/{Digest.of(content)}").data == content for content in (*layers, b"{}"))

    def has(self, content: bytes) -> bool:
        digest = Digest.of(content)
        return any(digest.hex in entry.path and entry.path.endswith("/data") for entry in self.driver.walk())

    def links(self) -> list[str]:
        return [entry.path for entry in self.driver.walk() if "/_layers/" in entry.path]


def manifest(layers: list[bytes], **more: Any) -> bytes:
    return json.dumps(image(layers, **more)).encode()
