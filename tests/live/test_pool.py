"""A registry with few connections to a real Swift: nobody waits for those of slow clients, nor in a ring."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest
from werkzeug.test import Client, TestResponse

from docker_registry.distribution.app import Registry
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.http import pool
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.conformance import pattern
from tests.live.settings import driver_config

MIB = 1 << 20


def client(swift: EmbeddedSwift, container: str, size: int) -> Client:
    config = driver_config(swift, swift_container=container, swift_pool_size=size, swift_segment_size=MIB)
    return Client(Registry(Storage("/registry", config), Settings(secret=b"s" * 32)))


def push(registry: Client, data: bytes, algorithm: str = "sha256") -> int:
    """The status of the closing PUT of a streamed upload."""
    started = registry.post("/v2/app/blobs/uploads/").headers["Location"]
    sent = registry.patch(started, data=data).headers["Location"]
    digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    return registry.put(f"{sent}&digest={digest}").status_code


def test_closings_that_read_and_write_do_not_wait_for_each_other(swift: EmbeddedSwift, container: str) -> None:
    registry = client(swift, container, 4)
    statuses: list[int] = []
    pushes = [
        threading.Thread(target=lambda i=i: statuses.append(push(registry, pattern(3 * MIB, i), "sha512")))
        for i in range(8)
    ]
    for each in pushes:
        each.start()
    for each in pushes:
        each.join()
    assert statuses == [201] * 8


def test_slow_downloads_leave_the_others_alone(
    swift: EmbeddedSwift, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SHORTLY", 0.1)
    registry = client(swift, container, 8)
    config, layer = b"{}", pattern(3 * MIB)
    assert [push(registry, config), push(registry, layer)] == [201, 201]
    described = [{"mediaType": "x/y", "size": len(data), "digest": digest(data)} for data in (config, layer)]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    body = json.dumps({**manifest, "config": described[0], "layers": described[1:]}).encode()
    kind = manifest["mediaType"]
    assert registry.put("/v2/app/manifests/one", data=body, content_type=kind).status_code == 201

    slow: list[TestResponse] = [registry.get(f"/v2/app/blobs/{digest(layer)}", buffered=False) for _ in range(16)]
    refused = [answer for answer in slow if answer.status_code == 503]
    assert refused
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert {answer.status_code for answer in slow} == {200, 503}

    assert registry.get("/v2/app/manifests/one").data == body
    assert push(registry, pattern(5 * MIB, 7)) == 201
    for answer in slow:
        answer.close()
    assert registry.get(f"/v2/app/blobs/{digest(layer)}").data == layer


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
