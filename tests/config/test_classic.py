"""docker-registry's config.yml, as its users wrote it for docker-registry 0.9.1."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker_registry.config import Loaded, distribution, load
from docker_registry.config.values import Problems
from docker_registry.core.exceptions import ConfigError
from docker_registry.drivers.swift.settings import config as driver_config
from docker_registry.settings import Limits
from tests.config.test_distribution import merged

# What a user of the former swift driver has: flavors, a common part, values from the environment.
SAMPLE = """
common: &common
    loglevel: _env:LOGLEVEL:info
    standalone: _env:STANDALONE:true
    storage_redirect: _env:STORAGE_REDIRECT
    search_backend: _env:SEARCH_BACKEND
    cache_lru:
        host: _env:CACHE_LRU_REDIS_HOST
        db: _env:CACHE_LRU_REDIS_DB
dev: &dev
    <<: *common
    storage: local
    storage_path: /tmp/registry
swift: &swift
    <<: *common
    storage: swift
    storage_path: _env:STORAGE_PATH:/registry
    swift_authurl: _env:OS_AUTH_URL
    swift_container: _env:OS_CONTAINER
    swift_user: _env:OS_USERNAME
    swift_password: _env:OS_PASSWORD
prod:
    <<: *swift
    storage_path: /prod
    include_nothing: ~
"""
ENVIRON = {"OS_AUTH_URL": "http://keystone:5000/v3", "OS_USERNAME": "me", "OS_PASSWORD": "hush"}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a text as a config file, with an environment of its own."""

    def read(text: str = SAMPLE, flavor: str | None = "swift", **environ: str) -> Loaded:
        file = tmp_path / "config.yml"
        file.write_text(text)
        return load(str(file), flavor, {**ENVIRON, **environ})

    return read


def swift(*lines: str) -> str:
    """A file of one flavor with these further lines."""
    return "\n".join(["swift:", "    storage: swift", *(f"    {line}" for line in lines)])


def test_a_flavor_with_its_environment(read: Any) -> None:
    settings = read().settings
    assert (settings.storage, settings.storage_path, settings.log_level) == ("swift", "/registry", "info")
    assert dict(settings.driver) == {
        "swift_authurl": "http://keystone:5000/v3",
        "swift_user": "me",
        "swift_password": "hush",
    }
    assert settings.driver.swift_container is None
    assert (settings.host, settings.port, settings.redirect) == ("0.0.0.0", 5000, False)


def test_the_flavor_comes_from_the_environment_too(read: Any) -> None:
    assert read(flavor=None, SETTINGS_FLAVOR="prod").settings.storage_path == "/prod"


def test_the_file_comes_from_the_environment_too(tmp_path: Path) -> None:
    file = tmp_path / "other.yml"
    file.write_text(swift())
    assert load(None, None, {**ENVIRON, "DOCKER_REGISTRY_CONFIG": str(file)}).settings.storage == "swift"


def test_the_only_flavor_needs_no_name(read: Any) -> None:
    assert read(swift("storage_path: /a"), None).settings.storage_path == "/a"


def test_a_file_without_flavors(read: Any) -> None:
    assert read("storage: swift\nstorage_path: /flat", None).settings.storage_path == "/flat"


@pytest.mark.parametrize("written", ["0042", "1e3", "true", "2024-01-01", "0x10"])
def test_a_password_stays_what_its_owner_wrote(read: Any, written: str) -> None:
    assert read(OS_PASSWORD=written).settings.driver.swift_password == written


def test_values_of_the_environment_are_yaml(read: Any) -> None:
    settings = read(STORAGE_REDIRECT="yes", LOGLEVEL="debug").settings
    assert (settings.redirect, settings.log_level) == (True, "debug")


def test_where_to_listen(read: Any) -> None:
    settings = read(REGISTRY_HOST="127.0.0.1", REGISTRY_PORT="5001", GUNICORN_WORKERS="3").settings
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 5001, 3)


def test_the_port_that_kubernetes_sets_is_none(read: Any) -> None:
    assert read(REGISTRY_PORT="tcp://10.0.0.1:5000").settings.port == 5000


def test_the_section_for_what_docker_registry_never_had(read: Any) -> None:
    settings = read(
        swift(
            "secret_key: signing",
            "registry:",
            "    workers: 2",
            "    port: 5005",
            "    delete: false",
            "    read_only: true",
            "    relative_urls: true",
            "    prefix: images/",
            "    public_url: https://registry.example.com",
            "    trusted_proxies: [10.0.0.0/8, 192.0.2.1]",
            "    headers: {X-Content-Type-Options: nosniff}",
            "    manifest_size_limit: 8MiB",
            "    cache_size: 1g",
            "    upload_ttl: 1h30m",
            "    log_format: json",
        )
    ).settings
    assert (settings.secret, settings.workers, settings.port) == (b"signing", 2, 5005)
    assert (settings.delete_enabled, settings.read_only, settings.relative_urls) == (False, True, True)
    assert (settings.prefix, settings.public_url) == ("/images", "https://registry.example.com")
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("192.0.2.1"))
    assert settings.headers == (("X-Content-Type-Options", "nosniff"),)
    assert (settings.manifest_size_limit, settings.cache_bytes, settings.upload_ttl) == (8 << 20, 1 << 30, 5400)
    assert settings.log_json


def test_ignored_options_are_named_in_one_warning(read: Any) -> None:
    (warning,) = read(SEARCH_BACKEND="sqlalchemy", CACHE_LRU_REDIS_HOST="redis", GUNICORN_USER="www").warnings
    assert warning.endswith(
        "flavor swift: without a meaning here, and ignored: cache_lru, search_backend, GUNICORN_USER"
    )


def test_what_is_unset_is_not_named(read: Any) -> None:
    assert read().warnings == []


@pytest.mark.parametrize(
    ("text", "flavor", "message"),
    [
        (swift("storage_paht: /x"), None, r"unknown option storage_paht; did you mean storage_path\?"),
        (swift("swift_user"), None, "must be a mapping|not valid YAML"),
        (swift("registry: {wokers: 2}"), None, r"registry: unknown option wokers; did you mean workers\?"),
        (swift("registry: {workers: 0}"), None, "workers: must be a whole number from 1 to 256"),
        (swift("registry: {workers: many}"), None, "workers: must be a whole number"),
        (swift("registry: {trusted_proxies: [nowhere]}"), None, "trusted_proxies: must be addresses or networks"),
        (swift("registry: {headers: {'a b': c}}"), None, "cannot be the name of a header"),
        (swift('registry: {headers: {a: "b\\nc"}}'), None, "must be one line of text"),
        (swift("registry: {upload_ttl: soon}"), None, "upload_ttl: must be a number of seconds"),
        (swift("registry: {cache_size: 1.5}"), None, "cache_size: must be a number of bytes"),
        (swift("registry: {delete: maybe}"), None, "delete: must be true or false"),
        (swift("registry: 1"), None, "registry: must be a mapping"),
        (swift("loglevel: loud"), None, "loglevel: must be one of"),
        (swift("standalone: false"), None, "standalone: false asks an index"),
        (swift("privileged_key: /key.pem"), None, "privileged_key: signed requests would not be checked"),
        (SAMPLE, "swfit", r"no flavor swfit; did you mean swift\?"),
        (SAMPLE, "xyz", "no flavor xyz; it has: dev, swift, prod"),
        (SAMPLE, None, "flavor dev: storage: local is not installed.*SETTINGS_FLAVOR: swift, prod"),
        ("a: {storage: swift}\nb: {storage: swift}", None, "choose a flavor with --flavor or SETTINGS_FLAVOR: a, b"),
        ("a: {}", None, "none has a storage"),
        ("a: {storage: }", "a", "storage: is missing"),
        ("- a", None, "must be a mapping"),
        ("a: [", None, "not valid YAML, line 1"),
    ],
)
def test_mistakes_are_errors_of_one_line(read: Any, text: str, flavor: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(text, flavor)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the config file .*none.yml: No such file"):
        load(str(tmp_path / "none.yml"), None, {})


@pytest.mark.parametrize(
    "text", [swift("swift_password: hush-hush\n bad indent: ["), swift("swift_password: [hush-hush", "x: 1")]
)
def test_no_error_shows_a_password(read: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert "hush" not in str(caught.value)


def test_no_repr_shows_a_secret(read: Any) -> None:
    loaded = read(swift("secret_key: hush-1", "swift_password: hush-2"))
    assert "hush" not in repr(loaded)


def test_all_mistakes_of_a_file_are_named_at_once(read: Any) -> None:
    text = swift(
        "storage_redirect: perhaps",
        "swift_contaner: x",
        "swift_container: a/b",
        "swift_timeout: soon",
        "swift_password: ''",
        "registry: {wokers: 2, public_url: registry.example.org, upload_ttl: soon}",
        "privileged_key: /key.pem",
    )
    with pytest.raises(ConfigError) as caught:
        read(text, None, OS_PASSWORD="", REGISTRY_PORT="many")
    message = str(caught.value)
    for word in (
        "storage_redirect: must be true or false",
        "swift_contaner: there is no such option, did you mean swift_container?",
        "swift_container: the name of a container has no slash",
        "swift_timeout: must be a number of seconds",
        "swift_password is missing",
        "unknown option wokers; did you mean workers?",
        "public_url: must be a URL such as https://registry.example.org",
        "upload_ttl: must be a number of seconds",
        "privileged_key: signed requests",
        "the environment: REGISTRY_PORT: must be a whole number",
    ):
        assert message.count(word) == 1, word
    assert "\n" not in message


def test_a_variable_that_is_not_set_is_named_where_its_option_is_missing(read: Any) -> None:
    with pytest.raises(ConfigError, match=r"swift_password is missing.*_env:NOT_SET, and NOT_SET is not set"):
        read(swift("swift_password: _env:NOT_SET"), None, OS_PASSWORD="")
    assert read(swift("swift_region_name: _env:NOT_SET"), None).warnings == []


@pytest.mark.parametrize("written", ["90s", "1m30s", "90", 90, "1.5m"])
def test_the_registry_and_the_driver_read_times_alike(read: Any, written: object) -> None:
    settings = read(swift(f"swift_timeout: {written}", f"registry: {{idle_timeout: {written}}}")).settings
    assert settings.idle_timeout == driver_config.read(settings.driver, ENVIRON).timeout == 90


@pytest.mark.parametrize("written", ["64MB", "64 MiB", "64m", "65536K", 64 << 20])
def test_the_registry_and_the_driver_read_sizes_alike(read: Any, written: object) -> None:
    settings = read(swift(f"swift_memory: {written}", f"registry: {{cache_size: {written}}}")).settings
    assert settings.cache_bytes == driver_config.read(settings.driver, ENVIRON).memory == 64 << 20


@pytest.mark.parametrize("url", ["registry.example.org", "https://", "ftp://a", "https://a b", "https://a?b", "/x"])
def test_a_public_url_is_one(read: Any, url: str) -> None:
    with pytest.raises(ConfigError, match="public_url: must be a URL"):
        read(swift(f"registry: {{public_url: '{url}'}}"), None)


def test_limits_are_a_section_in_both_formats(read: Any, tmp_path: Path) -> None:
    section = "limits: {requests_per_second: 0.5, burst: 20, requests_at_once: 30, uploads_at_once: 4, connections: 0, "
    section += "blob_size: 10GiB}"
    expected = Limits(0.5, 20, 30, 4, 0, 10 << 30)
    assert read(swift("swift_container: c", "registry:", f"    {section}")).settings.limits == expected
    theirs = merged(("registry", yaml.safe_load(section)))
    assert distribution.read(theirs, "config.yml", {}, Problems()).settings.limits == expected
    assert read(swift("swift_container: c")).settings.limits == Limits()
    with pytest.raises(ConfigError, match=r"limits: burst: must be a whole number.*; unknown option brust; did you"):
        read(swift("swift_container: c", "registry:", "    limits: {burst: -1, brust: 1}"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("one", (b"one",)),
        ("12", (b"12",)),
        ("[new, old]", (b"new", b"old")),
        ("[_env:NEW, _env:OLD]", (b"n", b"2")),
        ("_env:NONE", (b"",)),
    ],
)
def test_secrets_are_a_text_or_a_list(read: Any, written: str, expected: tuple[bytes, ...]) -> None:
    settings = read(swift("swift_container: c", f"secret_key: {written}"), NEW="n", OLD="2").settings
    assert settings.secrets == expected
    assert "former_secrets" not in repr(settings)
    if not written.startswith("[_env") and "_env" not in written:
        theirs = distribution.read(merged(("http.secret", yaml.safe_load(written))), "f", {}, Problems())
        assert theirs.settings.secrets == expected


@pytest.mark.parametrize("written", ["[]", "[a, '']", "[a, [b]]", "{a: b}", "[a, _env:NONE]", "[true]"])
def test_no_secret_of_a_list_is_empty(read: Any, written: str) -> None:
    with pytest.raises(ConfigError, match="secret_key: must be"):
        read(swift("swift_container: c", f"secret_key: {written}"))
