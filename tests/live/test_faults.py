"""The fault proxy does what its rules say, and nothing else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
import swiftclient

from docker_registry.embedded import EmbeddedSwift
from tests.live.faults import FaultProxy

ABSENT = 404


@pytest.fixture
def faults(swift: EmbeddedSwift) -> Iterator[FaultProxy]:
    with FaultProxy(swift.storage_url) as proxy:
        yield proxy


@pytest.fixture
def connect(swift: EmbeddedSwift, faults: FaultProxy, container: str):
    """Connections through the proxy, each new."""
    token = swiftclient.get_auth(swift.auth_url, swift.user, swift.password)[1]
    swiftclient.put_container(faults.url, token, container)
    faults.forget()
    return lambda: swiftclient.Connection(preauthurl=faults.url, preauthtoken=token, retries=0)


def test_without_rules_it_passes_on_everything(connect, container, faults):
    connection, content = connect(), bytes(range(256)) * 4096
    connection.put_object(container, "plain", content)
    connection.put_object(container, "chunked", iter([content, content]))
    connection.put_object(container, "empty", b"")
    assert connection.get_object(container, "plain")[1] == content
    assert connection.get_object(container, "chunked")[1] == content * 2
    assert connection.head_object(container, "empty")["content-length"] == "0"
    assert connection.get_object(container, "plain", headers={"Range": "bytes=1-3"})[1] == content[1:4]
    assert [row["name"] for row in connection.get_container(container)[1]] == ["chunked", "empty", "plain"]
    assert [seen.status for seen in faults.requests] == [201, 201, 201, 200, 200, 200, 206, 200]
    assert faults.requests[6].range == "bytes=1-3"
    assert not faults.spoiled


def test_answers_for_swift_as_often_as_told(connect, container, faults):
    faults.answer(503, method="PUT", path="/a$", times=2, skip=1, headers={"Retry-After": "7"})
    connection = connect()
    connection.put_object(container, "a", b"1")
    for _ in range(2):
        with pytest.raises(swiftclient.ClientException) as refusal:
            connection.put_object(container, "a", b"2")
        assert refusal.value.http_status == 503
        assert refusal.value.http_response_headers["retry-after"] == "7"
    assert connection.get_object(container, "a")[1] == b"1"
    connection.put_object(container, "b", b"3")
    connection.put_object(container, "a", b"4")
    assert connection.get_object(container, "a")[1] == b"4"
    assert len(faults.spoiled) == 2


def test_swallows_the_answer_after_the_work_is_done(connect, container, faults):
    faults.swallow(method="PUT", times=1)
    with pytest.raises(requests.ConnectionError):
        connect().put_object(container, "a", b"x")
    assert connect().get_object(container, "a")[1] == b"x"
    assert faults.spoiled[0].status == 201


def test_refuses_before_any_work(connect, container, faults):
    faults.refuse(method="PUT", times=1)
    with pytest.raises(requests.ConnectionError):
        connect().put_object(container, "a", b"x")
    with pytest.raises(swiftclient.ClientException) as missing:
        connect().get_object(container, "a")
    assert missing.value.http_status == ABSENT


def raw_get(url: str, token: str) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=0.5)
    connection.request("GET", parts.path, headers={"X-Auth-Token": token})
    return connection.getresponse()


@pytest.mark.parametrize("size", [0, 1, 65536, 100_000])
def test_cuts_a_body(connect, container, faults, size):
    connection = connect()
    connection.put_object(container, "a", b"x" * 200_000)
    faults.cut(size, method="GET", times=1)
    response = raw_get(f"{faults.url}/{container}/a", connection.token)
    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert len(cut.value.partial) == size
    assert len(connection.get_object(container, "a")[1]) == 200_000


def test_hangs_in_a_body(connect, container, faults):
    connection = connect()
    connection.put_object(container, "a", b"x" * 200_000)
    faults.hang(1000, 30, method="GET", times=1)
    response = raw_get(f"{faults.url}/{container}/a", connection.token)
    assert len(response.read(1000)) == 1000
    with pytest.raises(TimeoutError):
        response.read(1)


def test_delays(connect, container, faults):
    connection = connect()
    connection.put_object(container, "a", b"x")
    faults.delay(30, method="GET", times=1)
    with pytest.raises(TimeoutError):
        raw_get(f"{faults.url}/{container}/a", connection.token)
    assert faults.spoiled[0].fault == "delay"


def test_corrupts_a_body(connect, container, faults):
    connection = connect()
    connection.put_object(container, "a", b"abc")
    faults.corrupt(method="GET", path="/a$")
    assert connection.get_object(container, "a")[1] == b"`bc"


def test_holds_a_stale_listing(connect, container, faults):
    connection = connect()
    connection.put_object(container, "a", b"")
    faults.hold(path=rf"/{container}\?")
    assert [row["name"] for row in connection.get_container(container)[1]] == ["a"]
    connection.put_object(container, "b", b"")
    assert [row["name"] for row in connection.get_container(container)[1]] == ["a"]
    assert connection.get_object(container, "b")[1] == b""
    faults.clear()
    assert [row["name"] for row in connection.get_container(container)[1]] == ["a", "b"]


def test_hides_rows_of_a_listing(connect, container, faults):
    connection = connect()
    for name in ("a", "b", "d/e"):
        connection.put_object(container, name, b"")
    faults.hide("^[bd]", path=rf"/{container}\?")
    assert [row["name"] for row in connection.get_container(container, delimiter="/")[1]] == ["a"]


def test_several_clients_at_once_and_rules_that_do_not_block_others(connect, container, faults):
    slow, fast = connect(), connect()
    fast.put_object(container, "a", b"x" * 100_000)
    faults.hang(10, 30, method="GET", times=1)
    response = raw_get(f"{faults.url}/{container}/a", slow.token)
    assert len(fast.get_object(container, "a")[1]) == 100_000
    response.close()
