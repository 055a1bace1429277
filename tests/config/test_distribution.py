"""Distribution's config file and its environment: each key is honoured, named in a warning, or refused."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.config import Loaded, distribution, keys, load
from docker_registry.config.values import Problems
from docker_registry.core.exceptions import ConfigError

FILE: dict[str, Any] = {
    "version": "0.1",
    "storage": {
        "swift": {
            "username": "me",
            "password": "hush",
            "authurl": "http://keystone:5000/v3",
            "container": "images",
        }
    },
}


def merged(*paths_and_values: tuple[str, Any]) -> dict[str, Any]:
    """FILE with further values, each by its dotted path."""
    document: dict[str, Any] = yaml.safe_load(yaml.safe_dump(FILE))
    for path, value in paths_and_values:
        *parents, last = path.split(".")
        section = document
        for name in parents:
            section = section.setdefault(name, {})
        section[last] = value
    return document


def read(document: dict[str, Any], **environ: str) -> Loaded:
    problems = Problems()
    loaded = distribution.read(document, "config.yml", environ, problems)
    problems.refuse()
    return loaded


def test_the_smallest_file() -> None:
    settings = read(FILE).settings
    assert (settings.storage, settings.storage_path) == ("swift", "/")
    assert dict(settings.driver) == {
        "swift_user": "me",
        "swift_password": "hush",
        "swift_authurl": "http://keystone:5000/v3",
        "swift_container": "images",
    }
    # Distribution's defaults, where they are not ours.
    assert (settings.delete_enabled, settings.redirect, settings.host, settings.port) == (False, True, "0.0.0.0", 5000)


def test_it_is_told_from_docker_registry_s(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(FILE))
    assert load(str(file), None, {}).settings.driver.swift_container == "images"
    with pytest.raises(ConfigError, match="--flavor is for docker-registry's format"):
        load(str(file), "prod", {})


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("storage.delete.enabled", True, "delete_enabled", True),
        ("storage.redirect.disable", True, "redirect", False),
        ("storage.maintenance.readonly.enabled", True, "read_only", True),
        ("storage.swift.prefix", "docker/images", "storage_path", "docker/images/"),  # 2.8 adds the slash
        ("http.addr", "127.0.0.1:5001", "port", 5001),
        ("http.addr", "[::1]:5001", "host", "::1"),
        ("http.addr", ":80", "host", "0.0.0.0"),
        ("http.host", "https://registry.example.com", "public_url", "https://registry.example.com"),
        ("http.prefix", "/images/", "prefix", "/images"),
        ("http.relativeurls", True, "relative_urls", True),
        ("http.secret", "signing", "secret", b"signing"),
        ("http.draintimeout", "1m30s", "graceful_timeout", 90),
        ("http.headers", {"X-A": ["b", "c"]}, "headers", (("X-A", "b"), ("X-A", "c"))),
        ("http.headers", {"X-A": [True], "X-B": 5}, "headers", (("X-A", "true"), ("X-B", "5"))),
        ("log.level", "warn", "log_level", "warning"),
        ("log.formatter", "json", "log_json", True),
        ("log.fields", {"n": 5, "service": "registry"}, "log_fields", (("n", "5"), ("service", "registry"))),
        ("log.accesslog.disabled", True, "access_log", False),
        ("catalog.maxentries", 77, "page_size_max", 77),
    ],
)
def test_honoured(path: str, value: Any, field: str, expected: Any) -> None:
    for loaded in (
        read(merged((path, value))),
        read(FILE, **{"REGISTRY_" + path.upper().replace(".", "_"): yaml.safe_dump(value)}),
    ):
        assert getattr(loaded.settings, field) == expected
        assert loaded.warnings == []


SWIFT = {
    "applicationcredentialid": "swift_application_credential_id",
    "applicationcredentialname": "swift_application_credential_name",
    "applicationcredentialsecret": "swift_application_credential_secret",
    "authurl": "swift_authurl",
    "container": "swift_container",
    "domain": "swift_domain_name",
    "domainid": "swift_domain_id",
    "endpointtype": "swift_endpoint_type",
    "password": "swift_password",
    "region": "swift_region_name",
    "secretkey": "swift_temp_url_key",
    "tenant": "swift_tenant_name",
    "tenantdomain": "swift_project_domain_name",
    "tenantdomainid": "swift_project_domain_id",
    "tenantid": "swift_tenant_id",
    "tokenid": "swift_token",
    "trustid": "swift_trust_id",
    "username": "swift_user",
}


@pytest.mark.parametrize(("parameter", "option"), SWIFT.items())
def test_the_storage_s_parameters(parameter: str, option: str) -> None:
    from docker_registry.drivers.swift.settings import options

    assert option in options.BY_NAME
    assert read(merged((f"storage.swift.{parameter}", "given"))).settings.driver[option] == "given"
    assert read(FILE, **{f"REGISTRY_STORAGE_SWIFT_{parameter.upper()}": "0123"}).settings.driver[option] == "0123"


def test_numbers_and_flags_among_them() -> None:
    driver = read(
        merged(
            ("storage.swift.chunksize", 5242880),
            ("storage.swift.insecureskipverify", True),
            ("storage.swift.authversion", 3),
            ("storage.swift.password", 12345),
        )
    ).settings.driver
    assert driver.swift_segment_size == 5 << 20
    assert driver.swift_insecure is True
    assert driver.swift_auth_version == "3"
    assert driver.swift_password == "12345"


def test_the_driver_s_own_options_beside_them() -> None:
    file = merged(("storage.swift.swift_memory", "64m"), ("storage.swift.swift_checksums", False))
    driver = read(file).settings.driver
    assert (driver.swift_memory, driver.swift_checksums) == ("64m", False)
    with pytest.raises(ConfigError, match=r"unknown option storage\.swift\.swift_user"):
        read(merged(("storage.swift.swift_user", "username is the word for it")))


@pytest.mark.parametrize("entry", keys.IGNORED, ids=".".join)
def test_ignored_with_a_warning(entry: tuple[str, ...]) -> None:
    name = ".".join(entry)
    for value in ({"deeper": {"still": 1}}, ["x"], "x"):
        loaded = read(merged((name, value)))
        assert [warning for warning in loaded.warnings if f" {name} is ignored: " in warning] == loaded.warnings
        assert len(loaded.warnings) == 1
    assert len(read(FILE, **{"REGISTRY_" + name.upper().replace(".", "_") + "_X_Y": "z"}).warnings) == 1


@pytest.mark.parametrize(
    "name",
    [
        "auth.silly.realm",
        "http.tls.letsencrypt.email",
        "proxy.remoteurl",
        "proxy.ttl",
    ],
)
def test_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read(merged((name, "x")))
    with pytest.raises(ConfigError, match=name):
        read(FILE, **{"REGISTRY_" + name.upper().replace(".", "_"): "x"})


def test_an_empty_section_asks_for_nothing() -> None:
    assert read(merged(("auth", {}), ("http", {"tls": None}), ("proxy", None))).warnings == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("http.adr", ":5000")], r"unknown option http.adr; did you mean http.addr\?"),
        ([("storage.swift.auturl", "x")], r"storage.swift.auturl; did you mean storage.swift.authurl\?"),
        ([("storage.s3", {"bucket": "x"})], "two storages, s3 and swift"),
        ([("storage.inmemory", {})], "two storages, inmemory and swift"),
        ([("storage", {})], "has no storage.swift"),
        ([("storage", "filesystem")], "storage.filesystem: this registry keeps its images in Swift"),
        ([("storage", {"s3": {"bucket": "x"}})], "storage.s3: this registry keeps its images in Swift"),
        ([("storage.swift.container", None)], "storage.swift.container: is missing"),
        ([("storage.delete.enabled", "sometimes")], "storage.delete.enabled: must be true or false"),
        ([("http.addr", "nowhere")], "http.addr: must be an address and a port"),
        ([("http.net", "udp")], "http.net: must be one of tcp"),
        ([("storage.swift.chunksize", "big")], "chunksize: must be a number of bytes"),
        ([("version", "0.2")], "version: only 0.1"),
    ],
)
def test_mistakes_are_errors_of_one_line(changes: list[tuple[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(merged(*changes))
    assert "\n" not in str(caught.value)


def test_the_memory_storage() -> None:
    assert read({"version": 0.1, "storage": "inmemory"}).settings.storage == "memory"


def test_an_unknown_variable_is_a_warning() -> None:
    loaded = read(FILE, REGISTRY_STORAGE_SWIFT_AUTHUL="x")
    assert loaded.warnings == [
        "the environment: REGISTRY_STORAGE_SWIFT_AUTHUL is unknown and ignored;"
        " did you mean REGISTRY_STORAGE_SWIFT_AUTHURL?"
    ]


def test_a_variable_may_stand_for_a_section() -> None:
    file = merged(("storage.maintenance.readonly.enabled", False), ("http.addr", ":80"))
    loaded = read(file, REGISTRY_STORAGE_MAINTENANCE_READONLY='{"enabled": true}')
    assert (loaded.settings.read_only, loaded.settings.port, loaded.warnings) == (True, 80, [])
    loaded = read(file, REGISTRY_HTTP="{addr: ':81', relativeurls: true}")
    assert (loaded.settings.port, loaded.settings.relative_urls, loaded.settings.read_only) == (81, True, False)


@pytest.mark.parametrize("value", ["true", "{enabled: yes, more: 1}", "{enabled: maybe}", "{", "[]"])
def test_a_section_must_be_one(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(FILE, REGISTRY_STORAGE_MAINTENANCE_READONLY=value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": ["5"]},
        {"transfer-encoding": "chunked"},
        {"A b": "c"},
        {"A": "b\r\nC: d"},
        {"A": "b\x85"},
        {"A": [["b"]]},
        {"A": {"b": "c"}},
        {"A": "\u20ac"},
    ],
)
def test_what_cannot_be_a_header_is_an_error(headers: Any) -> None:
    with pytest.raises(ConfigError, match=r"http\.headers"):
        read(merged(("http.headers", headers)))


def test_a_variable_may_stand_for_one_header() -> None:
    file = merged(("http.headers", {"X-A": ["b"], "access-control-allow-origin": ["*"]}))
    environ = {
        "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin": "[http://ui.example]",
        "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Methods": "[HEAD, GET]",
        "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Credentials": "[true]",
    }
    loaded = read(file, **environ)
    assert loaded.warnings == []
    assert sorted(loaded.settings.headers) == [
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "GET"),
        ("Access-Control-Allow-Methods", "HEAD"),
        ("Access-Control-Allow-Origin", "http://ui.example"),
        ("X-A", "b"),
    ]
    assert read(FILE, **environ).settings.headers


@pytest.mark.parametrize("host", ["registry.example.com", "registry.example.com:5000", "//registry.example.com"])
def test_a_host_without_a_scheme_means_nothing(host: str) -> None:
    loaded = read(merged(("http.host", host), ("http.prefix", "/a/")))
    assert loaded.settings.public_url == ""
    (warning,) = loaded.warnings
    assert "http.host" in warning
    assert f"https://{host.lstrip('/')}" in warning


def test_the_host_may_have_the_prefix() -> None:
    for host in ("https://example.com", "https://example.com/a/b/"):
        settings = read(merged(("http.host", host), ("http.prefix", "/a/b/"))).settings
        assert settings.public_url == "https://example.com"


@pytest.mark.parametrize(
    "name",
    [
        "REGISTRY_AUTH_FILE",
        "REGISTRY_PORT",
        "REGISTRY_PORT_5000_TCP",
        "REGISTRY_PORT_5000_TCP_ADDR",
        "REGISTRY_SERVICE_HOST",
        "REGISTRY_SERVICE_PORT",
        "REGISTRY_SERVICE_PORT_HTTP",
    ],
)
def test_variables_of_others_are_none_of_ours(name: str) -> None:
    assert read(FILE, **{name: "tcp://10.0.0.1:5000"}) == read(FILE)


def test_no_text_shows_a_secret() -> None:
    loaded = read(merged(("http.secret", "hush-1")))
    assert "hush" not in repr(loaded)
    with pytest.raises(ConfigError) as caught:
        read(FILE, REGISTRY_STORAGE_SWIFT_PASSWORD="[hush")
    assert "hush" not in str(caught.value)


@given(st.from_regex(r"\AREGISTRY_[A-Z_]{1,30}\Z"), st.text(max_size=5))
def test_no_variable_breaks_it(name: str, value: str) -> None:
    try:
        text = "".join(read(FILE, **{name: value}).warnings)
    except ConfigError as error:
        text = str(error)
    assert "\n" not in text


SWIFT = {
    "REGISTRY_STORAGE_SWIFT_USERNAME": "you",
    "REGISTRY_STORAGE_SWIFT_PASSWORD": "hush",
    "REGISTRY_STORAGE_SWIFT_AUTHURL": "http://other:5000/v3",
    "REGISTRY_STORAGE_SWIFT_CONTAINER": "others",
}


@pytest.mark.parametrize("name", ["filesystem", "s3", "inmemory", "swift"])
def test_the_environment_chooses_the_storage(name: str) -> None:
    file = {"version": 0.1, "storage": {name: {"rootdirectory": "/r"} if name != "inmemory" else {}}}
    loaded = read(file, REGISTRY_STORAGE="swift", **SWIFT)
    assert loaded.settings.storage == "swift"
    assert (loaded.settings.driver.swift_user, loaded.settings.driver.swift_container) == ("you", "others")
    assert loaded.warnings == []
    with pytest.raises(ConfigError, match="has two storages") if name != "swift" else nullcontext():
        read(file, **SWIFT)


def test_what_the_environment_chooses_replaces_the_whole_section() -> None:
    file = merged(("storage.delete.enabled", True), ("storage.swift.prefix", "not/this"))
    settings = read(file, REGISTRY_STORAGE="swift", **SWIFT).settings
    assert (settings.delete_enabled, settings.storage_path) == (False, "/")


def test_choosing_the_storage_that_the_file_has_changes_nothing() -> None:
    file = merged(("storage.delete.enabled", True))
    chosen, plain = read(file, REGISTRY_STORAGE="swift").settings, read(file).settings
    assert dict(chosen.driver) == dict(plain.driver)
    assert chosen.delete_enabled


def test_a_root_directory_of_swift_is_a_warning() -> None:
    [warning] = read(merged(("storage.swift.rootdirectory", "/registry"))).warnings
    assert "storage.swift.rootdirectory is ignored: it never had an effect" in warning


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    changes = [("http.adr", ":80"), ("log.level", "loud"), ("storage.delete.enabled", "often"), ("proxy.ttl", "1h")]
    file.write_text(yaml.safe_dump(merged(*changes, ("storage.swift.authurl", "x"))))
    environ = {"REGISTRY_HTTP_NET": "unix", "REGISTRY_STORAGE_SWIFT_CONTAINER": "a/b", "REGISTRY_LOG": "loud"}
    with pytest.raises(ConfigError) as caught:
        load(str(file), environ=environ)
    for word in (
        "http.adr",
        "log.level",
        "storage.delete.enabled",
        "proxy.ttl",
        "swift_authurl: ",
        "http.net",
        "swift_container: ",
        "REGISTRY_LOG ",
    ):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_unix_socket_is_named_as_in_distribution() -> None:
    settings = read(merged(("http.net", "unix"), ("http.addr", "/run/registry.sock"))).settings
    assert (settings.socket, settings.port) == ("/run/registry.sock", 5000)
    with pytest.raises(ConfigError, match=r"http\.addr: must be an absolute path"):
        read(merged(("http.net", "unix"), ("http.addr", ":5000")))
    with pytest.raises(ConfigError, match=r"http\.addr: must be the path of the socket"):
        read(merged(("http.net", "unix")))
