"""Behind a real proxy, set up as docs/server.md says: Locations are what the client must ask for next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import run
from tests.live.images import MIB, Layout, busybox_layer, file_layer
from tests.live.nginx import Nginx
from tests.live.ours import Ours, write_config
from tests.peers import need


@pytest.fixture
def start(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[Any]:
    """Starts a registry with a section `registry`, and nginx in front of it."""
    running: list[Any] = []

    def start(**registry: Any) -> Nginx:
        running.append(Ours(tmp_path, write_config(tmp_path, swift, container, **registry)).__enter__())
        running.append(Nginx(tmp_path, running[0].url).__enter__())
        return running[1]

    yield start
    for program in reversed(running):
        program.__exit__()


def location(front: Nginx, prefix: str) -> str:
    url = f"{front.url}{prefix}/v2/app/blobs/uploads/"
    answer = requests.post(url, verify=str(front.certificate), timeout=60)
    assert answer.status_code == 202
    return answer.headers["Location"]


@pytest.mark.parametrize("prefix", ["", "/images"])
def test_locations_lead_through_the_proxy(start: Any, prefix: str) -> None:
    front = start(trusted_proxies=["127.0.0.1"])
    url = location(front, prefix)
    assert url.startswith(f"{front.url}{prefix}/v2/app/blobs/uploads/")
    ended = requests.delete(url, verify=str(front.certificate), timeout=60)
    assert ended.status_code == 204


def test_relative_locations_do_too(start: Any) -> None:
    url = location(start(trusted_proxies=["127.0.0.1"], relative_urls=True), "/images")
    assert url.startswith("/images/v2/app/blobs/uploads/")


def test_a_proxy_that_nobody_trusts_is_not_believed(start: Any) -> None:
    parts = urlsplit(location(start(), "/images"))
    assert (parts.scheme, parts.path.startswith("/v2/app/")) == ("http", True)


def test_a_public_url_needs_no_trust(start: Any) -> None:
    url = location(start(public_url="https://registry.example.com", prefix="/images"), "/images")
    assert url.startswith("https://registry.example.com/images/v2/app/blobs/uploads/")


def test_skopeo_through_tls(start: Any, tmp_path: Path) -> None:
    need("skopeo", "busybox")
    front = start(trusted_proxies=["127.0.0.1"])
    layout = Layout(tmp_path / "pushed")
    layout.add_image("1.0", [busybox_layer(), file_layer("large", 33 * MIB)])
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / "ca.crt").write_bytes(front.certificate.read_bytes())

    name = f"docker://{front.host}/app:1.0"
    run("skopeo", "copy", "--quiet", "--dest-cert-dir", str(certificates), layout.reference("1.0"), name)
    target = f"oci:{tmp_path / 'pulled'}:1.0"
    run("skopeo", "copy", "--quiet", "--src-cert-dir", str(certificates), name, target)
    assert Layout(tmp_path / "pulled").digests() == layout.digests()
