"""Each config file that the README and the docs show is started in the program that it is for, and pushed to."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from docker_registry.embedded import EmbeddedSwift
from tests.live.ours import Ours
from tests.live.test_docker_registry_v1 import where as docker_registry_environment
from tests.live.v1_registry import Client as V1Client
from tests.live.v1_registry import DockerRegistry, chain
from tests.live.wire import Client
from tests.wheels import ROOT, Environment

__all__ = ["docker_registry_environment"]

# Blocks that are no whole file, by their pages and the option that they are about, and who starts them.
PARTS = {
    ("docs/containers.md", "auth"): "needs a Keystone: tests/live/identity/test_project_accounts.py",
    ("docs/harbor.md", "registry_config"): "is of Harbor's own program: tests/live/test_harbor.py",
    ("docs/logins.md", "auth"): "needs files and servers of its own: tests/live/test_login.py",
    ("docs/quickstart.md", "scrape_configs"): "is Prometheus's: tests/live/test_quickstart.py",
    ("docs/quotas.md", "quotas"): "needs pushes of too much: tests/live/test_quotas_swift.py",
    ("docs/server.md", "limits"): "needs a client that asks too often: tests/live/test_login.py",
    ("docs/server.md", "secret_key"): "needs keys that rotate: tests/distribution/auth/test_gate.py",
    ("docs/monitoring.md", "debug"): "is about the second port: tests/live/test_metrics.py",
    ("docs/monitoring.md", "scrape_configs"): "is Prometheus's: tests/live/test_metrics.py",
    ("docs/server.md", "tls"): "needs a certificate: tests/live/test_tls.py",
    ("docs/single-sign-on.md", "auth"): "needs nginx and a login: tests/live/test_single_sign_on.py",
}
LOGIN = re.compile(r"swift_(?!container|password)")
LAYERS = [b"one layer", b"another" * 1000]


class Block(NamedTuple):
    page: str
    document: dict[str, Any]

    @property
    def flavor(self) -> str:
        """The flavor with a storage; "" where this is no file of docker-registry's."""
        return next((name for name, value in self.document.items() if "storage" in _mapping(value)), "")

    @property
    def is_whole(self) -> bool:
        return "version" in self.document or bool(self.flavor)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def blocks() -> Iterator[Block]:
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))):
        for text in re.findall(r"(?ms)^```ya?ml\n(.*?)^```", page.read_text()):
            yield Block(str(page.relative_to(ROOT)), yaml.safe_load(text))


# Whose whole file wants passwords and a client with a login.
ELSEWHERE = {"docs/harbor.md": "tests/live/test_harbor.py", "docs/quickstart.md": "tests/live/test_quickstart.py"}
WHOLE = [block for block in blocks() if block.is_whole and block.page not in ELSEWHERE]
# What has a section of this registry's own is not meant for docker-registry.
FLAVORS = [block for block in WHOLE if block.flavor and "registry" not in block.document[block.flavor]]


def on(swift: EmbeddedSwift, container: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options of the swift driver, with the test's Swift and a login there in the place of those shown."""
    kept = {name: value for name, value in options.items() if not LOGIN.match(name)}
    login = swift.options(swift_container=container)
    assert kept.get("swift_password", "_env:OS_PASSWORD") == "_env:OS_PASSWORD", "shown as a secret should be"
    return {**kept, **login, "swift_password": "_env:OS_PASSWORD"}


def write(block: Block, swift: EmbeddedSwift, container: str, folder: Path) -> Path:
    """The block as a file; JSON is YAML."""
    if block.flavor:
        shown = {**block.document, block.flavor: on(swift, container, block.document[block.flavor])}
    else:
        parameters = {"authurl": swift.auth_url, "username": swift.user, "password": swift.password}
        storage = {**block.document["storage"], "swift": {**parameters, "container": container}}
        shown = {**block.document, "storage": storage}
    path = folder / "config.yml"
    path.write_text(json.dumps(shown))
    return path


@pytest.mark.parametrize("block", FLAVORS, ids=lambda block: block.page)
def test_in_docker_registry(
    block: Block, docker_registry_environment: Environment, swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    config = write(block, swift, container, tmp_path)
    environ = {"DOCKER_REGISTRY_CONFIG": str(config), "SETTINGS_FLAVOR": block.flavor}
    with DockerRegistry(docker_registry_environment, swift, container, tmp_path / "run", **environ) as registry:
        client = V1Client(registry.url)
        client.push("acme/shop", "1", chain(LAYERS))
        assert client.pull("acme/shop", "1") == LAYERS


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: block.page)
def test_in_the_registry(block: Block, swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    config = write(block, swift, container, tmp_path)
    options = ["--flavor", block.flavor] if block.flavor else []
    environ = {**os.environ, "OS_PASSWORD": swift.password, "EU_PASSWORD": "of a cloud that is not there"}
    with Ours(tmp_path, config, *options, environ=environ) as registry, Client(registry.url) as client:
        client.push_image("acme/shop", "1", LAYERS)
        assert len(client.pull("acme/shop", "1")) == 4


def test_what_is_not_started_is_known() -> None:
    parts = [block for block in blocks() if not block.is_whole]
    unknown = [
        block
        for block in parts
        if not any(page == block.page and (option in block.document or option in str(block)) for page, option in PARTS)
    ]
    assert unknown == []
    assert {page for page, _ in PARTS} == {block.page for block in parts}
    assert all((ROOT / reason.rpartition(": ")[2]).exists() for reason in PARTS.values())
    assert all((ROOT / page).exists() and (ROOT / test).exists() for page, test in ELSEWHERE.items())
    assert {block.page for block in FLAVORS} >= {"README.md", "docs/configuration.md"}
