"""The swift driver and a Swift behind TLS: whom it trusts, and how it shows who it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_registry.core.exceptions import BrokenError, UnreachableError
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from tests.live.identity.tls import Certificate, TlsFront
from tests.live.settings import driver_config

Connect = Callable[..., Storage]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"), "client")


@pytest.fixture
def connect(swift: EmbeddedSwift, server: Certificate, container: str) -> Iterator[Connect]:
    """Make drivers that log in at Swift itself, and reach it through TLS."""
    with TlsFront(swift.url, server) as front:
        yield lambda **options: _driver(swift, front, container, **options)


def _driver(swift: EmbeddedSwift, front: TlsFront, container: str, **options: Any) -> Storage:
    url = swift.storage_url.replace(swift.url, options.pop("url", front.url))
    common = {"swift_container": container, "swift_object_storage_url": url, "swift_retries": 0}
    return Storage("/registry", driver_config(swift, **{**common, **options}))


def works(storage: Storage) -> bool:
    storage.put_content("f", b"content")
    with storage.open("f") as reader:
        return b"".join(reader) == b"content"


def test_a_ca_that_is_named(connect: Connect, server: Certificate) -> None:
    assert works(connect(swift_cacert=str(server.cert)))


def test_a_ca_that_the_environment_names(
    connect: Connect, server: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.cert))
    assert works(connect())


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_no_check_where_none_is_wanted(connect: Connect) -> None:
    assert works(connect(swift_insecure=True))


def test_an_unknown_ca_is_not_trusted(connect: Connect, client: Certificate) -> None:
    for options in ({}, {"swift_cacert": str(client.cert)}):
        with pytest.raises(BrokenError, match=r"cannot be trusted \(see swift_cacert\).*CERTIFICATE_VERIFY_FAILED"):
            connect(**options).get_content("f")


def test_a_certificate_for_another_name_is_not_trusted(
    swift: EmbeddedSwift, server: Certificate, container: str
) -> None:
    with TlsFront(swift.url, server) as front:
        url = front.url.replace("localhost", "127.0.0.1")
        with pytest.raises(BrokenError, match="cannot be trusted"):
            _driver(swift, front, container, url=url, swift_cacert=str(server.cert)).get_content("f")


def test_a_client_certificate(
    swift: EmbeddedSwift, server: Certificate, client: Certificate, container: str, tmp_path: Path
) -> None:
    in_one = tmp_path / "both.pem"
    in_one.write_bytes(client.key.read_bytes() + client.cert.read_bytes())
    with TlsFront(swift.url, server, clients=client) as front:
        trusting = {"swift_cacert": str(server.cert)}
        with pytest.raises((BrokenError, UnreachableError)):
            _driver(swift, front, container, **trusting).get_content("f")
        pair = {"swift_cert": str(client.cert), "swift_cert_key": str(client.key)}
        assert works(_driver(swift, front, container, **trusting, **pair))
        assert works(_driver(swift, front, container, **trusting, swift_cert=str(in_one)))


def test_connections_share_a_context_until_the_files_change(
    swift: EmbeddedSwift, server: Certificate, client: Certificate, container: str, tmp_path: Path
) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(server.cert.read_bytes())
    with TlsFront(swift.url, server) as front:
        storage = _driver(swift, front, container, swift_cacert=str(trusted))
        assert works(storage)
        pool = storage._client._pool
        contexts = {id(pool._make(front.url)._urllib3.conn_kw["ssl_context"]) for _ in range(3)}
        assert len(contexts) == 1
        assert works(storage)
        replacement = tmp_path / "new.pem"
        replacement.write_bytes(client.cert.read_bytes())
        replacement.rename(trusted)
        with pytest.raises(BrokenError, match="cannot be trusted"):
            _driver(swift, front, container, swift_cacert=str(trusted)).get_content("f")


def test_a_file_that_holds_no_certificate_is_no_traceback(
    swift: EmbeddedSwift, server: Certificate, container: str, tmp_path: Path
) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    with TlsFront(swift.url, server) as front, pytest.raises((BrokenError, UnreachableError)):
        _driver(swift, front, container, swift_cacert=str(broken)).get_content("f")
