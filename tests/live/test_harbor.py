"""Harbor's generated config, unchanged but for addresses, behind a stand-in for Harbor's core and nginx with TLS."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from docker_registry.core.driver import fetch
from docker_registry.embedded import EmbeddedSwift
from docker_registry.registryctl.app import Registryctl
from docker_registry.settings import Settings
from tests.live.child import Child
from tests.live.clients import host, run
from tests.live.harbor_core import Core
from tests.live.images import Layout, file_layer
from tests.live.nginx import Nginx
from tests.live.ours import Ours
from tests.live.settings import driver_config
from tests.peers import need

PAGE = Path(__file__).parents[2] / "docs" / "harbor.md"
SECRET = "of the tests"
MIB = 1 << 20


def example(title: str) -> str:
    """The YAML of docs/harbor.md that begins with this comment."""
    found = re.search(rf"```yaml\n# {re.escape(title)}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, title
    return found[1]


@dataclass
class Harbor:
    core: Core
    nginx: Nginx
    registry: Ours
    registryctl: str
    container: str

    @property
    def url(self) -> str:
        return f"docker://{self.nginx.host}"

    def a_day_later(self) -> None:
        """The registry is sure of nothing that it wrote."""
        self.registry.__exit__()
        self.registry.__enter__()
        self.core.registry = host(self.registry.url)

    @contextlib.contextmanager
    def collector_of_a_day_later(self, swift: EmbeddedSwift) -> Iterator[str]:
        """Where a registryctl listens for which all blobs are old."""
        driver = fetch("swift")("/", driver_config(swift, swift_container=self.container))
        server = make_server("127.0.0.1", 0, Registryctl(driver, Settings(), SECRET, settled=0))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()
        server.server_close()


class Command(Child):
    def __init__(self, folder: Path, config: Path):
        command = [sys.executable, "-m", "docker_registry.cli", "registryctl", "-c", str(config)]
        serving = re.compile(r"on http://(127\.0\.0\.1:\d+)/api/")
        environ = {**os.environ, "JOBSERVICE_SECRET": SECRET}
        super().__init__([*command, "--host", "127.0.0.1"], folder / "ctl.log", serving, 30.0, environ)


def registry_config(folder: Path, swift: EmbeddedSwift, container: str) -> Path:
    """The page's example with the places and the password of this test."""
    passwords = folder / "passwd"
    done = subprocess.run([need("htpasswd"), "-nbB", "harbor_registry_user", "pw"], capture_output=True, check=True)
    passwords.write_bytes(done.stdout)
    text = example("the registry's, as Harbor writes it")
    places = {
        "https://keystone.example.com:5000/v3": swift.auth_url,
        "username: harbor": f"username: {swift.user}",
        "password: secret": f"password: {swift.password}",
        "container: harbor-images": f"container: {container}",
        "/etc/registry/passwd": str(passwords),
        "addr: :5000": "addr: 127.0.0.1:5000",
        "localhost:5001": "127.0.0.1:0",
    }
    for written, meant in places.items():
        assert written in text, written
        text = text.replace(written, meant)
    text = re.sub(r"(?m)^ +(domain|tenant|region): .*\n", "", text)
    path = folder / "registry.yml"
    path.write_text(text)
    return path


@pytest.fixture
def harbor(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[Harbor]:
    need("skopeo", "nginx", "htpasswd")
    config = registry_config(tmp_path, swift, container)
    ctl = tmp_path / "ctl.yml"
    ctl.write_text(
        example("registryctl's, as Harbor writes it")
        .replace("/etc/registry/config.yml", str(config))
        .replace('"8080"', '"0"')
    )
    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(Ours(tmp_path, config))
        registryctl = stack.enter_context(Command(tmp_path, ctl))
        core = stack.enter_context(Core(host(registry.url), "harbor_registry_user", "pw"))
        nginx = stack.enter_context(Nginx(tmp_path, f"http://{core.host}"))
        yield Harbor(core, nginx, registry, host(registryctl.url), container)


def copy(source: str, target: str) -> None:
    run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)


def test_harbor_goes_on(harbor: Harbor, swift: EmbeddedSwift, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "image")
    old = layout.add_image("old", [file_layer("shared", 1 * MIB), file_layer("old", 40 * MIB)])
    new = layout.add_image("new", [file_layer("shared", 1 * MIB), file_layer("new", 2 * MIB)])
    for tag in ("old", "new"):
        copy(layout.reference(tag), f"{harbor.url}/library/app:{tag}")
    blobs = {entry["digest"]: entry["size"] for manifest in (old, new) for entry in referenced(layout, manifest)}
    assert harbor.core.quota == blobs  # from `Range` and the id in the path alone
    assert harbor.core.sessions == {}

    unused = sorted({e["digest"] for e in referenced(layout, old)} - {e["digest"] for e in referenced(layout, new)})
    garbage = ("library/app", old["digest"], [*unused, old["digest"]])
    assert harbor.core.collect(harbor.registryctl, SECRET, *garbage) == [202, 404, *[409] * len(garbage[2])]
    harbor.a_day_later()
    with harbor.collector_of_a_day_later(swift) as registryctl:
        # The registry has done the manifest already.
        assert harbor.core.collect(registryctl, SECRET, *garbage) == [404, 404, *[200] * len(garbage[2])]
        assert set(harbor.core.collect(registryctl, SECRET, *garbage)) == {404}

    copy(f"{harbor.url}/library/app:new", f"oci:{tmp_path / 'pulled'}:new")
    everything = fetch("swift")("/", driver_config(swift, swift_container=harbor.container)).walk("/")
    assert not [entry.path for entry in everything if "segments/" in entry.path]
    copy(layout.reference("old"), f"{harbor.url}/library/app:old")  # what was collected can be pushed again
    copy(f"{harbor.url}/library/app:old", f"oci:{tmp_path / 'pulled'}:old")


def referenced(layout: Layout, manifest: dict[str, object]) -> list[dict[str, object]]:
    algorithm, _, name = str(manifest["digest"]).partition(":")
    document = json.loads((layout.folder / "blobs" / algorithm / name).read_bytes())
    return [document["config"], *document["layers"]]
