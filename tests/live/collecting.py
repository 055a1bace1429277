"""Registries, and garbage collection with periods of seconds, over one container of a real Swift."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from werkzeug.test import Client

from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.collection import Terms
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.grammar import Tag
from docker_registry.distribution.storage.restoring import restore
from docker_registry.distribution.storage.store import Store
from docker_registry.distribution.storage.vetoes import Vetoes
from docker_registry.drivers.swift import Storage
from docker_registry.maintenance.fsck.options import FsckOptions
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.outcome import CLOCK, Clock, Outcome, Stage
from docker_registry.maintenance.progress import Quiet
from docker_registry.settings import Settings
from tests.maintenance.gc.world import manifest

__all__ = ["TERMS", "Collecting", "Worker", "has", "until"]

TERMS = Terms(copy=0.0, veto=1.0, session=3.0, lag=0.0, late=1.0, grace=5.0, sweep=2.0, door=10.0, lease=60.0)
KIND = "application/vnd.oci.image.manifest.v1+json"


class Worker:
    """A registry that remembers nothing yet. On a busy machine a session of seconds may be too short: it says 503."""

    def __init__(self, driver: Storage, settings: Settings, terms: Terms = TERMS):
        registry = Registry(driver, settings)
        self.store: Store = registry.context.containers.default.store
        self.store.vetoes = Vetoes(driver, self.store.cache, terms)
        self.client = Client(registry)

    def push(self, name: str, tag: str, layers: list[bytes]) -> Digest:
        """An image, until it is taken."""
        for content in (*layers, b"{}"):
            until(partial(self._accepted, self.client.post, blob_url(name, content), data=content))
        body = manifest(layers)
        until(partial(self._accepted, self.client.put, manifest_url(name, tag), data=body, content_type=KIND))
        return Digest.of(body)

    def tries(self, name: str, tag: str, layers: list[bytes]) -> bool:
        """Push an image once; whether all of it was acknowledged."""
        statuses = [self.client.post(blob_url(name, content), data=content).status_code for content in (*layers, b"{}")]
        body = manifest(layers)
        statuses.append(self.client.put(manifest_url(name, tag), data=body, content_type=KIND).status_code)
        assert set(statuses) <= {201, 400, 404, 503}, statuses
        return set(statuses) == {201}

    def pulls(self, name: str, tag: str, layers: list[bytes]) -> bool:
        """Whether an image is there whole."""
        if self.client.get(manifest_url(name, tag)).status_code != 200:
            return False
        url = f"/v2/{name}/blobs"
        return all(self.client.get(f"{url}/{Digest.of(content)}").data == content for content in (*layers, b"{}"))

    def delete(self, name: str, reference: object) -> None:
        assert self.client.delete(manifest_url(name, reference)).status_code == 202

    def restore(self, name: str, tag: str, digest: Digest) -> None:
        restore(self.store, name, Tag(tag), digest)

    def _accepted(self, method: Callable[..., Any], url: str, **more: Any) -> bool:
        status = method(url, **more).status_code
        assert status in (201, 503)
        return bool(status == 201)


class Collecting:
    def __init__(self, options: Mapping[str, Any], terms: Terms = TERMS, **settings: Any):
        """`options` are the driver's; `settings` the registries'."""
        self.terms = terms
        self._options = options
        self._settings = Settings(secret=b"secret", link_ttl=0.0, **settings)
        self.driver = self.new_driver()

    def new_driver(self, **options: Any) -> Storage:
        return Storage("/", type(Settings().driver)({**self._options, **options}))

    def worker(self, driver: Storage | None = None) -> Worker:
        return Worker(driver or self.driver, self._settings, self.terms)

    def gc(
        self,
        driver: Storage | None = None,
        clock: Clock = CLOCK,
        untagged: Callable[[str], float | None] = lambda repository: None,
    ) -> Outcome:
        """One call of the command."""
        options = FsckOptions(repair=True, workers=4)
        with Collector(driver or self.driver, options, Quiet(), self.terms, untagged, clock) as job:
            for _ in job.run():
                pass
            return job.outcome

    def wait_until_old(self) -> None:
        """Until all that nobody uses is old enough to be announced."""

        def is_old() -> bool:
            with Collector(self.driver, FsckOptions(workers=4), Quiet(), self.terms) as job:
                return any(True for _ in job.would()) and job.outcome.young is None

        until(is_old)

    def until(self, stage: Stage, **more: Any) -> Outcome:
        """Call it until it comes to this; the periods are real seconds of the storage's clock."""
        outcomes: list[Outcome] = []

        def called() -> bool:
            outcomes.append(self.gc(**more))
            return outcomes[-1].stage is stage

        until(called)
        return outcomes[-1]


def blob_url(name: str, content: bytes) -> str:
    return f"/v2/{name}/blobs/uploads/?digest={Digest.of(content)}"


def manifest_url(name: str, reference: object) -> str:
    return f"/v2/{name}/manifests/{reference}"


def has(stat: Callable[[str], object], content: bytes) -> bool:
    """Whether the data of a blob is in a storage."""
    try:
        stat(layout.blob_data(Digest.of(content)))
    except FileNotFoundError:
        return False
    return True


def until(is_so: Callable[[], bool], patience: float = 90.0) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)
