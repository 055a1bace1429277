"""A login in nginx, which tells the registry who it is, set up as docs/single-sign-on.md says."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import run
from tests.live.images import Layout, file_layer
from tests.live.nginx import PAGE, Nginx, documented
from tests.live.ours import Ours
from tests.peers import need

SIGN_ON = PAGE.parent / "single-sign-on.md"
PEOPLE = {"alice:alice": "devs,ops", "bob:bob": ""}


class _Authelia(http.server.BaseHTTPRequestHandler):
    """Answers as Authelia's endpoint for nginx does."""

    def do_GET(self) -> None:
        credential = self.headers.get("Authorization", "").removeprefix("Basic ")
        person = base64.b64decode(credential).decode()
        if self.path != "/api/authz/auth-request" or person not in PEOPLE:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="Authorization Required"')
        else:
            self.send_response(200)
            self.send_header("Remote-User", person.partition(":")[0])
            self.send_header("Remote-Groups", PEOPLE[person])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def authelia() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Authelia) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def config(folder: Path, swift: EmbeddedSwift, container: str) -> Path:
    """The page's section `registry`, over the test's Swift."""
    blocks = map(yaml.safe_load, re.findall(r"(?ms)^```yaml\n(.*?)^```", SIGN_ON.read_text()))
    section = next(block["registry"] for block in blocks if "registry" in block)
    options = swift.options(swift_container=container)
    path = folder / "config.yml"
    path.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": section}}))
    return path


def test_skopeo_by_a_name_that_nginx_let_in(
    tmp_path: Path, swift: EmbeddedSwift, container: str, authelia: str
) -> None:
    need("skopeo", "nginx")
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer("sso", 1000)])
    with Ours(tmp_path, config(tmp_path, swift, container)) as ours:
        shown = documented("nginx", SIGN_ON)
        locations = shown.replace("http://127.0.0.1:5000", ours.url).replace("http://127.0.0.1:9091", authelia)
        with Nginx(tmp_path, ours.url, locations) as front:
            certificates = tmp_path / "certificates"
            certificates.mkdir()
            (certificates / "ca.crt").write_bytes(front.certificate.read_bytes())
            options = ("--quiet", "--dest-cert-dir", str(certificates), "--dest-creds", "alice:alice")
            run("skopeo", "copy", *options, layout.reference("1.0"), f"docker://{front.host}/team/app:1.0")

            def status(method: str, path: str, password: str | None, **headers: str) -> int:
                credential = tuple(password.split(":")) if password else None
                url = f"{front.url}/v2/{path}"
                answer = requests.request(
                    method, url, auth=credential, headers=headers, verify=str(front.certificate), timeout=60
                )
                return answer.status_code

            assert status("GET", "team/app/manifests/1.0", "bob:bob") == 200
            assert status("POST", "team/app/blobs/uploads/", "bob:bob") == 403
            # What a client says itself never counts.
            forged = {"X-Remote-User": "alice", "X-Remote-Groups": "devs"}
            assert status("POST", "team/app/blobs/uploads/", "bob:bob", **forged) == 403
            assert status("GET", "", None, **forged) == 401
            assert status("GET", "", "alice:wrong") == 401
        assert "user alice from 127.0.0.1: pushed" in ours.log
