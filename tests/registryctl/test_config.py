"""registryctl's config file, as Harbor writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_registry.core.exceptions import ConfigError
from docker_registry.registryctl.config import read
from docker_registry.settings import Settings, Tls

REGISTRY = """\
version: 0.1
storage:
  swift: {authurl: "http://127.0.0.1:1/auth/v1.0", username: "a:b", password: c, container: images, prefix: harbor}
auth:
  htpasswd: {realm: harbor-registry-basic-realm, path: /not/here/passwd}
"""
PLAIN = {"JOBSERVICE_SECRET": "job"}


def settings(folder: Path, ours: str, **environ: str) -> Settings:
    found, warnings = read(str(files(folder, ours)), {**PLAIN, **environ})
    assert warnings == []
    return found


def files(folder: Path, ours: str) -> Path:
    (folder / "registry.yml").write_text(REGISTRY)
    path = folder / "ctl.yml"
    path.write_text(f"{ours}\nregistry_config: {folder / 'registry.yml'}\n")
    return path


def refusal(folder: Path, ours: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(str(files(folder, ours)), {**PLAIN, **environ})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_it_serves_over_the_registrys_storage_without_its_logins(tmp_path: Path) -> None:
    found = settings(tmp_path, 'protocol: "http"\nport: 8080\nlog_level: "INFO"')
    assert (found.storage, found.storage_path, found.driver["swift_container"]) == ("swift", "harbor/", "images")
    assert (found.host, found.port, found.tls, found.log_level) == ("0.0.0.0", 8080, None, "info")
    assert not found.auth.is_on


def test_the_port_follows_the_protocol_where_none_is_named(tmp_path: Path) -> None:
    assert settings(tmp_path, "").port == 8080
    tls = "protocol: https\nhttps_config: {cert: /a.crt, key: /a.key}"
    assert settings(tmp_path, tls).port == 8443
    assert settings(tmp_path, tls).tls == Tls("/a.crt", "/a.key")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "protocol: http\nport: 1\nlog_level: error",
        REGISTRYCTL_PROTOCOL="HTTPS",
        PORT="9",
        LOG_LEVEL="fatal",
        REGISTRYCTL_HTTPS_CERT="/b.crt",
        REGISTRYCTL_HTTPS_KEY="/b.key",
        INTERNAL_VERIFY_CLIENT_CERT="true",
        INTERNAL_TLS_TRUST_CA_PATH="/ca.crt",
    )
    assert (found.port, found.log_level) == (9, "critical")
    assert found.tls == Tls("/b.crt", "/b.key", client_cas=("/ca.crt",))


@pytest.mark.parametrize(
    ("ours", "environ", "says"),
    [
        ("protocol: ftp", {}, "protocol: must be one of http, https"),
        ("port: many", {}, "port: must be a whole number"),
        ("log_level: loud", {}, "log_level: must be one of"),
        ("protocol: https", {}, "cert: is missing; key: is missing"),
        ("", {"JOBSERVICE_SECRET": ""}, "JOBSERVICE_SECRET is not set"),
        (
            "protocol: https\nhttps_config: {cert: a, key: b}",
            {"INTERNAL_VERIFY_CLIENT_CERT": "true"},
            "INTERNAL_TLS_TRUST_CA_PATH must name",
        ),
        ("- a list", {}, "is not"),
        ("", {"REGISTRY_CONFIG": "/not/here.yml"}, "cannot read the config file /not/here.yml"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, ours: str, environ: dict[str, str], says: str) -> None:
    assert says in refusal(tmp_path, ours, **environ)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the config file .*name one with -c"):
        read(str(tmp_path / "ctl.yml"), PLAIN)


def test_an_unknown_option_of_a_later_harbor_is_a_warning(tmp_path: Path) -> None:
    _, warnings = read(str(files(tmp_path, "shiny: 1")), PLAIN)
    assert [line.partition(": ")[2] for line in warnings] == ["shiny is unknown and ignored"]
