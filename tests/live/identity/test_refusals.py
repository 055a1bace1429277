"""What is said when Keystone, or what is taken for it, refuses: it names the option to change, and no secret."""

from __future__ import annotations

import datetime
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from docker_registry.core.exceptions import BrokenError, MissingError, UnreachableError, UnspecifiedError
from docker_registry.drivers.swift.login.token import Auth
from docker_registry.drivers.swift.settings.config import read
from docker_registry.embedded import EmbeddedSwift
from tests.live.identity.cloud import Cloud
from tests.live.identity.furnishing import OTHER_REGION, PASSWORD, SALES_PASSWORD, SECURE_REGION
from tests.live.identity.tls import Certificate, TlsFront

WRONG = "of-no-use"


def refused(options: dict[str, Any], kind: type[UnspecifiedError], *words: str) -> None:
    with pytest.raises(kind) as info:
        Auth(read(options)).access()
    assert type(info.value) is kind
    message = str(info.value)
    for word in words:
        assert word in message
    for name, value in options.items():
        if name in ("swift_password", "swift_token", "swift_application_credential_secret"):
            assert value not in message


Case = tuple[dict[str, Any], type[UnspecifiedError], tuple[str, ...]]

COMMON: dict[str, Case] = {
    "password": ({"swift_password": WRONG}, BrokenError, ("does not accept user demo", "swift_user", "swift_password")),
    "user": ({"swift_user": "nobody"}, BrokenError, ("does not accept user nobody", "swift_user", "swift_password")),
    "project without a role": (
        {"swift_tenant_name": "other"},
        BrokenError,
        ("knows user demo", "project other", "swift_tenant_name", "there are: web"),
    ),
    "project": (
        {"swift_tenant_name": "wbe"},
        BrokenError,
        ("knows user demo", "project wbe", "swift_tenant_name", "there are: web"),
    ),
    "project id": (
        {"swift_tenant_name": None, "swift_tenant_id": "123"},
        BrokenError,
        ("knows user demo", "swift_tenant_id", "there are: web"),
    ),
    "region": (
        {"swift_region_name": "Moon"},
        MissingError,
        ("no region Moon", "swift_region_name", f"there are: RegionOne, {OTHER_REGION}, {SECURE_REGION}"),
    ),
    "endpoint type": (
        {"swift_endpoint_type": "admin"},
        MissingError,
        ("no admin endpoint", "swift_endpoint_type", "there are: internal, public"),
    ),
    "endpoint type in a region": (
        {"swift_endpoint_type": "internal", "swift_region_name": OTHER_REGION},
        MissingError,
        ("no internal endpoint", "swift_endpoint_type", "there are: public"),
    ),
    "service type": (
        {"swift_service_type": "block"},
        MissingError,
        ("no service of type block", "swift_service_type", "identity, object-store"),
    ),
}

V3: dict[str, Case] = {
    **COMMON,
    "user's domain": (
        {"swift_user_domain_name": "sales", "swift_project_domain_name": "Default"},
        BrokenError,
        ("does not accept user demo", "swift_user_domain_name", "now domain sales"),
    ),
    "no such domain": (
        {"swift_domain_name": "slaes"},
        BrokenError,
        ("does not accept user demo", "swift_user_domain_name", "now domain slaes"),
    ),
    "project's domain": (
        {"swift_project_domain_name": "sales"},
        BrokenError,
        ("knows user demo", "swift_project_domain_name, now sales"),
    ),
    "domain left out": ({"swift_password": SALES_PASSWORD}, BrokenError, ("swift_user_domain_name", "default")),
}


@pytest.mark.parametrize("name", COMMON)
def test_wrong_at_version_2(name: str, v2: Cloud) -> None:
    options, kind, words = COMMON[name]
    refused(v2.options(**options), kind, *words)


@pytest.mark.parametrize("name", V3)
def test_wrong_at_version_3(name: str, v3: Cloud) -> None:
    options, kind, words = V3[name]
    refused(v3.options(**options), kind, *words)


def test_wrong_token(v2: Cloud, v3: Cloud) -> None:
    for cloud in (v2, v3):
        options = cloud.bare(swift_token="gAAAA-of-no-use", swift_tenant_name="web")
        refused(options, BrokenError, "swift_token", "expired or revoked", "write a new one")


def test_revoked_token(v3: Cloud) -> None:
    token = v3.token()
    v3.revoke(token)
    refused(v3.bare(swift_token=token, swift_tenant_name="web"), BrokenError, "swift_token", "expired or revoked")


def test_token_for_another_project(v3: Cloud) -> None:
    options = v3.bare(swift_token=v3.token(), swift_tenant_name="other")
    refused(options, BrokenError, "knows swift_token", "project other", "swift_tenant_name")


def _application(cloud: Cloud, made: Any, **options: Any) -> dict[str, Any]:
    secret = {"swift_application_credential_secret": made.secret}
    return cloud.bare(**{"swift_application_credential_id": made.id, **secret, **options})


def test_application_credential(v3: Cloud) -> None:
    made = v3.application_credential()
    words = ("application credential", "unknown, expired or revoked", "make a new one")
    options = _application(v3, made, swift_application_credential_secret=WRONG)
    refused(options, BrokenError, made.id, "swift_application_credential_secret", *words)
    options = _application(v3, made, swift_application_credential_id="123")
    refused(options, BrokenError, "123", "swift_application_credential_id", *words)
    v3.demo().application_credentials.delete(made.id, user=v3.ids["demo"])
    refused(_application(v3, made), BrokenError, made.id, *words)


def test_application_credential_by_name(v3: Cloud) -> None:
    made = v3.application_credential()
    named = {"swift_application_credential_id": None, "swift_application_credential_name": made.name}
    words = ("swift_application_credential_name", "swift_user")
    refused(_application(v3, made, **named, swift_user="nobody"), BrokenError, *words)


def test_expired_application_credential(v3: Cloud) -> None:
    """Keystone makes none that has expired: this one is aged in its database."""
    tomorrow = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(days=1)
    made = v3.application_credential(expires_at=tomorrow)
    Auth(read(_application(v3, made))).access()
    v3.keystone.execute("UPDATE application_credential SET expires_at = 1000000 WHERE id = ?", made.id)
    refused(_application(v3, made), BrokenError, made.id, "expired")


def test_trust(v3: Cloud) -> None:
    trustee = v3.newcomer()
    made = v3.trust(trustee)
    mine = v3.bare(swift_user=trustee.name, swift_password=PASSWORD)
    words = ("as trustee of no valid trust", "swift_trust_id")
    refused({**mine, "swift_trust_id": "123"}, BrokenError, *words)
    refused(v3.options(swift_tenant_name=None, swift_trust_id=made.id), BrokenError, *words)
    v3.demo().trusts.delete(made)
    refused({**mine, "swift_trust_id": made.id}, BrokenError, *words)


def test_a_user_without_a_role_anywhere(v3: Cloud) -> None:
    refused(v3.options(swift_user=v3.newcomer().name), BrokenError, "swift_tenant_name", "there are: none")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (lambda cloud: f"{cloud.keystone.url}/typo/v3", ("there is no Keystone v3", "swift_authurl")),
        (lambda cloud: f"{cloud.keystone.url}/v2.0", ("there is no Keystone v2", "swift_auth_version")),
        (lambda cloud: f"{cloud.swift.url}/v3", ("swift_authurl",)),
        (lambda cloud: cloud.swift.url, ("there is no Keystone at", "swift_authurl", "/auth/v1.0")),
        (lambda cloud: cloud.keystone.url.replace("http:", "https:") + "/v3", ("no TLS at", "swift_authurl")),
    ],
)
def test_what_is_not_keystone(url: Callable[[Cloud], str], words: tuple[str, ...], v3: Cloud) -> None:
    refused(v3.options(swift_authurl=url(v3)), BrokenError, *words)


def test_a_certificate_of_an_unknown_ca(v3: Cloud) -> None:
    options = v3.options(swift_authurl=v3.secure_keystone.url + "/v3")
    refused(options, BrokenError, "certificate", "cannot be trusted", "self", "swift_cacert")


def test_a_certificate_for_another_name(v3: Cloud) -> None:
    url = v3.secure_keystone.url.replace("localhost", "127.0.0.1") + "/v3"
    options = v3.options(swift_authurl=url, swift_cacert=str(v3.certificate.cert))
    refused(options, BrokenError, "certificate", "swift_authurl")


@pytest.fixture
def picky(v3: Cloud) -> Iterator[tuple[TlsFront, Certificate]]:
    """Keystone behind TLS that wants a client certificate, and that certificate."""
    certificate = Certificate(v3.folder, "client")
    with TlsFront(v3.keystone.url, v3.certificate, clients=certificate) as front:
        yield front, certificate


def test_a_client_certificate(v3: Cloud, picky: tuple[TlsFront, Certificate]) -> None:
    front, certificate = picky
    options = v3.options(swift_authurl=front.url + "/v3", swift_cacert=str(v3.certificate.cert), swift_retries=0)
    with pytest.raises((BrokenError, UnreachableError)):
        Auth(read(options)).access()
    options |= {"swift_cert": str(certificate.cert), "swift_cert_key": str(certificate.key)}
    assert Auth(read(options)).access().token


@pytest.mark.parametrize("path", ["/v3", "/v2.0", "", "/auth/v1.0"])
def test_nobody_there(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    options = {"swift_authurl": f"http://127.0.0.1:{port}{path}", "swift_user": "a:b", "swift_password": "of-no-use"}
    refused({**options, "swift_retries": 0}, UnreachableError, "swift_authurl", "Connection refused")


@pytest.mark.parametrize("path", ["/v3", "", "/auth/v1.0"])
def test_nobody_answers(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}{path}"
        options = {"swift_authurl": url, "swift_user": "a:b", "swift_password": "of-no-use", "swift_timeout": 0.2}
        refused({**options, "swift_retries": 1}, UnreachableError, "swift_authurl")


def test_wrong_at_version_1(swift: EmbeddedSwift) -> None:
    words = ("does not accept user", "swift_user (account:user)", "swift_password")
    refused(swift.options(swift_password=WRONG), BrokenError, *words)
    refused(swift.options(swift_user="test:nobody"), BrokenError, *words)
    refused(swift.options(swift_authurl=f"{swift.url}/v1"), BrokenError, "no auth v1", "swift_auth_version")


def test_no_log_holds_a_secret(swift: EmbeddedSwift, v2: Cloud, v3: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    made = v3.application_credential()
    logins = [
        (swift.options(), swift.password),
        (v2.options(), f'"{PASSWORD}"'),
        (v3.options(), f'"{PASSWORD}"'),
        (_application(v3, made), made.secret),
    ]
    caplog.set_level(logging.DEBUG)
    for options, secret in logins:
        caplog.clear()
        access = Auth(read(options)).access()
        assert secret not in caplog.text
        assert access.token.removeprefix("AUTH_tk")[:8] not in caplog.text
