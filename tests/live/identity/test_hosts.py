"""The driver logs in at Keystone from within its hosts: docker-registry 0.9.1 on Python 2.7, and our own registry."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import requests

from docker_registry.embedded import EmbeddedSwift
from tests.live.combinations import tried
from tests.live.identity.cloud import Cloud
from tests.live.identity.conftest import PYTHON
from tests.live.identity.furnishing import PASSWORD
from tests.live.identity.ways import V2, V3
from tests.live.ours import Ours, write_config
from tests.live.v1_registry import Client, DockerRegistry, chain
from tests.wheels import Environment

LAYERS = [b"a layer", b"another"]


def push_and_pull_v1(url: str) -> None:
    client = Client(url)
    client.push("acme/shop", "latest", chain(LAYERS))
    assert client.pull("acme/shop", "latest") == LAYERS


def test_docker_registry_at_version_1(
    swift: EmbeddedSwift, docker_registry: Environment, container: str, tmp_path: Path
) -> None:
    with (
        DockerRegistry(docker_registry, swift, container, tmp_path) as registry,
        tried("docker-registry", "v1 password, OS_* environment", "2.7"),
    ):
        push_and_pull_v1(registry.url)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_docker_registry_with_a_password(
    version: str, docker_registry: Environment, container: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its own sample config, and the `OS_*` environment that this asks for."""
    cloud: Cloud = request.getfixturevalue(version)
    login = {"OS_AUTH_URL": cloud.auth_url, "OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD, "OS_TENANT_NAME": "web"}
    with (
        DockerRegistry(docker_registry, cloud.swift, container, tmp_path, **login) as registry,
        tried("docker-registry", f"{version} password, OS_* environment", "2.7"),
    ):
        push_and_pull_v1(registry.url)


def test_docker_registry_with_an_application_credential(
    v3: Cloud, docker_registry: Environment, container: str, tmp_path: Path
) -> None:
    name = "v3 application credential, OS_* environment"
    login = {"OS_USERNAME": "", "OS_PASSWORD": "", **V3[name](v3).environ}
    with (
        DockerRegistry(docker_registry, v3.swift, container, tmp_path, **login) as registry,
        tried("docker-registry", name, "2.7"),
    ):
        push_and_pull_v1(registry.url)


def push_and_pull_v2(url: str) -> None:
    body = b"a blob"
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    pushed = requests.post(f"{url}/v2/acme/shop/blobs/uploads/?digest={digest}", data=body, timeout=60)
    assert pushed.status_code == 201, pushed.text
    assert requests.get(f"{url}/v2/acme/shop/blobs/{digest}", timeout=60).content == body


def test_our_registry_at_version_1(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, swift, container)
    with Ours(tmp_path, config) as registry, tried("our registry", "v1 password", PYTHON):
        push_and_pull_v2(registry.url)


HOSTED = {
    "v2 password": "v2",
    "v2 password, OS_* environment": "v2",
    "v3 password": "v3",
    "v3 application credential by id": "v3",
    "v3 application credential, clouds.yaml": "v3",
    "v3 password, TLS with cacert": "v3",
}


@pytest.mark.parametrize("name", HOSTED)
def test_our_registry(name: str, container: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cloud: Cloud = request.getfixturevalue(HOSTED[name])
    way = {**V2, **V3}[name](cloud)
    config = tmp_path / "config.yml"
    options = {"storage": "swift", **way.options, "swift_container": container}
    config.write_text(json.dumps({"test": {**options, "registry": {}}}))
    with (
        Ours(tmp_path, config, environ={**os.environ, **way.environ}) as registry,
        tried("our registry", name, PYTHON),
    ):
        push_and_pull_v2(registry.url)
