"""What an operator may do to a container on the real Swift: shard it, keep old versions, put symlinks into it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.check.check import look_at_storage
from docker_registry.maintenance.check.lines import Level
from docker_registry.maintenance.parallel import each
from docker_registry.settings import DriverConfig, Settings, open_driver
from tests.live.adoption import MIB, in_process
from tests.live.raw import Raw
from tests.live.wire import digest_of
from tests.maintenance.planting import ANY_AGE, fsck
from tests.peers import need_module

ANY: dict[str, Any] = {"grace": ANY_AGE, "upload_age": ANY_AGE}
LARGE, SMALL = b"x" * (2 * MIB + 1), b"small"
REPOSITORIES, SHARD = 150, 40  # repositories with a link each, and rows of a shard


@pytest.fixture
def settings(swift: EmbeddedSwift, container: str) -> Settings:
    Raw(swift, container).ask("PUT")
    options = swift.options(swift_container=container, swift_segment_size=MIB)
    return Settings(storage_path="/reg", driver=DriverConfig(options), link_ttl=0)


@pytest.fixture
def sharded() -> Iterator[tuple[EmbeddedSwift, Settings, list[str]]]:
    """A Swift with a container that was sharded once it was full, and the repositories in it."""
    need_module("swift")
    names = [f"team{number % 9}/app-{number:03d}" for number in range(REPOSITORIES)]
    with tempfile.TemporaryDirectory(prefix="swift-") as data, EmbeddedSwift(data, fsync=False) as swift:
        options = swift.options(swift_container="box", swift_segment_size=MIB)
        settings = Settings(storage_path="/reg", driver=DriverConfig(options), link_ttl=0)
        with in_process(settings) as client:
            client.push_image("app", "v1", [LARGE, SMALL])
        digest = Digest.of(SMALL)
        links = [(layout.layer_link(name, digest), str(digest).encode()) for name in names]
        for _, error in each(lambda link: open_driver(settings).overwrite(*link), links, 8):
            assert error is None
        command = [sys.executable, "-m", "tests.live.sharder", data, "box", str(SHARD)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        yield swift, settings, sorted([*names, "app"])


def test_a_sharded_container(sharded: tuple[EmbeddedSwift, Settings, list[str]]) -> None:
    """Lists are whole over the borders of shards; nothing live is taken for waste; what goes, goes."""
    _, settings, names = sharded
    driver = open_driver(settings)
    with in_process(settings) as client:
        assert client.repositories() == names
        paged, last = [], ""
        while page := client.ask("GET", f"/v2/_catalog?n=7&last={last}").json()["repositories"]:
            paged += page
            last = page[-1]
        assert paged == names
        client.push_image("app", "v2", [LARGE, b"other"])
        client.push_image("later", "v1", [SMALL])
        assert client.tags("app") == ["v1", "v2"]
        assert len(client.pull("app", "v1")) == 4
        client.delete_manifest("app", digest_of(client.manifest("app", "v2")))
        assert client.tags("app") == ["v1"]
        assert client.repositories() == sorted([*names, "later"])
    assert {finding.kind.code for finding in fsck(driver, repair=True, deep=True, **ANY)} <= {"unlinked-blob"}
    assert len(list(driver.prove_walk())) == len(list(driver.walk()))
    with in_process(settings) as client:
        assert len(client.pull("app", "v1")) == 4
    driver.remove(layout.REPOSITORIES)
    assert list(driver.walk(layout.REPOSITORIES)) == []


@pytest.mark.parametrize(
    ("header", "level", "comes_back"),
    [
        ("X-Versions-Enabled", Level.WARNING, False),
        ("X-History-Location", Level.WARNING, False),
        ("X-Versions-Location", Level.ERROR, True),
    ],
)
def test_old_versions(
    swift: EmbeddedSwift, container: str, settings: Settings, header: str, level: Level, comes_back: bool
) -> None:
    """As docs/containers.md says."""
    raw = Raw(swift, container)
    Raw(swift, f"{container}-old").ask("PUT")
    raw.ask("POST", headers={header: "true" if header == "X-Versions-Enabled" else f"{container}-old"})
    driver = open_driver(settings)
    assert [line.level for line in look_at_storage(settings, driver) if line.subject == "versions"] == [level]
    with in_process(settings) as client:
        for layer in (SMALL, b"moved"):
            client.push_image("app", "v1", [LARGE, layer])
        assert len(client.pull("app", "v1")) == 4
        assert client.ask("DELETE", "/v2/app/manifests/v1").status_code == 202
        assert client.tags("app") == (["v1"] if comes_back else [])
    if not comes_back:
        assert fsck(driver, repair=True, deep=True, **ANY) == []


def test_symlinks(swift: EmbeddedSwift, container: str, settings: Settings) -> None:
    """Blobs that an operator moved into another container are served, and found sound; see docs/containers.md."""
    raw, other = Raw(swift, container), Raw(swift, f"{container}-other")
    other.ask("PUT")
    driver = open_driver(settings)
    with in_process(settings) as client:
        client.push_image("app", "v1", [LARGE, SMALL])
        for number, blob in enumerate((LARGE, SMALL)):
            move(swift, other, f"moved{number}", blob)
            driver.remove(layout.blob_data(Digest.of(blob)))
            link = {"X-Symlink-Target": f"{other.container}/moved{number}"}
            raw.ask("PUT", f"reg/{layout.blob_data(Digest.of(blob))}", link)
        assert len(client.pull("app", "v1")) == 4
        assert fsck(driver, repair=True, deep=True, **ANY) == []
        client.push_image("app", "v2", [LARGE, SMALL])
    for blob in (LARGE, SMALL):
        driver.remove(layout.blob_data(Digest.of(blob)))
    # The segments behind a symlink go with it, the rest of its target does not.
    assert other.names() == ["moved0", "moved1"]


def move(swift: EmbeddedSwift, other: Raw, name: str, blob: bytes) -> None:
    """As a large object of two segments where it is large."""
    if len(blob) < MIB:
        other.ask("PUT", name, data=blob)
        return
    paths = []
    for part, data in enumerate((blob[:MIB], blob[MIB:])):
        other.ask("PUT", f"segments/{part}", data=data)
        paths.append({"path": f"/{other.container}/segments/{part}"})
    url = f"{swift.storage_url}/{other.container}/{name}?multipart-manifest=put"
    requests.put(url, headers=other.token, data=json.dumps(paths), timeout=60).raise_for_status()
