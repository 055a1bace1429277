"""What the driver leans on in swiftclient, requests and urllib3 beyond what they promise: this fails first.

Runs on Python 2.7 too.
"""

from __future__ import unicode_literals

import pytest
import requests
import requests.adapters
import swiftclient.client
import urllib3
from urllib3.util import ssl_

from docker_registry.drivers.swift.http import wire

ADAPTER = requests.adapters.HTTPAdapter
POOLS = urllib3.connectionpool.HTTPConnectionPool, urllib3.connectionpool.HTTPSConnectionPool


def names(function):
    """The attributes and globals that a function names."""
    return set(getattr(function, "__func__", function).__code__.co_names)


def arguments(function):
    code = getattr(function, "__func__", function).__code__
    return set(code.co_varnames[: code.co_argcount + getattr(code, "co_kwonlyargcount", 0)])


def test_swiftclient_makes_a_session_and_says_how_it_would_use_it():
    parsed, http = swiftclient.client.http_connection("https://swift.test/v1/a", cacert="ca", cert="c", cert_key="k")
    assert parsed.path == "/v1/a"
    assert isinstance(http.request_session, requests.Session)
    assert http.requests_args["verify"] == "ca"
    assert http.requests_args["cert"] == ("c", "k")


def test_requests_adapter_finds_a_pool_and_sets_its_certificates():
    assert {"_conn", "conn"} & arguments(ADAPTER.cert_verify)
    assert {"cert_reqs", "ca_certs", "ca_cert_dir", "cert_file", "key_file"} <= names(ADAPTER.cert_verify)
    assert {"request", "proxies"} <= arguments(ADAPTER.request_url)
    assert callable(getattr(ADAPTER, "get_connection_with_tls_context", None) or ADAPTER.get_connection)


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool_of_urllib3_makes_connections_of_its_class_with_its_keywords(kind):
    assert {"ConnectionCls", "conn_kw"} <= names(kind._new_conn)
    pool = kind("swift.test")
    assert isinstance(pool.conn_kw, dict)
    assert pool.proxy is None
    assert {"retries", "redirect", "assert_same_host", "timeout"} <= arguments(kind.urlopen)


def test_a_connection_of_urllib3_can_be_made_strict():
    for pool in POOLS:
        strict = wire.strict(pool.ConnectionCls)
        for name in ("connect", "request", "send", "getresponse", "close"):
            assert callable(getattr(pool.ConnectionCls, name)), name
        connection = strict("swift.test", terms=wire.Terms())
        assert connection.sock is None


def test_a_connection_that_is_given_a_context_loads_no_certificates_of_its_own():
    connection = POOLS[1]("swift.test", ssl_context=ssl_.create_urllib3_context())._new_conn()
    assert connection.ssl_context is not None
    assert connection.ca_certs is None
    assert connection.cert_file is None
