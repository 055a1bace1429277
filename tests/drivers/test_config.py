# -*- coding: utf-8 -*-
"""The options of the swift driver: tables of what is understood, and of what is refused with which words."""

import pytest

from docker_registry.core.exceptions import ConfigError
from docker_registry.drivers.swift.settings.config import problems, read
from docker_registry.drivers.swift.settings.options import OPTIONS

V3 = "https://keystone.example.org:5000/v3"
PASSWORD = {"swift_authurl": V3, "swift_user": "demo", "swift_password": "secret", "swift_tenant_name": "web"}
APPLICATION = {
    "swift_authurl": V3,
    "swift_application_credential_id": "abc",
    "swift_application_credential_secret": "secret",
}
OS = {"OS_AUTH_URL": V3, "OS_USERNAME": "demo", "OS_PASSWORD": "secret", "OS_PROJECT_NAME": "web"}


class Attributes(object):
    """Like docker-registry's Config: attributes and items, an unset one is None, iterating fails."""

    def __init__(self, values):
        self._values = values

    def __getattr__(self, name):
        return self._values.get(name)

    def __getitem__(self, name):
        return getattr(self, name)

    def keys(self):
        return self._values.keys()


class Plain(object):
    """Only attributes, and none where an option is unset."""

    def __init__(self, values):
        self.__dict__.update(values)


def refused(config, environ=None):
    with pytest.raises(ConfigError) as info:
        read(config, environ or {})
    return str(info.value)


def test_what_the_former_driver_read_keeps_its_meaning():
    settings = read(
        {
            "storage_path": "/registry",
            "swift_authurl": "http://keystone.example.org:5000/v2.0",
            "swift_user": "demo",
            "swift_password": "secret",
            "swift_auth_version": 2,
            "swift_tenant_name": "web",
            "swift_region_name": "north",
            "swift_container": "images",
            "swift_object_storage_url": "http://swift.example.org/v1/AUTH_web/",
            "swift_cacert": __file__,
        },
        {},
    )
    assert settings.storage_path == "/registry"
    assert settings.auth_url == "http://keystone.example.org:5000/v2.0"
    assert (settings.method, settings.auth_version) == ("password", 2)
    assert (settings.user, settings.password, settings.tenant_name) == ("demo", "secret", "web")
    assert (settings.region_name, settings.container) == ("north", "images")
    assert settings.storage_url == "http://swift.example.org/v1/AUTH_web"
    assert settings.cacert == __file__


def test_defaults():
    settings = read(PASSWORD, {})
    assert (settings.storage_path, settings.container) == ("/", "dev_container")
    assert (settings.endpoint_type, settings.service_type) == ("public", "object-store")
    assert (settings.segment_size, settings.memory, settings.concurrency) == (32 << 20, 192 << 20, 3)
    assert settings.insecure is False
    assert settings.region_name is None
    assert settings.temp_url_key is None


@pytest.mark.parametrize("form", [dict, Attributes, Plain])
def test_any_form_of_configuration_is_read(form):
    assert read(form(PASSWORD), {}).user == "demo"
    wrong = dict(PASSWORD, swift_passwort="x")
    assert "swift_passwort: there is no such option, did you mean swift_password?" in refused(form(wrong))


def test_options_of_others_are_left_alone():
    read(dict(PASSWORD, storage="swift", s3_bucket="x", loglevel="info"), {})


@pytest.mark.parametrize(
    ("url", "version", "url_used"),
    [
        (V3, 3, V3),
        (V3 + "/", 3, V3),
        (V3 + "/auth/tokens", 3, V3),
        ("https://cloud.example.org/identity/v3", 3, "https://cloud.example.org/identity/v3"),
        ("http://k:5000/v2.0", 2, "http://k:5000/v2.0"),
        ("http://k:5000/v2.0/tokens", 2, "http://k:5000/v2.0"),
        ("http://k:5000/v2", 2, "http://k:5000/v2"),
        ("http://swift/auth/v1.0", 1, "http://swift/auth/v1.0"),
        ("http://swift/auth/v1", 1, "http://swift/auth/v1"),
        ("http://rgw/auth/1.0", 1, "http://rgw/auth/1.0"),
        ("http://swift/auth", 1, "http://swift/auth"),
        ("http://k:5000", None, "http://k:5000"),
        ("http://k:5000/identity", None, "http://k:5000/identity"),
    ],
)
def test_the_version_is_read_off_the_url(url, version, url_used):
    settings = read(dict(PASSWORD, swift_authurl=url), {})
    assert (settings.auth_version, settings.auth_url) == (version, url_used)


@pytest.mark.parametrize("given", [2, "2", "2.0", 2.0, "v2.0"])
def test_any_spelling_of_a_version(given):
    settings = read(dict(PASSWORD, swift_authurl="http://k:5000", swift_auth_version=given), {})
    assert (settings.auth_version, settings.auth_url) == (2, "http://k:5000/v2.0")


def test_an_option_of_version_3_means_version_3():
    settings = read(dict(PASSWORD, swift_authurl="http://k:5000", swift_domain_name="sales"), {})
    assert (settings.auth_version, settings.auth_url) == (3, "http://k:5000/v3")


@pytest.mark.parametrize(
    ("options", "user", "project"),
    [
        ({}, (None, None), (None, None)),
        ({"swift_domain_name": "sales"}, (None, "sales"), (None, "sales")),
        ({"swift_domain_id": "s1"}, ("s1", None), ("s1", None)),
        ({"swift_user_domain_name": "sales"}, (None, "sales"), (None, "sales")),
        ({"swift_project_domain_id": "p1"}, (None, None), ("p1", None)),
        ({"swift_domain_name": "sales", "swift_project_domain_name": "shop"}, (None, "sales"), (None, "shop")),
        ({"swift_user_domain_id": "u1", "swift_user_domain_name": "sales"}, ("u1", None), ("u1", None)),
    ],
)
def test_domains(options, user, project):
    settings = read(dict(PASSWORD, **options), {})
    assert (settings.user_domain_id, settings.user_domain_name) == user
    assert (settings.project_domain_id, settings.project_domain_name) == project


def test_tenant_and_user_in_one():
    settings = read({"swift_authurl": V3, "swift_user": "web:demo", "swift_password": "x"}, {})
    assert (settings.tenant_name, settings.user) == ("web", "demo")
    settings = read({"swift_authurl": "http://s/auth/v1.0", "swift_user": "web:demo", "swift_password": "x"}, {})
    assert (settings.tenant_name, settings.user) == (None, "web:demo")


@pytest.mark.parametrize(
    ("option", "given", "attribute", "read_as"),
    [
        ("swift_password", 123456, "password", "123456"),
        ("swift_user", 42, "user", "42"),
        ("swift_segment_size", 1048576, "segment_size", 1 << 20),
        ("swift_segment_size", "1048576", "segment_size", 1 << 20),
        ("swift_segment_size", "32M", "segment_size", 32 << 20),
        ("swift_segment_size", "512 KiB", "segment_size", 512 << 10),
        ("swift_memory", "1g", "memory", 1 << 30),
        ("swift_retries", 0, "retries", 0),
        ("swift_concurrency", "5", "concurrency", 5),
        ("swift_timeout", 2.5, "timeout", 2.5),
        ("swift_timeout", "30", "timeout", 30),
        ("swift_insecure", "yes", "insecure", True),
        ("swift_insecure", "False", "insecure", False),
        ("swift_insecure", 1, "insecure", True),
        ("swift_endpoint_type", "internalURL", "endpoint_type", "internal"),
        ("swift_endpoint_type", "admin", "endpoint_type", "admin"),
        ("swift_region_name", "", "region_name", None),
        ("swift_container", None, "container", "dev_container"),
    ],
)
def test_values(option, given, attribute, read_as):
    assert getattr(read(dict(PASSWORD, **{option: given}), {}), attribute) == read_as


@pytest.mark.parametrize(
    ("option", "given", "words"),
    [
        ("swift_password", True, "write it in quotes"),
        ("swift_password", 1.5, "write it in quotes"),
        ("swift_password", ["a"], "write it in quotes"),
        ("swift_authurl", "keystone:5000/v3", "begins with http:// or https://"),
        ("swift_auth_version", 4, "write 1, 2 or 3"),
        ("swift_auth_version", True, "write 1, 2 or 3"),
        ("swift_segment_size", "32 apples", "such as 4194304, 512K or 4MiB"),
        ("swift_segment_size", 0, "at least one byte"),
        ("swift_segment_size", -1, "such as 4194304"),
        ("swift_concurrency", 0, "at least 1"),
        ("swift_retries", -1, "a whole number"),
        ("swift_retries", 1.5, "a whole number"),
        ("swift_timeout", 0, "more than 0 seconds"),
        ("swift_timeout", "soon", "such as 90s or 1h30m"),
        ("swift_timeout", True, "such as 90s or 1h30m"),
        ("swift_timeout", float("nan"), "such as 90s or 1h30m"),
        ("swift_insecure", "maybe", "true or false"),
        ("swift_endpoint_type", "private", "public, internal, admin"),
        ("swift_cacert", "/nowhere/ca.pem", "there is no file /nowhere/ca.pem"),
    ],
)
def test_wrong_values_are_named(option, given, words):
    message = refused(dict(PASSWORD, **{option: given}))
    assert message.startswith(option + ": ")
    assert words in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ["swift_authurl is missing", "swift_user is missing", "set OS_PASSWORD"]),
        ({"swift_authurl": V3, "swift_user": "a", "swift_tenant_name": "b"}, ["swift_password is missing"]),
        ({"swift_authurl": V3, "swift_password": "a", "swift_tenant_name": "b"}, ["swift_user is missing"]),
        ({"swift_authurl": "http://s/auth/v1.0", "swift_user": "a:b"}, ["swift_password is missing"]),
        ({"swift_authurl": V3, "swift_token": "t"}, ["swift_tenant_name is missing"]),
        (
            {"swift_authurl": V3, "swift_application_credential_id": "a"},
            ["swift_application_credential_secret is missing"],
        ),
        (
            {"swift_authurl": V3, "swift_application_credential_secret": "a"},
            ["swift_application_credential_id is missing"],
        ),
        (
            dict(APPLICATION, swift_application_credential_id=None, swift_application_credential_name="n"),
            ["swift_user is missing"],
        ),
        (dict(APPLICATION, swift_password="x"), ["swift_application_credential_id", "swift_password", "leave one out"]),
        (dict(PASSWORD, swift_token="x"), ["swift_password", "swift_token", "leave one out"]),
        (dict(APPLICATION, swift_tenant_name="x"), ["leave out swift_tenant_name"]),
        (dict(PASSWORD, swift_trust_id="x"), ["leave out swift_tenant_name", "swift_trust_id"]),
        (dict(PASSWORD, swift_auth_version=2), ["swift_auth_version is 2", "of version 3", "leave swift_auth_version"]),
        (
            dict(PASSWORD, swift_authurl="http://k/v2.0", swift_user_domain_name="x"),
            ["swift_authurl is of version 2", "swift_user_domain_name"],
        ),
        (
            dict(PASSWORD, swift_authurl="http://k", swift_auth_version=2, swift_domain_id="x"),
            ["swift_auth_version is 2", "swift_domain_id"],
        ),
        (dict(APPLICATION, swift_authurl="http://k/v2.0"), ["of version 2", "swift_application_credential_id"]),
        ({"swift_authurl": "http://s/auth/v1.0", "swift_token": "x"}, ["only swift_user and swift_password"]),
    ],
)
def test_missing_and_contradictory_options_are_named(options, words):
    message = refused(options)
    for word in words:
        assert word in message


def test_every_wrong_option_is_named_at_once():
    message = refused(dict(PASSWORD, swift_contaner="x", swift_timeout=-1, swift_retries="many"))
    assert "did you mean swift_container?" in message
    assert "swift_timeout" in message
    assert "swift_retries" in message


def test_nothing_is_suggested_for_what_is_like_nothing():
    assert refused(dict(PASSWORD, swift_zzzz=1)).endswith("swift_zzzz: there is no such option")


@pytest.mark.parametrize(
    ("options", "method"),
    [
        (APPLICATION, "application_credential"),
        (
            {
                "swift_authurl": V3,
                "swift_user": "demo",
                "swift_application_credential_name": "n",
                "swift_application_credential_secret": "s",
            },
            "application_credential",
        ),
        ({"swift_authurl": V3, "swift_token": "t", "swift_tenant_id": "1"}, "token"),
        ({"swift_object_storage_url": "http://s/v1/AUTH_a", "swift_token": "t"}, "token"),
        ({"swift_authurl": V3, "swift_user": "u", "swift_password": "p", "swift_trust_id": "t"}, "password"),
        ({"swift_authurl": V3, "swift_user_id": "u", "swift_password": "p", "swift_tenant_id": "t"}, "password"),
    ],
)
def test_ways_to_log_in(options, method):
    assert read(options, {}).method == method


@pytest.mark.parametrize(
    ("options", "environ", "expected"),
    [
        ({}, OS, {"user": "demo", "password": "secret", "tenant_name": "web", "auth_version": 3}),
        (PASSWORD, {"OS_USERNAME": "x", "OS_PASSWORD": "x", "OS_PROJECT_NAME": "x"}, {"user": "demo"}),
        ({"swift_authurl": V3, "swift_user": "me"}, OS, {"user": "me", "password": "secret", "tenant_name": "web"}),
        (PASSWORD, {"OS_REGION_NAME": "north", "OS_INTERFACE": "internal"}, {"region_name": "north"}),
        ({"swift_tenant_name": "mine"}, dict(OS, OS_PROJECT_ID="1"), {"tenant_name": "mine", "tenant_id": None}),
        ({}, dict(OS, OS_PROJECT_ID="1"), {"tenant_name": None, "tenant_id": "1"}),
        ({}, dict(OS, OS_USER_DOMAIN_NAME="sales"), {"user_domain_name": "sales", "project_domain_name": "sales"}),
        ({"swift_domain_id": "d"}, dict(OS, OS_USER_DOMAIN_NAME="sales"), {"user_domain_id": "d"}),
        (
            {},
            {"ST_AUTH": "http://s/auth/v1.0", "ST_USER": "a:b", "ST_KEY": "k"},
            {"auth_version": 1, "user": "a:b", "password": "k"},
        ),
        (
            {"swift_authurl": "http://s/auth/v1.0"},
            {"ST_USER": "a:b", "ST_KEY": "k", "OS_USER_DOMAIN_NAME": "x", "OS_PROJECT_NAME": "y"},
            {"auth_version": 1, "user": "a:b", "tenant_name": None, "user_domain_name": None},
        ),
        (
            {},
            {"ST_AUTH": "http://s/auth/v1.0", "ST_USER": "a:b", "ST_KEY": "k", "OS_USERNAME": "left over"},
            {"user": "a:b"},
        ),
        ({}, dict(OS, ST_USER="left:over"), {"user": "demo"}),
        (
            {},
            {"OS_AUTH_URL": V3, "OS_APPLICATION_CREDENTIAL_ID": "a", "OS_APPLICATION_CREDENTIAL_SECRET": "s"},
            {"method": "application_credential", "application_credential_id": "a"},
        ),
        (APPLICATION, OS, {"method": "application_credential", "user": None, "password": None, "tenant_name": None}),
        (
            PASSWORD,
            {"OS_APPLICATION_CREDENTIAL_ID": "a", "OS_APPLICATION_CREDENTIAL_SECRET": "s", "OS_TOKEN": "t"},
            {"method": "password", "application_credential_id": None, "token": None},
        ),
        ({"swift_authurl": "http://k/v2.0"}, dict(OS, OS_IDENTITY_API_VERSION="3"), {"auth_version": 2}),
        ({"swift_authurl": "http://k"}, dict(OS, OS_IDENTITY_API_VERSION="2"), {"auth_version": 2}),
        (
            {"swift_authurl": "http://k", "swift_domain_name": "x"},
            dict(OS, OS_IDENTITY_API_VERSION="2"),
            {"auth_version": 3},
        ),
        ({}, dict(OS, OS_INSECURE="1"), {"insecure": True}),
        ({"swift_insecure": False}, dict(OS, OS_INSECURE="1"), {"insecure": False}),
        ({}, dict(OS, OS_REGION_NAME=""), {"region_name": None}),
    ],
)
def test_the_environment_fills_in_what_is_left_out(options, environ, expected):
    settings = read(options, environ)
    assert {name: getattr(settings, name) for name in expected} == expected


def test_a_wrong_value_in_the_environment_is_named():
    assert refused({}, dict(OS, OS_CACERT="/nowhere")).startswith(
        "OS_CACERT, which stands for swift_cacert: there is no"
    )


@pytest.mark.parametrize("written", ["0123", "1e3", "1.50", "yes", "2020-01-01"])
def test_a_password_that_yaml_read_is_found_again_in_its_variable(written):
    """docker-registry's own sample says `swift_password: _env:OS_PASSWORD`, and reads the variable as YAML."""
    yaml = pytest.importorskip("yaml")
    settings = read(dict(PASSWORD, swift_password=yaml.safe_load(written)), {"OS_PASSWORD": written})
    assert settings.password == written


def test_no_secret_is_shown():
    secrets = {
        "swift_password": "of-the-user",
        "swift_temp_url_key": "of-the-account",
    }
    shown = repr(read(dict(PASSWORD, **secrets), {}))
    shown += repr(read(dict(APPLICATION, swift_application_credential_secret="of-the-application"), {}))
    shown += repr(read({"swift_token": "of-a-login", "swift_object_storage_url": "http://s/v1/a"}, {}))
    assert "of-" not in shown
    assert "demo" in shown
    message = refused(dict(PASSWORD, swift_password="of-the-user", swift_token="of-a-login", swift_tenant_name=None))
    assert "of-" not in message


def test_names_are_unique():
    assert len({option.name for option in OPTIONS}) == len({option.attribute for option in OPTIONS}) == len(OPTIONS)


CLOUDS = """
clouds:
  north:
    region_name: RegionOne
    interface: internal
    identity_api_version: 3
    verify: false
    auth:
      auth_url: https://north.example.org/v3
      username: demo
      password: secret
      project_name: web
      user_domain_name: sales
      project_domain_name: shop
  robot:
    auth_type: v3applicationcredential
    auth:
      auth_url: https://north.example.org/v3
      application_credential_id: abc
      application_credential_secret: secret
  south:
    auth_type: v3oidcpassword
    auth: {auth_url: https://south.example.org/v3, username: demo, password: secret, project_name: web}
  west:
    auth:
      auth_url: https://west.example.org/v3
      username: demo
      password: secret
      project_name: web
      default_domain_name: sales
"""


@pytest.fixture
def clouds(tmpdir):
    pytest.importorskip("openstack")
    path = tmpdir.join("clouds.yaml")
    path.write(CLOUDS)
    return {"OS_CLIENT_CONFIG_FILE": str(path)}


def test_a_cloud_fills_in_what_is_left_out(clouds):
    settings = read({"swift_cloud": "north", "swift_tenant_name": "mine"}, clouds)
    assert settings.auth_url == "https://north.example.org/v3"
    assert (settings.user, settings.password, settings.tenant_name) == ("demo", "secret", "mine")
    assert (settings.user_domain_name, settings.project_domain_name) == ("sales", "shop")
    assert (settings.region_name, settings.endpoint_type, settings.insecure) == ("RegionOne", "internal", True)


def test_the_environment_names_a_cloud(clouds):
    settings = read({}, dict(clouds, OS_CLOUD="robot", OS_USERNAME="left over"))
    assert (settings.method, settings.application_credential_id) == ("application_credential", "abc")


def test_a_cloud_of_the_environment_is_not_for_a_url_of_our_own(clouds):
    settings = read(PASSWORD, dict(clouds, OS_CLOUD="no such cloud"))
    assert settings.region_name is None


def test_a_cloud_that_is_not_there(clouds):
    message = refused({"swift_cloud": "east"}, clouds)
    assert message.startswith("swift_cloud: ")
    assert "east" in message


def test_a_way_to_log_in_that_is_not_known_never_becomes_another(clouds):
    message = refused({"swift_cloud": "south"}, clouds)
    assert "auth_type of cloud south: v3oidcpassword is no way to log in here" in message
    environ = {"OS_AUTH_TYPE": "v3totp", "OS_AUTH_URL": V3, "OS_USERNAME": "a", "OS_PASSWORD": "b"}
    assert "OS_AUTH_TYPE: v3totp is no way" in refused({}, environ)
    assert read(PASSWORD, environ).method == "password"
    assert read({}, dict(environ, OS_AUTH_TYPE="v3password")).method == "password"


def test_the_default_domain_of_a_cloud(clouds):
    settings = read({"swift_cloud": "west"}, clouds)
    assert (settings.user_domain_name, settings.project_domain_name) == ("sales", "sales")


@pytest.mark.parametrize("text", ["clouds: [", "clouds: {north: {auth: {password: hush}}"])
def test_a_file_of_clouds_that_is_broken_is_named(clouds, tmpdir, text):
    path = tmpdir.join("clouds.yaml")
    path.write(text)
    message = refused({"swift_cloud": "north"}, clouds)
    assert "%s is not valid YAML, line" % path in message
    assert "hush" not in message


def test_a_user_may_have_a_default_project():
    settings = read({"swift_authurl": V3, "swift_user": "a", "swift_password": "b"}, {})
    assert (settings.tenant_name, settings.tenant_id) == (None, None)


def test_problems_are_those_that_reading_refuses():
    options = dict(PASSWORD, swift_contaner="x", swift_timeout=-1)
    assert "; ".join(problems(options, {})) == refused(options)
    assert problems(PASSWORD, {}) == []
    assert problems({"swift_cloud": "x"}, {}) == []
