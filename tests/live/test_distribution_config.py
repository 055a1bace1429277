"""One config file and one environment, read by Distribution 2.8 and by us: they mean the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.distribution2 import Distribution2, storage
from tests.live.ours import Ours
from tests.live.raw import Raw
from tests.live.wire import Client
from tests.peers import need

HTTP = {
    "prefix": "/some/where/",
    "host": "https://registry.example.com/some/where/",
    "headers": {"X-Content-Type-Options": ["nosniff"]},
    "draintimeout": "10s",
    "http2": {"disabled": True},
}


@pytest.fixture(autouse=True)
def _peer() -> None:
    need("docker-registry")


def test_the_file_and_the_environment_over_it(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    environ = {
        "REGISTRY_STORAGE_SWIFT_CONTAINER": container,
        "REGISTRY_STORAGE_SWIFT_PREFIX": "from/environment",
        "REGISTRY_STORAGE_SWIFT_CHUNKSIZE": "1048576",
        "REGISTRY_HTTP_RELATIVEURLS": "false",
        "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin": "[http://ui.example]",
        "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Methods": "[HEAD, GET, DELETE]",
    }
    it = Distribution2(tmp_path, storage(swift, "not-this-one"), http=HTTP)
    it.environ |= environ
    # Distribution ends where skopeo's variable is set, and at this level it does not say where it listens.
    environ |= {"REGISTRY_AUTH_FILE": "/nowhere/auth.json", "REGISTRY_LOG_LEVEL": "warn"}
    with (
        it,
        Ours(tmp_path, it.config, environ={**it.environ, **environ}) as us,
        Client(f"{it.url}/some/where/") as theirs,
        Client(f"{us.url}/some/where/") as ours,
    ):
        for client in (theirs, ours):
            answer = client.ask("GET", "v2/")
            assert answer.status_code == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            for method, path in (("GET", "v2/"), ("OPTIONS", "v2/app/tags/list"), ("GET", "v2/none/tags/list")):
                headers = client.ask(method, path).headers
                assert headers["Access-Control-Allow-Origin"] == "http://ui.example"
                assert headers["Access-Control-Allow-Methods"] == "HEAD, GET, DELETE"
            location = client.ask("POST", "v2/app/blobs/uploads/").headers["Location"]
            assert location.startswith("https://registry.example.com/some/where/v2/app/blobs/uploads/")


def test_our_own_options_in_the_file_do_not_disturb_it(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    parameters = storage(swift, container, swift_checksums=False, swift_timeout=30)
    with (
        Distribution2(tmp_path, parameters) as it,
        Ours(tmp_path, it.config, environ=it.environ) as us,
        Client(it.url) as theirs,
        Client(us.url) as ours,
    ):
        digest = ours.push_blob("app", b"layer")
        assert theirs.blob("app", digest) == b"layer"


def test_read_only(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    environ = {"REGISTRY_STORAGE_MAINTENANCE_READONLY": "{enabled: true}"}
    with (
        Distribution2(tmp_path, storage(swift, container), environ=environ) as it,
        Ours(tmp_path, it.config, environ=it.environ) as us,
        Client(it.url) as theirs,
        Client(us.url) as ours,
    ):
        for client in (theirs, ours):
            assert client.ask("GET", "/v2/").status_code == 200
            assert client.ask("POST", "/v2/app/blobs/uploads/").status_code == 405, client.url == ours.url


def test_deletes_are_off_unless_the_file_says_so(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    environ = {"REGISTRY_STORAGE_DELETE_ENABLED": "false"}
    with (
        Distribution2(tmp_path, storage(swift, container), environ=environ) as it,
        Ours(tmp_path, it.config, environ=it.environ) as us,
        Client(it.url) as theirs,
        Client(us.url) as ours,
    ):
        digest = theirs.push_blob("app", b"layer")
        for client in (theirs, ours):
            assert client.ask("DELETE", f"/v2/app/blobs/{digest}").status_code == 405
            assert client.blob("app", digest) == b"layer"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRY_AUTH", "{htpasswd: {realm: basic, path: /etc/registry/htpasswd}}"),
        ("REGISTRY_AUTH_TOKEN_REALM", "https://auth.example.com/token"),
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/etc/registry/tls.crt"),
        ("REGISTRY_PROXY_REMOTEURL", "https://registry-1.docker.io"),
    ],
)
def test_what_would_be_unsafe_to_ignore_is_an_error(
    swift: EmbeddedSwift, container: str, tmp_path: Path, name: str, value: str
) -> None:
    it = Distribution2(tmp_path, storage(swift, container), environ={name: value})
    with pytest.raises(AssertionError, match="did not start") as failure, Ours(tmp_path, it.config, environ=it.environ):
        pass
    assert "Traceback" not in str(failure.value)
    assert name.split("_")[1].lower() in str(failure.value)


@pytest.mark.parametrize("file", [{"filesystem": {"rootdirectory": "/nowhere"}, "delete": {"enabled": True}}, None])
def test_the_environment_chooses_the_storage(
    swift: EmbeddedSwift, container: str, tmp_path: Path, file: dict[str, object] | None
) -> None:
    parameters = storage(swift, container)
    environ = {f"REGISTRY_STORAGE_SWIFT_{name.upper()}": value for name, value in parameters.items()}
    it = Distribution2(tmp_path, storage(swift, "not-this-one", prefix="not-this"))
    it.environ |= {**environ, "REGISTRY_STORAGE": "swift"}
    if file:
        it.config.write_text(json.dumps({**json.loads(it.config.read_text()), "storage": file}))
    with it, Ours(tmp_path, it.config, environ=it.environ) as us, Client(it.url) as theirs, Client(us.url) as ours:
        digest = theirs.push_blob("app", b"layer")
        assert ours.blob("app", digest) == b"layer"
        # The section of the file is replaced whole, `delete` included.
        for client in (theirs, ours):
            assert client.ask("DELETE", f"/v2/app/blobs/{digest}").status_code == 405
    assert any(name.startswith("files/") for name in Raw(swift, container).names())
