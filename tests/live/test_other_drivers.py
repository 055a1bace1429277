"""Drivers that know the v1 interface alone serve the registry: docker-registry-core's own `file`, and one of 2014."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.core import genuine
from tests.live.ours import Ours
from tests.live.wire import Client, digest_of

ATTIC = Path(__file__).parent / "attic"
LAYERS = [b"small", os.urandom(3_000_000)]


class Site:
    """One folder in which a driver keeps everything, and config files for it."""

    def __init__(self, folder: Path, modules: Path, flavor: dict[str, Any]):
        self._folder = folder
        self._flavor = flavor
        self._environ = {**os.environ, "PYTHONPATH": str(modules)}

    def registry(self, **options: Any) -> Ours:
        config = self._folder / "config.yml"
        config.write_text(json.dumps({"old": {**self._flavor, **options}}))
        return Ours(self._folder, config, environ=self._environ)


@pytest.fixture(params=["file", "attic"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    stored = tmp_path / "stored"
    stored.mkdir()
    if request.param == "attic":
        return Site(tmp_path, ATTIC, {"storage": "attic", "storage_path": "/r", "attic": {"folder": str(stored)}})
    drivers = tmp_path / "modules" / "docker_registry" / "drivers"
    drivers.mkdir(parents=True)
    shutil.copy(genuine.package() / "drivers" / "file.py", drivers)
    return Site(tmp_path, tmp_path / "modules", {"storage": "file", "storage_path": str(stored)})


def test_push_list_pull_delete(site: Site) -> None:
    with site.registry() as registry, Client(registry.url) as client:
        assert registry.log.count(" WARNING no secret_key: ") == 1
        for patches, layer in enumerate(LAYERS):
            client.push_blob("acme/shop", layer, patches)
        manifest = client.push_image("acme/shop", "1", LAYERS)
        for tag in ("10", "1.0", "v1"):
            client.push_manifest("acme/shop", tag, manifest)
        client.push_image("acme/shop/inner", "1", LAYERS[:1])
        assert client.repositories() == ["acme/shop", "acme/shop/inner"]
        assert client.tags("acme/shop") == ["1", "1.0", "10", "v1"]
        for reference in ("1", "10", digest_of(manifest)):
            assert len(client.pull("acme/shop", reference)) == 4
        part = client.ask("GET", f"/v2/acme/shop/blobs/{digest_of(LAYERS[1])}", headers={"Range": "bytes=7-1000000"})
        assert (part.status_code, part.content) == (206, LAYERS[1][7:1000001])

        client._do("DELETE", "/v2/acme/shop/manifests/10")
        assert client.tags("acme/shop") == ["1", "1.0", "v1"]
        client.delete_manifest("acme/shop", digest_of(manifest))
        assert client.ask("GET", "/v2/acme/shop/manifests/1").status_code == 404
        assert client.ask("GET", f"/v2/acme/shop/manifests/{digest_of(manifest)}").status_code == 404
        client.delete_blob("acme/shop", digest_of(LAYERS[1]))
        assert client.ask("HEAD", f"/v2/acme/shop/blobs/{digest_of(LAYERS[1])}").status_code == 404
        assert client.pull("acme/shop/inner", "1")


def test_an_upload_goes_on_elsewhere_with_a_secret_of_both(site: Site) -> None:
    with site.registry(secret_key="of both") as registry, Client(registry.url) as client:
        assert "no secret_key" not in registry.log
        location = client.patch(client.start_upload("a"), LAYERS[1][:1000])
        target = location.partition(registry.url)[2]
    with site.registry(secret_key="of both") as registry, Client(registry.url) as client:
        location = client.patch(registry.url + target, LAYERS[1][1000:])
        client._do("PUT", f"{location}&digest={digest_of(LAYERS[1])}")
        assert client.blob("a", digest_of(LAYERS[1])) == LAYERS[1]
