"""What the swift driver does with a real Swift's own rules: limits, rights, signed URLs, storage policies."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import swiftclient

from docker_registry.core.exceptions import BrokenError, FileNotFoundError, MissingError
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from tests.conformance import pattern, read
from tests.live.settings import driver_config


@pytest.fixture
def connect(swift: EmbeddedSwift, container: str) -> Any:
    def make(**options: Any) -> Storage:
        return Storage("/registry", driver_config(swift, **{"swift_container": container, **options}))

    return make


@pytest.fixture
def admin(swift: EmbeddedSwift) -> swiftclient.Connection:
    return swiftclient.Connection(swift.auth_url, swift.user, swift.password, timeout=60)


def test_manifests_of_manifests(connect: Any) -> None:
    storage, one = connect(swift_segment_size=1000), 1000
    storage._client.info["slo"]["max_manifest_segments"] = 5  # a thousand would take a while
    content = pattern(27 * one + 10)
    storage.stream_write("f", io.BytesIO(content))
    assert read(storage, "f") == content
    assert read(storage, "f", (5 * one - 1, 5 * one)) == content[5 * one - 1 : 5 * one + 1]
    parts = storage.parts("f")
    assert len(parts) == 28 + 6 + 2
    assert {part.name for part in parts} == {entry.path for entry in storage.walk_parts()}
    assert sum(part.size for part in parts) == storage.get_size("f") == len(content)
    storage.remove("f")
    assert list(storage.walk_parts()) == []


def test_a_credential_for_its_container_only(tmp_path: Path) -> None:
    with EmbeddedSwift(tmp_path, fsync=False, guests={"other:guest": "guest"}) as swift:
        admin = swiftclient.Connection(swift.auth_url, swift.user, swift.password, timeout=60)
        options = {
            "swift_container": "box",
            "swift_segment_size": 1 << 16,
            "swift_object_storage_url": swift.storage_url,
        }
        guest = {"swift_user": "other:guest", "swift_password": "guest"}
        storage = Storage("/registry", driver_config(swift, **{**options, **guest}))
        with pytest.raises(BrokenError, match=r"container box.*403.*user other:guest"):
            storage.put_content("f", b"x")
        admin.put_container("box", {"X-Container-Read": "other:guest", "X-Container-Write": "other:guest"})
        large = pattern(3 << 16)
        for path in ("d/a", "d/b", "f"):
            storage.put_content(path, b"x")
        storage.stream_write("d/large", io.BytesIO(large))
        assert read(storage, "d/large") == large
        assert storage.content_redirect_url("f") is None
        storage.remove("d")
        assert [entry.path for entry in storage.walk()] == ["f"]
        assert list(storage.walk_parts()) == []


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
        return content


@pytest.mark.parametrize("where", ["configured", "container", "account"])
def test_a_redirect_is_served(connect: Any, container: str, admin: swiftclient.Connection, where: str) -> None:
    storage = connect(**({"swift_temp_url_key": "a key"} if where == "configured" else {}))
    storage.put_content("a b/é%", b"content")
    if where == "account":
        admin.post_account({"X-Account-Meta-Temp-URL-Key": "a key"})
    else:
        admin.post_container(container, {"X-Container-Meta-Temp-URL-Key": "a key"})
    try:
        url = storage.content_redirect_url("a b/é%")
        assert fetch(url) == b"content"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetch(url.replace("temp_url_sig=", "temp_url_sig=0"))
    finally:
        admin.post_account({"X-Account-Meta-Temp-URL-Key": ""})


def test_the_container_is_made_with_a_policy(connect: Any, container: str, admin: swiftclient.Connection) -> None:
    policy = admin.get_capabilities()["swift"]["policies"][0]["name"]
    connect(swift_storage_policy=policy).put_content("f", b"x")
    assert admin.head_container(container)["x-storage-policy"] == policy


def test_a_policy_that_is_not_there_is_said(connect: Any) -> None:
    with pytest.raises(MissingError, match="Invalid X-Storage-Policy"):
        connect(swift_storage_policy="none").put_content("f", b"x")


def test_a_dlo_of_another_writer(connect: Any, container: str, admin: swiftclient.Connection) -> None:
    storage = connect()
    storage.put_content("there", b"x")
    for i in range(3):
        admin.put_object(container, f"elsewhere/é/{i}", pattern(1000, i))
    admin.put_object(container, "elsewhere/é2", b"no part of it")
    admin.put_object(container, "registry/f", b"", headers={"X-Object-Manifest": f"{container}/elsewhere/%C3%A9/"})
    assert read(storage, "f") == b"".join(pattern(1000, i) for i in range(3))
    assert storage.get_size("f") == 3000
    assert [part.size for part in storage.parts("f")] == [1000] * 3
    storage.remove("f")
    assert [row["name"] for row in admin.get_container(container)[1]] == ["elsewhere/é2", "registry/there"]
    with pytest.raises(FileNotFoundError):
        storage.parts("f")
