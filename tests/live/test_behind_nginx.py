"""Behind real proxies, set up as docs/server.md says: Locations are what the client must ask for next."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import run
from tests.live.distribution2 import Distribution2, storage
from tests.live.haproxy import Haproxy
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
    return urljoin(url, answer.headers["Location"])


@pytest.mark.parametrize("prefix", ["", "/images"])
def test_locations_lead_through_the_proxy(start: Any, prefix: str) -> None:
    front = start(trusted_proxies=["127.0.0.1"])
    url = location(front, prefix)
    assert url.startswith(f"{front.url}{prefix}/v2/app/blobs/uploads/")
    ended = requests.delete(url, verify=str(front.certificate), timeout=60)
    assert ended.status_code == 204


def test_a_proxy_that_nobody_trusts_may_only_end_tls(start: Any) -> None:
    front = start()
    assert location(front, "").startswith(f"{front.url}/v2/app/blobs/uploads/")
    assert location(front, "/images").startswith(f"{front.url}/v2/app/blobs/uploads/")  # its prefix is not believed


def test_a_public_url_needs_no_trust(start: Any) -> None:
    url = location(start(public_url="https://registry.example.com", prefix="/images"), "/images")
    assert url.startswith("https://registry.example.com/images/v2/app/blobs/uploads/")


@pytest.fixture(params=[Nginx, Haproxy])
def front(
    request: pytest.FixtureRequest, swift: EmbeddedSwift, container: str, tmp_path: Path
) -> Iterator[Nginx | Haproxy]:
    """A proxy that ends TLS before a registry on a file of Distribution's that knows of no proxy."""
    config = Distribution2(tmp_path, storage(swift, container), http={"relativeurls": False}).config
    with Ours(tmp_path, config) as registry, request.param(tmp_path, registry.url) as front:
        yield front


def test_skopeo_and_podman_through_tls(front: Nginx | Haproxy, tmp_path: Path) -> None:
    need("skopeo", "podman", "busybox")
    layout = Layout(tmp_path / "pushed")
    layout.add_image("1.0", [busybox_layer(), file_layer("large", 33 * MIB)])
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / "ca.crt").write_bytes(front.certificate.read_bytes())
    trust = str(certificates)

    name = f"{front.host}/app:1.0"
    run("skopeo", "copy", "--quiet", "--dest-cert-dir", trust, layout.reference("1.0"), f"docker://{name}")
    target = f"oci:{tmp_path / 'pulled'}:1.0"
    run("skopeo", "copy", "--quiet", "--src-cert-dir", trust, f"docker://{name}", target)
    assert Layout(tmp_path / "pulled").digests() == layout.digests()

    with tempfile.TemporaryDirectory(prefix="run-") as short:  # podman takes 50 characters at most
        podman = ["podman", "--root", f"{tmp_path}/root", "--runroot", short, "--storage-driver", "vfs"]
        run(*podman, "pull", "--quiet", "--cert-dir", trust, name)
        run(*podman, "push", "--quiet", "--cert-dir", trust, name, f"{front.host}/again:1.0")
    assert "again" in requests.get(f"{front.url}/v2/_catalog", verify=str(front.certificate), timeout=60).text
