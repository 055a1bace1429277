"""Garbage collection on a real Swift, with periods of seconds: blobs of many segments, ages by Swift's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from werkzeug.test import Client

from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.collection import Terms
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage.vetoes import Vetoes
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.options import FsckOptions
from docker_registry.maintenance.gc.gc import Collector, Stage
from docker_registry.maintenance.progress import Quiet
from docker_registry.settings import Settings
from tests.live.settings import driver_config
from tests.maintenance.gc.world import manifest
from tests.maintenance.planting import fsck

TERMS = Terms(copy=0.0, session=8.0, lag=0.0, late=2.0, grace=1.0, door=40.0)
OLD, USED, LARGE, LIVE = b"old", b"used again", b"large" * 400_000, b"live"


def test_on_swift(swift: EmbeddedSwift, container: str) -> None:
    settings = Settings(secret=b"secret")
    driver = Storage("/", driver_config(swift, swift_container=container, swift_segment_size=1 << 20))
    registry = Registry(driver, settings)
    registry.context.containers.default.store.vetoes = Vetoes(
        driver, registry.context.containers.default.store.cache, TERMS
    )
    client = Client(registry)
    push(client, "live", [LIVE])
    push(client, "old", [OLD, USED, LARGE])
    assert client.delete(f"/v2/app/manifests/{Digest.of(manifest([OLD, USED, LARGE]))}").status_code == 202

    def call() -> Stage:
        with Collector(driver, FsckOptions(repair=True), Quiet(), TERMS) as job:
            list(job.run())
            return job.outcome.stage

    def would() -> set[str]:
        with Collector(driver, FsckOptions(), Quiet(), TERMS) as job:
            return {item.digest for item in job.would()}

    until(lambda: str(Digest.of(manifest([OLD, USED, LARGE]))) in would())  # what was written last is old enough
    assert call() is Stage.ANNOUNCED
    push(client, "again", [USED])
    until(lambda: call() is Stage.FINISHED)
    for content, there in ((OLD, False), (LARGE, False), (USED, True), (LIVE, True)):
        assert has(driver.stat, content) is there
    for tag, content in (("again", USED), ("live", LIVE)):
        fresh = Client(Registry(driver, settings))
        assert fresh.get(f"/v2/app/manifests/{tag}").status_code == 200
        assert fresh.get(f"/v2/app/blobs/{Digest.of(content)}").data == content
    assert call() is Stage.BUSY
    # The segments of what went are the next run's, or fsck's.
    found = [finding for finding in fsck(driver, repair=True, grace=-1.0) if finding.kind is Kind.ORPHANED_SEGMENTS]
    assert sum(finding.size for finding in found) == len(LARGE)
    assert all(finding.done for finding in found)


def push(client: Client, tag: str, layers: list[bytes]) -> None:
    """A session of seconds may be too short on a busy machine: then the answer is 503, and a client comes again."""
    for content in (*layers, b"{}"):
        url = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}"
        until(partial(accepted, client.post, url, data=content))
    kind = "application/vnd.oci.image.manifest.v1+json"
    until(partial(accepted, client.put, f"/v2/app/manifests/{tag}", data=manifest(layers), content_type=kind))


def accepted(method: Callable[..., Any], url: str, **more: Any) -> bool:
    status = method(url, **more).status_code
    assert status in (201, 503)
    return bool(status == 201)


def has(stat: Callable[[str], object], content: bytes) -> bool:
    try:
        stat(layout.blob_data(Digest.of(content)))
    except FileNotFoundError:
        return False
    return True


def until(is_so: Callable[[], bool]) -> None:
    """The periods are real seconds of the storage's clock."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)
