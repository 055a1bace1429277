"""A worker that ends: who has connected is answered, also where nobody had read of it yet.

The clients are plain sockets, and the hub runs only where the test lets it, so nothing here hangs on time.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gevent
import pytest
from gevent.pool import Pool

from docker_registry.serving.acceptor import Server
from docker_registry.settings import Settings

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
DEADLINE = 30.0  # s


def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        made = Server(
            Settings(access_log=False),
            listener,
            application=answer,
            spawn=Pool(3),
            log=None,
            error_log=logging.getLogger("test"),
        )
        made.start()
        yield made
        made.stop(timeout=0)


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.address[1]), DEADLINE)


def finish(server: Server) -> None:
    with gevent.Timeout(DEADLINE):
        while len(server.pool):
            gevent.sleep(0.01)


def come_to_wait(server: Server, count: int) -> None:
    with gevent.Timeout(DEADLINE):
        while len(server.connections.waiting) < count:
            gevent.sleep(0.01)


def received(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_who_waits_to_be_accepted_is_answered(server: Server) -> None:
    with connect(server) as client:
        client.sendall(REQUEST)
        server.drain()
        finish(server)
        said = received(client)
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in said
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_no_more_are_accepted_than_there_is_room_for(server: Server) -> None:
    clients = [connect(server) for _ in range(4)]
    for client in clients:
        client.sendall(REQUEST)
    server.drain()
    finish(server)
    answered = []
    for client in clients:
        with closing(client):
            try:
                answered.append(received(client).startswith(b"HTTP/1.1 200 "))
            except ConnectionResetError:
                answered.append(False)
    assert answered == [True, True, True, False]


def test_a_request_that_nobody_has_read_is_answered_where_an_idle_connection_is_ended(server: Server) -> None:
    with connect(server) as asking, connect(server) as idle:
        come_to_wait(server, 2)
        server.drain()
        asking.sendall(REQUEST)
        server.connections.end_idle()
        finish(server)
        assert received(asking).startswith(b"HTTP/1.1 200 OK\r\n")
        assert received(idle) == b""
