# -*- coding: utf-8 -*-
"""What a connection to Swift writes to its socket, and how it ends. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import weakref

import pytest

from docker_registry.core.exceptions import BrokenError, UnreachableError
from docker_registry.drivers.swift.compat import Blocks, text
from docker_registry.drivers.swift.http import errors
from docker_registry.drivers.swift.http.connection import USER_AGENT, Connection, headers_of
from docker_registry.drivers.swift.settings.config import read
from tests.drivers.raw_server import GOOD, PATIENCE, without_proxies

TARGET = "/v1/AUTH_test/box/a%2Fb?x=y"


@pytest.fixture
def connect(monkeypatch):
    """Make connections; the environment has no proxies but those of the test."""
    without_proxies(monkeypatch)
    made = []

    def make(url, **options):
        settings = read(
            dict({"swift_object_storage_url": url, "swift_token": "t", "swift_container": "box"}, **options)
        )
        made.append(Connection(url, settings))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


def ask(connection, verb="GET", target=TARGET, headers=None, data=b""):
    """The status and body of an answer."""
    response = connection.send(verb, target, headers or {}, data)
    return response.status, response.read()


def test_a_request_without_a_body(connect, server):
    connection = connect(server.url)
    assert connection.root == "/v1/AUTH_test"
    assert ask(connection, headers={"X-Auth-Token": "té"}) == (201, b"ok")
    request = server.requests[0]
    assert request.line == "GET {0} HTTP/1.1".format(TARGET)
    assert request.headers == {
        "host": server.host.encode(),
        "user-agent": USER_AGENT.encode(),
        "accept-encoding": b"identity",
        "x-auth-token": "té".encode("utf8"),
    }


def test_headers_of_an_answer_are_utf8_and_their_names_lower_case(connect, server):
    headers = headers_of(connect(server.url).send("GET", TARGET, {}, b""))
    assert headers["etag"] == "abc"
    assert text(headers["x-object-meta-name"]) == "café"
    assert headers["vary"] == "a, b"


@pytest.mark.parametrize("data", [b"\x00\xffbytes", b"", Blocks([b"a", b"", b"\xffb"]), Blocks([])])
def test_a_body_whose_length_is_known(connect, server, data):
    whole = data if isinstance(data, bytes) else b"".join(data)
    assert ask(connect(server.url), "PUT", data=data) == (201, b"ok")
    request = server.requests[0]
    assert request.headers["content-length"] == str(len(whole)).encode()
    assert request.body == whole
    assert ask(connect(server.url), "PUT", data=data) == (201, b"ok")
    assert server.requests[1].body == whole, "another try sends it all again"


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_requests_share_a_socket(connect, server, verb):
    server.answers = [b"HTTP/1.1 204 No Content\r\n\r\n"]
    connection = connect(server.url)
    assert [ask(connection, verb) for _ in range(3)] == [(204, b"")] * 3
    assert {request.number for request in server.requests} == {1}
    sent = None if verb in ("GET", "HEAD") else b"0"
    assert server.requests[0].headers.get("content-length") == sent


@pytest.mark.parametrize("data", [b"bytes", Blocks([b"blocks"])])
def test_nothing_is_sent_twice(connect, server, data):
    server.answers = [GOOD, None, GOOD]
    connection = connect(server.url)
    ask(connection)
    with pytest.raises(errors.LIBRARY) as caught:
        ask(connection, "PUT", data=data)
    assert errors.is_transient(caught.value)
    assert isinstance(errors.translate(caught.value, "PUT x"), UnreachableError)
    assert len(server.requests) == 2


def test_a_server_that_asks_to_come_back_is_not_obeyed_here(connect, server):
    server.answers = [b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", GOOD]
    assert ask(connect(server.url)) == (503, b"")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(connect, server, status):
    head = "HTTP/1.1 {0} Elsewhere\r\nLocation: {1}/other\r\nContent-Length: 0\r\n\r\n".format(status, server.url)
    server.answers = [head.encode(), GOOD]
    assert ask(connect(server.url)) == (status, b"")
    assert len(server.requests) == 1


def test_a_server_that_keeps_silent_is_not_waited_for(connect, server):
    server.answers = [b""]
    with pytest.raises(errors.LIBRARY) as caught:
        ask(connect(server.url, swift_timeout=0.1))
    assert errors.is_transient(caught.value)
    assert "timed out" in str(errors.translate(caught.value, "GET x"))


def test_a_body_that_stops_is_not_waited_for(connect, server):
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
    response = connect(server.url, swift_timeout=0.1).send("GET", TARGET, {}, b"")
    with pytest.raises(errors.LIBRARY) as caught:
        response.read()
    assert errors.is_transient(caught.value)


def test_nobody_listens(connect, server):
    server.close()
    with pytest.raises(errors.LIBRARY) as caught:
        ask(connect(server.url))
    assert errors.is_transient(caught.value)
    assert "refused" in str(errors.translate(caught.value, "GET x"))


def test_a_url_without_a_host_is_no_outage(connect):
    with pytest.raises(errors.LIBRARY) as caught:
        Connection("http:///v1", read({"swift_object_storage_url": "http://x/v1", "swift_token": "t"}))
    assert isinstance(errors.translate(caught.value, "GET x"), BrokenError)


def test_a_header_has_one_line(connect, server):
    with pytest.raises(errors.LIBRARY) as caught:
        ask(connect(server.url), headers={"X-Auth-Token": "a\r\nX-Other: b"})
    assert not errors.is_transient(caught.value)
    assert server.requests == []


def test_closing_hangs_up(connect, server):
    connection = connect(server.url)
    ask(connection)
    connection.close()
    assert server.closed.wait(PATIENCE)


def test_closing_hangs_up_on_a_body(connect, server):
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
    connection = connect(server.url)
    response = connection.send("GET", TARGET, {}, b"")
    assert response.read(4) == b"half"
    connection.close()
    assert server.closed.wait(PATIENCE)


def test_an_idle_connection_does_not_keep_what_it_sent(connect, server):
    connection, body = connect(server.url), Blocks([b"x"])
    ask(connection, "PUT", data=body)
    gone = weakref.ref(body)
    del body
    assert gone() is None


def test_a_proxy_of_the_environment_is_asked_for_the_whole_url(connect, server, monkeypatch):
    monkeypatch.setenv(str("http_proxy"), str("http://me:secret@" + server.host))
    assert ask(connect("http://swift.test:8080/v1/AUTH_test")) == (201, b"ok")
    request = server.requests[0]
    assert request.line == "GET http://swift.test:8080{0} HTTP/1.1".format(TARGET)
    assert request.headers["host"] == b"swift.test:8080"
    assert request.headers["proxy-authorization"] == b"Basic bWU6c2VjcmV0"


def test_a_proxy_is_not_asked_for_what_the_environment_excepts(connect, server, monkeypatch):
    monkeypatch.setenv(str("http_proxy"), str("http://127.0.0.1:1"))
    monkeypatch.setenv(str("no_proxy"), str("127.0.0.1"))
    assert ask(connect(server.url)) == (201, b"ok")
    assert server.requests[0].line == "GET {0} HTTP/1.1".format(TARGET)


def test_a_proxy_that_is_not_there_is_an_outage(connect, monkeypatch):
    monkeypatch.setenv(str("http_proxy"), str("http://127.0.0.1:1"))
    with pytest.raises(errors.LIBRARY) as caught:
        ask(connect("http://swift.test/v1/AUTH_test"))
    assert errors.is_transient(caught.value)
