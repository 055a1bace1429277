"""A login by auth v1 over a network that fails: what is no whole answer is no refusal, and is asked for again."""

from __future__ import unicode_literals

import socket

import pytest

from docker_registry.core.exceptions import BrokenError, UnreachableError
from docker_registry.drivers.swift.http import retries
from docker_registry.drivers.swift.login import identity
from docker_registry.drivers.swift.settings.config import read
from tests.drivers.raw_server import Server, without_proxies

GOOD = (
    b"HTTP/1.1 200 OK\r\nX-Storage-Url: http://swift.test/v1/AUTH_web\r\nX-Auth-Token: t\r\nContent-Length: 0\r\n\r\n"
)
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


@pytest.fixture
def server(monkeypatch):
    without_proxies(monkeypatch)
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)
    server = Server()
    yield server
    server.close()


def log_in(server, further=1):
    url = "http://{0}/auth/v1.0".format(server.host)
    return identity.log_in(read({"swift_authurl": url, "swift_user": "web:demo", "swift_password": "x"}, {}), further)


def cut(size):
    """An answer that ends after so many bytes."""

    def answer(_request, sock):
        sock.sendall(GOOD[:size])
        sock.shutdown(socket.SHUT_RDWR)

    return answer


@pytest.mark.parametrize("size", [3, 40, len(GOOD) - 30, len(GOOD) - 2])
def test_a_head_that_is_cut_is_asked_for_again(server, size):
    server.answers = [cut(size), GOOD]
    assert log_in(server) == ("http://swift.test/v1/AUTH_web", "t", None)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [100, 102, 103])
def test_interim_answers_are_passed_over(server, status):
    server.answers = [EARLY.replace(b"103", str(status).encode()) * 2 + GOOD]
    assert log_in(server, 0)[1] == "t"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", cut(40), None])
def test_a_network_that_stays_broken_is_no_wrong_url(server, answer):
    server.answers = [answer]
    with pytest.raises(UnreachableError):
        log_in(server, 2)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("401 Unauthorized", "does not accept user web:demo"),
        ("403 Forbidden", "does not accept user web:demo"),
        ("404 Not Found", "mostly ends in /auth/v1.0"),
        ("200 OK", "no auth v1"),
        ("302 Found", "no auth v1"),
    ],
)
def test_a_refusal_says_what_to_check(server, head, said):
    server.answers = ["HTTP/1.1 {0}\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".format(head).encode()]
    with pytest.raises(BrokenError, match=said) as refusal:
        log_in(server)
    assert "swift_authurl" in str(refusal.value) or "swift_user" in str(refusal.value)
    assert len(server.requests) == 1


def test_what_is_sent(server):
    server.answers = [GOOD]
    log_in(server)
    assert server.requests[0].line.startswith("GET /auth/v1.0 ")
    assert server.requests[0].headers["x-auth-user"] == b"web:demo"
    assert server.requests[0].headers["x-auth-key"] == b"x"
