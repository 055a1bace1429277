# -*- coding: utf-8 -*-
"""URLs that let clients read straight from Swift."""

from __future__ import unicode_literals

import hashlib
import hmac

import pytest

from docker_registry.drivers.swift.tempurl import KEY_LIFE
from tests.drivers.mock_swift import ACCOUNT


def parse(url):
    path, _, query = url[len("http://swift.test") :].partition("?")
    return path, dict(pair.split("=") for pair in query.split("&"))


def sign(key, expires, path, digest=hashlib.sha256):
    message = "GET\n{0}\n{1}".format(expires, path)
    return hmac.new(key.encode("utf8"), message.encode("utf8"), digest).hexdigest()


@pytest.fixture
def now(monkeypatch):
    clock = [1000000]

    def install(driver):
        driver._temp_urls._clock = lambda: clock[0]
        return clock

    return install


def test_the_configured_key_signs(connect, swift, now):
    driver = connect(swift, swift_temp_url_key="secret", swift_temp_url_ttl=60)
    now(driver)
    path, query = parse(driver.content_redirect_url("a b/é"))
    assert path == ACCOUNT + "/box/some/base/a%20b/%C3%A9"
    assert query["temp_url_expires"] == "1000060"
    assert query["temp_url_sig"] == sign("secret", 1000060, ACCOUNT + "/box/some/base/a b/é")
    assert swift.requests == []


@pytest.mark.parametrize(
    ("allowed", "digest"),
    [
        (["sha1", "sha512"], hashlib.sha512),
        (["sha1"], hashlib.sha1),
        (["sha512", "sha256"], hashlib.sha256),
    ],
)
def test_the_digest_is_the_best_that_the_server_takes(connect, swift, allowed, digest):
    swift.info["tempurl"]["allowed_digests"] = allowed
    _, query = parse(connect(swift, swift_temp_url_key="k").content_redirect_url("f"))
    assert query["temp_url_sig"] == sign("k", query["temp_url_expires"], ACCOUNT + "/box/some/base/f", digest)


@pytest.mark.parametrize("info", [{"swift": {}, "tempurl": {}}, None])
def test_a_server_that_does_not_say_gets_sha1(connect, swift, info):
    swift.info = info
    _, query = parse(connect(swift, swift_temp_url_key="k").content_redirect_url("f"))
    assert len(query["temp_url_sig"]) == 40


@pytest.mark.parametrize(
    "tempurl", [None, {"methods": ["PUT"], "allowed_digests": ["sha256"]}, {"allowed_digests": ["md4"]}]
)
def test_a_server_without_temp_urls(connect, swift, tempurl):
    del swift.info["tempurl"]
    if tempurl is not None:
        swift.info["tempurl"] = tempurl
    assert connect(swift, swift_temp_url_key="k").content_redirect_url("f") is None


def test_the_key_of_the_container_then_of_the_account(connect, swift, now):
    driver = connect(swift)
    driver.put_content("f", b"x")
    clock = now(driver)
    swift.account_headers["x-account-meta-temp-url-key"] = "account"
    path, query = parse(driver.content_redirect_url("f"))
    assert query["temp_url_sig"] == sign("account", query["temp_url_expires"], path)
    swift.container_headers["x-container-meta-temp-url-key-2"] = "container"
    before = len(swift.requests)
    path, query = parse(driver.content_redirect_url("f"))
    assert query["temp_url_sig"] == sign("account", query["temp_url_expires"], path)
    assert len(swift.requests) == before
    clock[0] += KEY_LIFE + 1
    path, query = parse(driver.content_redirect_url("f"))
    assert query["temp_url_sig"] == sign("container", query["temp_url_expires"], path)


def test_without_a_key_there_is_no_url(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"x")
    assert driver.content_redirect_url("f") is None
    swift.spoil = lambda *request: 403
    assert connect(swift).content_redirect_url("f") is None


def test_it_never_raises(connect, swift):
    swift.spoil = lambda *request: 503
    assert connect(swift).content_redirect_url("f") is None
    assert connect(swift, swift_temp_url_key="k").content_redirect_url("") is None


def test_names_that_clients_resolve_get_no_url(connect, swift):
    driver = connect(swift, swift_temp_url_key="k")
    assert driver.content_redirect_url("a/../b") is None
    assert driver.content_redirect_url("a/..b") is not None
