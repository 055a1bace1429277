"""Requests that break a rule of HTTP, sent to Distribution 2.8 and to us: we refuse whatever it refuses, and more."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.distribution2 import Distribution2, storage
from tests.live.ours import Ours
from tests.peers import need

DEADLINE = 30.0  # s
LONG = "a" * 20_000

# What is sent, and how the two answer; where they differ, ours is what RFC 9112 asks of a server.
SENT = {
    "a request": ("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 200, 200),
    "of HTTP/1.0": ("GET /v2/ HTTP/1.0\r\n\r\n", 200, 200),
    "behind an empty line": ("\r\nGET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 200),  # 2.2: SHOULD ignore it
    "with a target that has a host": ("GET http://b/v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 200, 200),
    "with a long line of header": (f"GET /v2/ HTTP/1.1\r\nHost: a\r\nA: {LONG}\r\n\r\n", 200, 200),
    "with too much header": (f"GET /v2/ HTTP/1.1\r\nHost: a\r\nA: {LONG * 60}\r\n\r\n", 431, 431),
    "with lone line feeds": ("GET /v2/ HTTP/1.1\nHost: a\n\n", 200, 400),  # 2.2: MAY take them
    "without a host": ("GET /v2/ HTTP/1.1\r\n\r\n", 400, 400),
    "with two hosts": ("GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 400),
    "with a blank in the host": ("GET /v2/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 400),
    "with a host that is none": (
        "GET /v2/ HTTP/1.1\r\nHost: a..b\r\n\r\n",
        200,
        400,
    ),  # 3.2: MUST refuse it
    "with an empty host": ("GET /v2/ HTTP/1.1\r\nHost:\r\n\r\n", 200, 400),
    "with a blank before the colon": ("GET /v2/ HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400, 400),
    "with a folded line": (
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
        200,
        400,
    ),  # 5.2: MUST refuse it
    "with a control character": ("GET /v2/ HTTP/1.1\r\nHost: a\r\nA: \x01\r\n\r\n", 400, 400),
    "with a method that is none": ("G(T /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 400),
    "with two blanks": ("GET  /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 400),
    "with a target that is no path": ("GET v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 400),
    "of HTTP/2.0": ("GET /v2/ HTTP/2.0\r\nHost: a\r\n\r\n", 505, 505),
    "of HTTP/0.9": ("GET /v2/\r\n\r\n", 400, 400),
    "with two lengths": ("GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, 400),
    "with a length that is none": ("GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", 400, 400),
    "with a coding that is none": ("GET /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", 501, 400),
    "with a length and chunks": (
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        200,
        400,  # 6.3: ought to be handled as an error
    ),
}


@pytest.fixture(scope="module")
def both(swift: EmbeddedSwift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of Distribution and of us, on one config file."""
    need("docker-registry")
    folder = tmp_path_factory.mktemp("both")
    with Distribution2(folder, storage(swift, "malformed")) as it, Ours(folder, it.config) as us:
        yield it.url, us.url


def status(url: str, sent: str) -> int:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), DEADLINE) as client:
        try:
            client.sendall(sent.encode("latin-1"))
        except OSError:
            pass  # refused before it was all there
        answer = client.recv(65536)
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(("sent", "theirs", "ours"), SENT.values(), ids=SENT)
def test_a_request(both: tuple[str, str], sent: str, theirs: int, ours: int) -> None:
    assert (status(both[0], sent), status(both[1], sent)) == (theirs, ours)
