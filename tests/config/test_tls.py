"""The server's TLS in Distribution's config file."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Tls
from tests.config.test_distribution import merged
from tests.config.test_distribution import read as read_file


def read(**tls: Any) -> Tls | None:
    return read_file(merged(*((f"http.tls.{name}", value) for name, value in tls.items()))).settings.tls


def test_distributions_keys() -> None:
    assert read() is None
    assert read(certificate="/crt", key="/key") == Tls("/crt", "/key")
    assert read(
        certificate="/crt",
        key="/key",
        clientcas=["/a", "/b"],
        clientauth="verify-client-cert-if-given",
        minimumtls="tls1.3",
        ciphersuites=["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"],
    ) == Tls("/crt", "/key", ("/a", "/b"), False, "tls1.3", ("ECDHE-RSA-AES128-GCM-SHA256",))


def test_more_certificates() -> None:
    found = read(certificate="/crt", key="/key", more=[{"certificate": "/a", "key": "/b"}])
    assert found == Tls("/crt", "/key", more=(("/a", "/b"),))


@pytest.mark.parametrize(
    ("tls", "complaint"),
    [
        ({"certificate": "/crt"}, "http.tls: key: is missing"),
        ({"certificate": "/c", "key": "/k", "minimumtls": "ssl3"}, "minimumtls: must be one of tls1.0"),
        ({"certificate": "/c", "key": "/k", "clientauth": "request-client-cert"}, "nobody verifies"),
        ({"certificate": "/c", "key": "/k", "ciphersuites": ["TLS_NULL"]}, "'TLS_NULL' is not a suite"),
        ({"certificate": "/c", "key": "/k", "more": [{"certificate": "/d"}]}, "more: must be a list of mappings"),
        ({"letsencrypt": {"email": "me@example.org"}}, "certificates are not fetched"),
    ],
)
def test_mistakes(tls: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        read(**tls)
