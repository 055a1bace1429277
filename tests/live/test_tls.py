"""The server's own TLS, asked by clients that nobody here wrote."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from docker_registry.embedded import EmbeddedSwift
from tests.distribution.auth.issuer import certificate, new_key
from tests.live.clients import run
from tests.live.images import Layout, file_layer
from tests.live.ours import Ours
from tests.peers import need

PATIENCE = 20.0  # s


class Authority:
    """Signs certificates for 127.0.0.1, and for clients."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.key = new_key()
        self.certificate = certificate(self.key, "authority")
        self.file = folder / "ca.crt"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, host: str | None = None, **fields: Any) -> tuple[Path, Path]:
        """The files of a new certificate and its key; `fields` as in `certificate`."""
        key = new_key()
        issued = certificate(key, name, (self.key, self.certificate), host=host, **fields)
        crt, pem = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        crt.write_bytes(issued.public_bytes(Encoding.PEM))
        pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return crt, pem


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Secure(Ours):
    """This registry with TLS; `port` is where it listens."""

    def __init__(self, folder: Path, swift: EmbeddedSwift, auth: dict[str, Any] | None = None, **tls: Any):
        config = folder / "config.yml"
        options = swift.options(swift_container=f"tls-{folder.name}")
        registry = {"tls": tls, **({"auth": auth} if auth else {})}
        config.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": registry}}))
        super().__init__(folder, config)
        self._serving = re.compile(r"on https://(127\.0\.0\.1:\d+)/v2/")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, context: ssl.SSLContext, path: str = "/v2/") -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


def trusting(authority: Authority, client: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if client:
        context.load_cert_chain(*client)
    return context


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_skopeo_pushes_and_pulls(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    need("skopeo")
    crt, key = authority.issue("server", "127.0.0.1")
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer("tls", 3_000_000)])
    with Secure(tmp_path, swift, certificate=str(crt), key=str(key)) as ours:
        certificates = tmp_path / "certs"
        certificates.mkdir()
        (certificates / "ca.crt").write_bytes(authority.file.read_bytes())
        image = f"docker://127.0.0.1:{ours.port}/app:1.0"
        run("skopeo", "copy", "--quiet", "--dest-cert-dir", str(certificates), layout.reference("1.0"), image)
        run("skopeo", "copy", "--quiet", "--src-cert-dir", str(certificates), image, f"oci:{tmp_path}/pulled:1.0")
        assert Layout(tmp_path / "pulled").digests() == layout.digests()


def test_a_client_that_speaks_http_is_told(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    with Secure(tmp_path, swift, certificate=str(crt), key=str(key)) as ours:
        connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=PATIENCE)
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (400, b"this port speaks TLS: ask it by https://\n")
        connection.close()
        # Neither one who sends nothing, nor rubbish behind the first byte, keeps anybody else from coming in.
        with (
            socket.create_connection(("127.0.0.1", ours.port)),
            socket.create_connection(("127.0.0.1", ours.port)) as bad,
        ):
            bad.sendall(b"\x16rubbish that is no hello")
            assert ours.get(trusting(authority)) == 200
        assert "Traceback" not in ours.log


def test_a_new_certificate_counts_without_a_restart(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    with Secure(tmp_path, swift, certificate=str(crt), key=str(key)) as ours:

        def serial() -> int:
            pem = ssl.get_server_certificate(("127.0.0.1", ours.port))
            return x509.load_pem_x509_certificate(pem.encode()).serial_number

        before = serial()
        broken, whole = crt.read_bytes()[:100], crt.read_bytes()
        crt.write_bytes(broken)
        until(lambda: "what was read before stays in force" in ours.log or not serial())
        assert serial() == before
        crt.write_bytes(whole)
        authority.issue("server", "127.0.0.1")
        until(lambda: serial() != before)
        assert ours.get(trusting(authority)) == 200


def test_several_certificates_by_the_host_that_is_asked_for(
    tmp_path: Path, swift: EmbeddedSwift, authority: Authority
) -> None:
    pairs = {name: authority.issue(name.replace("*", "any"), name) for name in ("one.test", "two.test", "*.three.test")}
    files = [dict(zip(("certificate", "key"), map(str, pair), strict=True)) for pair in pairs.values()]
    with Secure(tmp_path, swift, **files[0], more=files[1:]) as ours:

        def shown(host: str | None) -> str:
            context = trusting(authority)
            context.check_hostname = False
            client = socket.create_connection(("127.0.0.1", ours.port), PATIENCE)
            with context.wrap_socket(client, server_hostname=host) as secure:
                names = dict(secure.getpeercert() or {})["subjectAltName"]
            return str(names[0][1])

        expected = {
            "one.test": "one.test",
            "TWO.test": "two.test",
            "a.three.test": "*.three.test",
            "a.b.three.test": "one.test",
            "unknown.test": "one.test",
            None: "one.test",
        }
        assert {host: shown(host) for host in expected} == expected


def test_clients_show_certificates(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    stranger = Authority(tmp_path / "stranger") if (tmp_path / "stranger").mkdir() is None else None
    assert stranger
    with Secure(tmp_path, swift, certificate=str(crt), key=str(key), clientcas=[str(authority.file)]) as ours:
        assert ours.get(trusting(authority, authority.issue("client"))) == 200
        for client in (None, stranger.issue("client")):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                ours.get(trusting(authority, client))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_that_has_ended_counts_no_more_however_the_client_comes(
    tmp_path: Path, swift: EmbeddedSwift, authority: Authority, version: ssl.TLSVersion
) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    tls = {"certificate": str(crt), "key": str(key), "clientcas": [str(authority.file)]}
    with Secure(tmp_path, swift, auth={"certificates": True}, **tls) as ours, contextlib.ExitStack() as stack:
        ends = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=4)
        context = trusting(authority, authority.issue("build", ends=ends))
        context.minimum_version = context.maximum_version = version

        def connect(session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", ours.port), PATIENCE))
            return stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1", session=session))

        def ask(connection: ssl.SSLSocket) -> str:
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n")
            return connection.recv(1 << 16)[9:12].decode()

        kept = connect()
        assert ask(kept) == "200"
        resumed = connect(kept.session)
        assert (ask(resumed), resumed.session_reused) == ("200", True)
        until(lambda: datetime.now(timezone.utc) > ends)
        assert ask(kept) == "401"
        with pytest.raises((OSError, AssertionError)):
            assert ask(connect(kept.session))
        assert "the client certificate of build has ended" in ours.log


def test_skopeo_is_known_by_its_certificate(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    need("skopeo")
    crt, key = authority.issue("server", "127.0.0.1")
    tls = {"certificate": str(crt), "key": str(key), "clientcas": [str(authority.file)]}
    rules = [{"who": "certificate:build", "repositories": "ci/**", "may": ["pull", "push"]}]
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer("tls", 1000)])
    with Secure(tmp_path, swift, auth={"certificates": True, "policy": rules}, **tls) as ours:
        folder = tmp_path / "certs"
        folder.mkdir()
        (folder / "ca.crt").write_bytes(authority.file.read_bytes())
        for source, name in zip(authority.issue("build"), ("client.cert", "client.key"), strict=True):
            (folder / name).write_bytes(source.read_bytes())
        copy = ("skopeo", "copy", "--quiet", "--dest-cert-dir", str(folder), layout.reference("1.0"))
        run(*copy, f"docker://127.0.0.1:{ours.port}/ci/app:1.0")
        refused = subprocess.run(
            [*copy, f"docker://127.0.0.1:{ours.port}/other:1.0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "403 (Forbidden)" in refused.stderr
        assert "certificate build from 127.0.0.1: pushed" in ours.log


def test_old_versions_are_refused(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    with Secure(tmp_path, swift, certificate=str(crt), key=str(key), minimumtls="tls1.3") as ours:
        old = trusting(authority)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            ours.get(old)
        assert ours.get(trusting(authority)) == 200


def test_locations_and_links_are_https(tmp_path: Path, swift: EmbeddedSwift, authority: Authority) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    with Secure(tmp_path, swift, certificate=str(crt), key=str(key)) as ours:
        connection = http.client.HTTPSConnection("127.0.0.1", ours.port, timeout=PATIENCE, context=trusting(authority))
        connection.request("POST", "/v2/app/blobs/uploads/")
        location = connection.getresponse().getheader("Location") or ""
        assert location.startswith(("/v2/", f"https://127.0.0.1:{ours.port}/v2/"))
        connection.close()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"certificate": "/nowhere.crt"}, "tls: cannot read /nowhere.crt or "),
        ({"certificate": "KEY"}, "cannot be used: no PEM, or damaged"),
        ({"clientcas": "KEY"}, "has no PEM certificates"),
    ],
)
def test_files_that_cannot_be_used_are_said_before_anything_serves(
    tmp_path: Path, swift: EmbeddedSwift, authority: Authority, changes: dict[str, str], complaint: str
) -> None:
    crt, key = authority.issue("server", "127.0.0.1")
    tls = {"certificate": str(crt), "key": str(key)}
    tls.update({name: value.replace("KEY", str(key)) for name, value in changes.items()})
    Secure(tmp_path, swift, **tls)
    command = [sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(tmp_path / "config.yml")]
    done = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
