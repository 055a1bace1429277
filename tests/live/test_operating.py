"""docs/operating.md, tried: the proxies that ask for a login, and the rights that a user of Swift needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests

from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import run
from tests.live.haproxy import Haproxy
from tests.live.images import MIB, Layout, file_layer
from tests.live.nginx import Front, Nginx, wait_until_it_listens
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.wire import Client, digest_of
from tests.peers import need, need_module

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
USER, PASSWORD = "alice", "change-me"  # of the examples
OWNER, GUEST = "images:owner", "other:registry"


def documented(language: str) -> str:
    """The page's example in this language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


class NginxWithLogin(Nginx):
    """As the page says, with its file of passwords."""

    def __init__(self, folder: Path, backend: str):
        super().__init__(folder, backend)
        hashed = subprocess.run(["openssl", "passwd", "-5", PASSWORD], check=True, capture_output=True, text=True)
        (folder / "htpasswd").write_text(f"{USER}:{hashed.stdout}")
        server = (
            documented("nginx").replace("http://127.0.0.1:5000", backend).replace("listen 443", f"listen {self.host}")
        )
        for theirs, ours in (
            ("registry.crt", "front.crt"),
            ("registry.key", "front.key"),
            ("registry.htpasswd", "htpasswd"),
        ):
            server = server.replace(f"/etc/nginx/{theirs}", str(folder / ours))
        text = self._config.read_text()
        self._config.write_text(f"{text[: text.index('    server {')]}{server}}}\n")


class HaproxyWithLogin(Haproxy):
    """As the page says."""

    def __init__(self, folder: Path, backend: str):
        super().__init__(folder, backend)
        text = (
            documented("haproxy").replace("127.0.0.1:5000", backend.removeprefix("http://")).replace(":443", self.host)
        )
        self._config.write_text(text.replace("/etc/haproxy/registry.pem", str(folder / "front.pem")))


class CaddyWithLogin(Front):
    """As the page says."""

    def __init__(self, folder: Path, backend: str):
        super().__init__("caddy", folder)
        own = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n}}\n"
        text = documented("caddyfile").replace("127.0.0.1:5000", backend.removeprefix("http://"))
        for theirs, ours in (("registry.crt", "front.crt"), ("registry.key", "front.key")):
            text = text.replace(f"/etc/caddy/{theirs}", str(folder / ours))
        self._config.write_text(own + text.replace("registry.example.org", f"https://{self.host}"))

    def __enter__(self) -> CaddyWithLogin:
        command = [self._program, "run", "--adapter", "caddyfile", "--config", str(self._config)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until_it_listens(self._process, self.host, self._log)
        return self


@pytest.fixture(params=[NginxWithLogin, HaproxyWithLogin, CaddyWithLogin])
def front(request: pytest.FixtureRequest, swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[Front]:
    config = write_config(tmp_path, swift, container)
    with Ours(tmp_path, config) as registry:
        requests.get(registry.url, timeout=60)  # HAProxy's first check waits 2 s for a worker, and no longer
        with request.param(tmp_path, registry.url) as front:
            yield front


def test_a_proxy_asks_for_the_login(front: Front, tmp_path: Path) -> None:
    need("skopeo")
    ca = str(front.certificate)
    for login in (None, (USER, "wrong")):
        answer = requests.get(f"{front.url}/v2/", auth=login, verify=ca, timeout=60)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].lower().startswith("basic realm=")
    for path in ("/", "/ui/"):
        page = {"url": f"{front.url}{path}", "headers": {"Accept": "text/html"}, "verify": ca, "timeout": 60}
        assert requests.get(**page).status_code == 401
        shown = requests.get(**page, auth=(USER, PASSWORD))
        assert (shown.status_code, shown.url) == (200, f"{front.url}/ui/")
        assert "<title>" in shown.text
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / "ca.crt").write_bytes(front.certificate.read_bytes())
    auth, trust = f"--authfile={tmp_path / 'auth.json'}", str(certificates)
    layout = Layout(tmp_path / "pushed")
    layout.add_image("1.0", [file_layer("small", MIB), file_layer("large", 33 * MIB)])
    name = f"docker://{front.host}/app:1.0"
    with pytest.raises(AssertionError, match="unauthorized"):
        run("skopeo", "copy", "--quiet", auth, "--dest-cert-dir", trust, layout.reference("1.0"), name)
    run("skopeo", "login", auth, "--cert-dir", trust, "--username", USER, "--password", PASSWORD, front.host)
    run("skopeo", "copy", "--quiet", auth, "--dest-cert-dir", trust, layout.reference("1.0"), name)
    target = f"oci:{tmp_path / 'pulled'}:1.0"
    run("skopeo", "copy", "--quiet", auth, "--src-cert-dir", trust, name, target)
    assert Layout(tmp_path / "pulled").digests() == layout.digests()


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedSwift]:
    """A Swift with a user who has no rights of its own."""
    need_module("swift")
    with (
        tempfile.TemporaryDirectory(prefix="swift-") as data,
        EmbeddedSwift(data, user=OWNER, guests={GUEST: "guest"}, fsync=False) as running,
    ):
        yield running


Start = Callable[..., AbstractContextManager[Ours]]


@pytest.fixture
def as_guest(shared: EmbeddedSwift, container: str, tmp_path: Path) -> Start:
    """A registry that logs in as the guest, on a container of the owner's with these ACLs."""

    def start(acls: dict[str, str], **registry: Any) -> Ours:
        Raw(shared, container).ask("PUT", headers=acls)
        login = {"swift_user": GUEST, "swift_password": "guest", "swift_object_storage_url": shared.storage_url}
        options = {**shared.options(swift_container=container, swift_segment_size="1M"), **login}
        config = tmp_path / "config.yml"
        flavor = {"storage": "swift", "storage_redirect": True, **options, "registry": registry}
        config.write_text(json.dumps({"test": flavor}))
        return Ours(tmp_path, config)

    return start


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "docker_registry.cli", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120, check=False)


def test_the_two_acls_of_a_container_suffice(as_guest: Start, tmp_path: Path) -> None:
    acls = {"X-Container-Read": GUEST, "X-Container-Write": GUEST, "X-Container-Meta-Temp-Url-Key": "the owner's"}
    with as_guest(acls) as registry, Client(registry.url) as client:
        large = bytes(3 * MIB)
        client.push_image("app", "1.0", [b"small", large])
        assert len(client.pull("app", "1.0")) == 4
        assert client.tags("app") == ["1.0"]
        # The guest does not see the key, so nobody is redirected.
        blob = requests.get(f"{registry.url}/v2/app/blobs/{digest_of(large)}", allow_redirects=False, timeout=60)
        assert blob.status_code == 200
        assert client.ask("GET", "/v2/_catalog").json() == {"repositories": ["app"]}
        digest = client.ask("HEAD", "/v2/app/manifests/1.0").headers["Docker-Content-Digest"]
        assert client.ask("DELETE", f"/v2/app/manifests/{digest}").status_code == 202
    config = str(tmp_path / "config.yml")
    checked = command("check", "--config", config)
    assert checked.returncode == 0, checked.stdout
    examined = command("fsck", "--quiet", "--repair", "--config", config)
    assert examined.returncode == 0, examined.stdout + examined.stderr


def test_who_may_only_read_serves_pulls(as_guest: Start) -> None:
    with as_guest({"X-Container-Read": GUEST, "X-Container-Write": GUEST}) as registry, Client(registry.url) as client:
        client.push_image("app", "1.0", [b"small", bytes(3 * MIB)])
    readers = {"X-Container-Write": "", "X-Container-Read": GUEST}
    with as_guest(readers, read_only=True) as registry, Client(registry.url) as client:
        assert len(client.pull("app", "1.0")) == 4
        assert client.ask("POST", "/v2/app/blobs/uploads/").status_code == 405


def test_no_right_at_all_is_told_before_listening(as_guest: Start) -> None:
    with pytest.raises(AssertionError, match="403"), as_guest({}):
        pass
