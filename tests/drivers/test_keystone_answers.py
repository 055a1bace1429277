# -*- coding: utf-8 -*-
"""What servers that speak Keystone's API may leave out of an answer, and what the driver makes of it."""

import json
import socket
import sys
import threading

import pytest

from docker_registry.core.exceptions import BrokenError, MissingError, UnreachableError
from docker_registry.drivers.swift.login import identity
from docker_registry.drivers.swift.settings.config import read
from tests.drivers.raw_server import Server, without_proxies

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
except ImportError:
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

SWIFT = "http://swift.example.org/v1/AUTH_web"
V2_CATALOGUE = [{"type": "object-store", "endpoints": [{"region": "One", "publicURL": SWIFT}]}]
V3_CATALOGUE = [
    {"type": "object-store", "endpoints": [{"region": "One", "region_id": "One", "interface": "public", "url": SWIFT}]}
]


class Keystone(object):
    """Answers each path with the JSON it is given, and keeps what was asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        keystone = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                length = int(self.headers.get("Content-Length") or 0)
                keystone.asked.append(json.loads(self.rfile.read(length).decode("utf8")) if length else None)
                body = json.dumps(keystone.answers[self.path]).encode("utf8")
                self.send_response(200)
                self.send_header("X-Subject-Token", "a token")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_args):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def keystone():
    keystone = Keystone()
    yield keystone
    keystone.stop()


def log_in(keystone, version, **options):
    options = dict({"swift_user": "demo", "swift_password": "of-the-user"}, **options)
    return identity.log_in(read(dict(options, swift_authurl="%s/%s" % (keystone.url, version)), {}), 0)


def v2_token(**token):
    token = dict({"id": "a token", "expires": "2999-01-01T00:00:00Z", "tenant": {"id": "1", "name": "web"}}, **token)
    user = {"id": "2", "name": "demo", "roles": []}
    return {"access": {"token": token, "serviceCatalog": V2_CATALOGUE, "user": user}}


def test_a_token_of_v2_that_does_not_say_when_it_was_issued(keystone):
    keystone.answers["/v2.0/tokens"] = v2_token()
    url, token, lifetime = log_in(keystone, "v2.0", swift_tenant_name="web")
    assert (url, token) == (SWIFT, "a token")
    assert lifetime > 900 * 365 * 24 * 3600


def test_a_token_of_v2_that_says_so(keystone):
    keystone.answers["/v2.0/tokens"] = v2_token(issued_at="2998-12-31T23:00:00Z")
    assert log_in(keystone, "v2.0", swift_tenant_name="web")[2] == 3600


def v3_token(**token):
    user = {"id": "2", "name": "demo", "domain": {"id": "default", "name": "Default"}}
    times = {"issued_at": "2998-12-31T23:00:00.0Z", "expires_at": "2999-01-01T00:00:00.0Z"}
    return {"token": dict({"methods": ["password"], "user": user}, **dict(times, **token))}


def test_a_user_with_a_default_project(keystone):
    project = {"id": "1", "name": "web", "domain": {"id": "default", "name": "Default"}}
    keystone.answers["/v3/auth/tokens"] = v3_token(project=project, catalog=V3_CATALOGUE)
    assert log_in(keystone, "v3") == (SWIFT, "a token", 3600)
    assert "scope" not in keystone.asked[0]["auth"]


def test_a_user_without_one_is_told_which_projects_there_are(keystone):
    keystone.answers["/v3/auth/tokens"] = v3_token()
    keystone.answers["/v3/auth/projects"] = {"projects": [{"name": "web"}, {"name": "shop"}]}
    with pytest.raises(BrokenError) as info:
        log_in(keystone, "v3")
    assert "who has no default project: write swift_tenant_name (there are: shop, web)" in str(info.value)
    assert "of-the-user" not in str(info.value)


@pytest.mark.parametrize("answer", [{}, {"access": {}}, {"access": {"token": {"id": "x"}}}, {"token": 5}, []])
@pytest.mark.parametrize("version", ["v2.0", "v3"])
def test_an_answer_that_is_no_token(keystone, version, answer):
    keystone.answers["/v2.0/tokens"] = keystone.answers["/v3/auth/tokens"] = answer
    with pytest.raises((BrokenError, MissingError)) as info:
        log_in(keystone, version, swift_tenant_name="web")
    assert keystone.url in str(info.value)


def test_a_user_of_v2_without_one(keystone):
    keystone.answers["/v2.0/tokens"] = v2_token()
    del keystone.answers["/v2.0/tokens"]["access"]["token"]["tenant"]
    keystone.answers["/v2.0/tenants"] = {"tenants": [{"name": "web"}]}
    with pytest.raises(BrokenError) as info:
        log_in(keystone, "v2.0")
    assert "write swift_tenant_name (there are: web)" in str(info.value)


def whole():
    body = json.dumps(
        {
            "token": {
                "expires_at": "2999-01-01T00:00:00.000000Z",
                "issued_at": "2999-01-01T00:00:00.000000Z",
                "methods": ["password"],
                "project": {"id": "web", "name": "web", "domain": {"id": "default", "name": "Default"}},
                "catalog": V3_CATALOGUE,
            }
        }
    ).encode("utf8")
    head = "HTTP/1.1 201 Created\r\nX-Subject-Token: a token\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head.encode("ascii") + body


def cut(size):
    """An answer that ends after so many bytes."""

    def answer(_request, sock):
        sock.sendall(whole()[:size])
        sock.shutdown(socket.SHUT_RDWR)

    return answer


@pytest.fixture
def network(monkeypatch):
    without_proxies(monkeypatch)
    server = Server()
    yield server
    server.close()


# Python 2's libraries take a body that was cut for a whole one.
@pytest.mark.parametrize("size", [3, 40] + ([90, 150] if sys.version_info >= (3,) else []))
def test_an_answer_that_was_cut_is_no_refusal(network, size):
    network.answers = [cut(size)]
    network.url = "http://%s" % network.host
    with pytest.raises(UnreachableError):
        log_in(network, "v3", swift_tenant_name="web")


@pytest.mark.parametrize("status", [100, 102, 103])
def test_interim_answers_are_passed_over(network, status):
    network.answers = [("HTTP/1.1 %d Soon\r\nLink: </x>\r\n\r\n" % status).encode("ascii") + whole()]
    network.url = "http://%s" % network.host
    assert log_in(network, "v3", swift_tenant_name="web")[:2] == (SWIFT, "a token")
