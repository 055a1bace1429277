"""The server over real sockets, around an application that only echoes."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from docker_registry.serving.shares import Shares
from docker_registry.settings import Limits, Settings

DEADLINE = 20.0  # s

Start = Callable[..., "Running"]


class Running:
    """One server process."""

    def __init__(self, folder: Path, settings: dict[str, Any]):
        self._socket = settings.get("socket", "")
        self.settings_file = folder / "settings.json"
        self._log = folder / "log.txt"
        arguments = [json.dumps({"graceful_timeout": 5, **settings}), str(self.settings_file)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.serving.echo_server", *arguments], stdout=subprocess.PIPE, stderr=log
            )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.process.stdout.close()
        self.get()

    def connect(self, timeout: float = DEADLINE) -> socket.socket:
        if self._socket:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(timeout)
            client.connect(self._socket)
            return client
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def http(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port or None, timeout=DEADLINE)
        if self._socket:
            connection.sock = self.connect()
        return connection

    def get(self, path: str = "/") -> dict[str, Any]:
        connection = self.http()
        connection.request("GET", path)
        seen: dict[str, Any] = json.load(connection.getresponse())
        connection.close()
        return seen

    def send(self, data: bytes) -> bytes:
        """All that comes back for these bytes, until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)

    def log(self) -> str:
        return self._log.read_text()

    def logged(self, pattern: str) -> re.Match[str]:
        return until(lambda: re.search(pattern, self.log()))

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


def until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass in time")


def read_all(client: socket.socket) -> bytes:
    received = b""
    try:
        while data := client.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def read_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        data = client.recv(65536)
        assert data, f"it ended after {received!r}"
        received += data
    return received


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Running] = []

    def make(**settings: Any) -> Running:
        running.append(Running(tmp_path, settings))
        return running[-1]

    yield make
    for server in running:
        server.stop()


@contextmanager
def half_sent(server: Running) -> Iterator[socket.socket]:
    """A request whose body the application has begun to read, with half of it sent."""
    with server.connect() as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        read_until(client, b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"12345")
        yield client


def test_bodies_arrive_whole(start: Start) -> None:
    server, body = start(), os.urandom(3 << 20)
    for chunked in (False, True):
        connection = server.http()
        sent: Any = iter([body[:1], body[1:100_000], body[100_000:]]) if chunked else body
        connection.request("PUT", "/", sent, encode_chunked=chunked)
        response = connection.getresponse()
        assert json.load(response)["sha256"] == hashlib.sha256(body).hexdigest()
        assert response.getheader("Server") is None
        connection.close()


def test_a_connection_is_kept(start: Start) -> None:
    connection = start().http()
    for _ in range(3):
        connection.request("PUT", "/ignore", b"a small body that nobody reads")
        response = connection.getresponse()
        assert (response.status, response.read(), response.will_close) == (404, b"{}", False)
    connection.close()


def test_a_small_answer_is_one_packet(start: Start) -> None:
    with start().connect() as client:
        for _ in range(20):
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head, _, body = client.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert json.loads(body)


@pytest.mark.parametrize(
    "lengths", ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6", "A : b"]
)
def test_a_smuggled_request_is_not_answered(start: Start, lengths: str) -> None:
    request = f"POST / HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = start().send(request.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("head", ["Content-Length: 10\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\na\r\n12345"])
def test_a_cut_body_ends_quietly(start: Start, head: str) -> None:
    server = start()
    with server.connect() as client:
        client.sendall(f"PUT / HTTP/1.1\r\nHost: a\r\n{head}".encode())
    server.logged(r'"PUT /" 499 ')
    assert "Traceback" not in server.log()


def test_a_malformed_chunk_closes(start: Start) -> None:
    answer = start().send(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    assert b" 200 " not in answer


def test_a_large_body_that_nobody_reads_gets_its_answer(start: Start) -> None:
    with start().connect() as client:
        client.sendall(b"PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n" + bytes(1 << 20))
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"Connection: close" in answer


def test_who_expects_a_continue_is_not_waited_for(start: Start) -> None:
    answer = start().send(b"PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")


def test_an_application_that_fails_is_a_500(start: Start) -> None:
    server = start()
    connection = server.http()
    connection.request("GET", "/fail")
    assert connection.getresponse().status == 500
    connection.close()
    server.logged(r"GET /fail failed request=\w+\nTraceback")


def test_a_storage_that_fails_in_mid_answer_cuts_it_in_one_line(start: Start) -> None:
    server = start()
    answer = server.send(b"GET /break HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n12345")
    server.logged("GET /break stopped halfway: the storage: the storage went away")
    assert "Traceback" not in server.log()


@pytest.mark.parametrize(
    ("limit", "sent", "answer"),
    [
        ("header_timeout", b"GET / HTTP/1.1\r\nHost:", b"HTTP/1.1 408 "),
        ("idle_timeout", b"", b""),
        ("body_timeout", b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", b""),
    ],
)
def test_nobody_is_waited_for_without_end(start: Start, limit: str, sent: bytes, answer: bytes) -> None:
    assert start(**{limit: 0.2}).send(sent).startswith(answer)


def test_a_head_that_drips_ends_too(start: Start) -> None:
    with start(header_timeout=0.5).connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n")

        def drip() -> bool:
            try:
                client.sendall(b"A: b\r\n")
            except OSError:
                return True
            return False

        until(drip)


def test_requests_in_flight_finish(start: Start) -> None:
    server = start()
    with half_sent(server) as client, server.connect() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(idle, b"}")
        server.process.send_signal(signal.SIGTERM)
        assert read_all(idle) == b""  # hung up, though it would have been kept
        client.sendall(b"67890")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert hashlib.sha256(b"1234567890").hexdigest().encode() in answer
    assert server.process.wait(DEADLINE) == 0


def test_requests_in_flight_finish_where_the_master_was_killed(start: Start) -> None:
    server = start()
    with half_sent(server) as client:
        server.process.kill()
        server.process.wait(DEADLINE)
        server.logged("the master has ended")
        client.sendall(b"67890")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert hashlib.sha256(b"1234567890").hexdigest().encode() in answer


def test_the_wait_for_them_is_bounded(start: Start) -> None:
    server = start(graceful_timeout=0.3)
    with half_sent(server) as client:
        server.process.send_signal(signal.SIGTERM)
        assert b" 200 " not in read_all(client)
    assert server.process.wait(DEADLINE) == 0
    server.logged("were still busy")


def test_reload_takes_new_settings_and_loses_nothing(start: Start) -> None:
    server = start()
    server.settings_file.write_text('{"body_timeout": 7, "workers": 2}')
    with half_sent(server) as client:
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.get()["body_timeout"] == 7)
        client.sendall(b"67890")
        assert read_all(client).startswith(b"HTTP/1.1 200 ")


def test_a_bad_config_file_leaves_what_runs(start: Start) -> None:
    server = start()
    server.settings_file.write_text("")
    server.process.send_signal(signal.SIGHUP)
    server.logged("the settings stay as they were: the file is empty")
    assert server.get()["body_timeout"] == 60


def test_workers_share_the_port(start: Start) -> None:
    server = start(workers=2)
    pids: set[int] = set()

    def both() -> bool:
        pids.add(server.get("/sleep?0.01")["pid"])
        return len(pids) == 2

    until(both)


def test_a_killed_worker_is_replaced(start: Start) -> None:
    server = start()
    first = server.get()["pid"]
    os.kill(first, signal.SIGKILL)

    def another() -> bool:
        try:
            return bool(server.get()["pid"] != first)
        except OSError:
            return False

    until(another)


def test_ctrl_c_ends_it_at_once_and_quietly(start: Start) -> None:
    server = start()
    with half_sent(server):
        for pid in (server.get()["pid"], server.process.pid):  # the terminal tells all of them, then the master does
            os.kill(pid, signal.SIGINT)
        assert server.process.wait(DEADLINE) == 0
    assert "Traceback" not in server.log()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"G\x1b[31mT /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
    ],
)
def test_what_is_no_request_is_refused_in_one_line_with_the_configured_headers(
    start: Start, sent: bytes, status: int
) -> None:
    server = start(headers=[["Access-Control-Allow-Origin", "*"]])
    with server.connect() as client:
        client.sendall(sent)
        head, _, body = read_all(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nAccess-Control-Allow-Origin: *" in head
    assert body.endswith(b"\n")
    server.get("/last")
    server.logged("/last")
    lines = [line for line in server.log().splitlines() if '"GET / 200' not in line and "/last" not in line]
    assert len(lines) == (1 if sent.startswith(b"\x16") else 2)  # the first is for the server's start
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: " + b"a" * 60_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n",
        b"GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
def test_what_is_one_is_answered(start: Start, sent: bytes) -> None:
    assert start().send(sent).startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_longest_idle_make_room(start: Start) -> None:
    server = start(connections=4)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with half_sent(server) as working, server.connect() as slow, server.connect() as idle:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        idle.sendall(request)
        read_until(idle, b"}")
        server.get()  # the fourth
        assert b" 200 " not in read_all(slow)
        with server.connect() as last:
            last.sendall(request)
            read_until(last, b"}")
            server.get()
            assert read_all(idle) == b""
            last.sendall(request)
            assert read_until(last, b"}").startswith(b"HTTP/1.1 200 ")
        working.sendall(b"67890")
        assert read_until(working, b"}").startswith(b"HTTP/1.1 200 ")


def test_no_address_holds_more_than_its_share(start: Start) -> None:
    server = start(limits={"connections": 3})
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with ExitStack() as stack:
        first, *_ = [stack.enter_context(half_sent(server)) for _ in range(3)]
        turned_away = server.send(request)
        assert turned_away.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nRetry-After: " in turned_away
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE, ("127.0.0.2", 0)) as other:
            other.sendall(request)
            assert read_until(other, b"}").startswith(b"HTTP/1.1 200 ")
        first.sendall(b"67890")
        assert read_until(first, b"}").startswith(b"HTTP/1.1 200 ")
        first.close()
        until(lambda: server.send(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))[9:12] == b"200")


def test_a_unix_socket(start: Start, tmp_path: Path) -> None:
    where = tmp_path / "registry.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(where))
    server = start(socket=str(where), limits={"connections": 1})
    with half_sent(server) as first, half_sent(server) as second:
        for client in (first, second):
            client.sendall(b"67890")
            assert read_until(client, b"}").startswith(b"HTTP/1.1 200 ")
    server.logged(r'- "PUT /" 200 ')
    taken = subprocess.run(
        [sys.executable, "-m", "tests.serving.echo_server", json.dumps({"socket": str(where)})],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert f"cannot listen on {where}: Address already in use" in taken.stderr
    assert server.stop() == 0


def test_a_trusted_proxy_has_all_places(start: Start) -> None:
    server = Settings(limits=Limits(connections=1), trusted_proxies=(ip_network("192.0.2.0/24"),))
    shares = Shares(server.limits.connections, server.trusted_proxies)
    for address, expected in (("192.0.2.1", True), ("198.51.100.1", False), ("", True)):
        with shares.place(address) as first, shares.place(address) as second:
            assert (first, second) == (True, expected)


def test_who_is_refused_does_not_hold_a_place_by_dripping(start: Start) -> None:
    """The body is small enough to be read for the connection's sake, and would take all of `body_timeout`."""
    with start().connect() as client:
        client.sendall(b"PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n12345")
        assert read_all(client).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("framing", "piece"),
    [
        ("Content-Length: 1000000", b"a"),
        ("Transfer-Encoding: chunked", b"1\r\na\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
        ("Transfer-Encoding: chunked\r\n\r\n0", b"\r\nA: b"),
    ],
)
def test_a_body_that_drips_ends(start: Start, framing: str, piece: bytes) -> None:
    server = start(body_timeout=0.5, body_min_rate=1 << 20)
    end = b"" if framing.endswith((";", "\r\n0")) else b"\r\n\r\n"
    with server.connect() as client:
        client.sendall(f"PUT / HTTP/1.1\r\nHost: a\r\n{framing}".encode() + end)

        def drip() -> bool:
            try:
                client.sendall(piece)
            except OSError:
                return True
            return False

        until(drip)
    server.logged('"PUT /" 499 ')


def test_an_answer_that_nobody_takes_ends(start: Start) -> None:
    server = start(body_timeout=0.5)
    with server.connect() as client:
        client.sendall(b"GET /large?100 HTTP/1.1\r\nHost: a\r\n\r\n")
        server.logged('"GET /large" 499 ')


def test_others_have_their_turn_while_some_send_requests_without_end(start: Start) -> None:
    server, many = start(), 1000
    worker = server.get()["pid"]
    with ExitStack() as stack:
        # One after another, whichever of them the worker looks at first.
        clients = [(stack.enter_context(server.connect()), ("/other", "/flood")[i % 2]) for i in range(9)]
        for client, _ in clients:
            client.sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
            read_until(client, b"}")
        os.kill(worker, signal.SIGSTOP)
        try:
            until(lambda: Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] == "T")
            for client, path in clients:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * (many if path == "/flood" else 1))
        finally:
            os.kill(worker, signal.SIGCONT)
        until(lambda: server.log().count("/other") == 5)
        assert server.log().rpartition("/other")[0].count("/flood") < many / 2
        until(lambda: server.log().count("/flood") == 4 * many)
    assert server.get()["pid"] == worker


def test_work_for_a_client_that_left_ends(start: Start) -> None:
    server = start()
    with server.connect() as client:
        client.sendall(b"GET /sleep?600 HTTP/1.1\r\nHost: a\r\n\r\n")
        server.get()
    server.logged('"GET /sleep" 499 ')
    assert "Traceback" not in server.log()


def test_work_for_one_that_waits_does_not(start: Start) -> None:
    with start().connect() as client:
        client.sendall(b"GET /sleep?2 HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        assert read_until(client, b"}").startswith(b"HTTP/1.1 200 ")
        assert read_until(client, b"}").startswith(b"HTTP/1.1 200 ")


def test_signals_leave_a_line(start: Start) -> None:
    server = start()
    server.settings_file.write_text('{"graceful_timeout": 7}')
    server.process.send_signal(signal.SIGHUP)
    server.logged("SIGHUP: the config file is read again")
    server.process.send_signal(signal.SIGTERM)
    server.logged("SIGTERM: listening no more; requests in flight have 7 s")


def test_the_access_log_shows_no_licence(start: Start) -> None:
    server = start(log_json=True)
    server.get("/v2/a/blobs/uploads/x?_state=SIGNED&digest=sha256:ab&other=HIDDEN")
    line = json.loads(server.logged(r"(?m)^\{.*GET /v2.*$")[0])
    assert (line["path"], line["status"]) == ("/v2/a/blobs/uploads/x?digest=sha256:ab", 200)
    assert "SIGNED" not in server.log()
    assert "HIDDEN" not in server.log()


@pytest.mark.parametrize("settings", [{}, {"log_json": True}])
def test_no_line_shows_a_licence_wherever_it_stands(start: Start, settings: dict[str, Any]) -> None:
    server = start(**settings)
    lines = [
        "GET /here/u?_state=SIGNED HTTP/1.1",
        "GET /here/u%3f_state=SIGNED HTTP/1.1",
        "GET /here/u%3F%5Fst%61te%3DSIGNED HTTP/1.1",
        "GET /here/u%253f%255fstate%253dSIGNED HTTP/1.1",
        "GET /here/_state=SIGNED&digest=x HTTP/1.1",
        "GET /here?digest=sha256:ab?_state=SIGNED HTTP/1.1",
        "GET /here_state=SIGNED HTTP/1.1 more",
        "GET /here _state=SIGNED",
        "/here_state=SIGNED GET",
    ]
    for line in lines:
        server.send(f"{line}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    until(lambda: len(re.findall("(?m)^.*/here.*$", server.log())) == len(lines))
    assert "SIGNED" not in server.log()


def test_a_quotation_mark_ends_no_field(start: Start) -> None:
    server = start()
    server.send(b'GET /a"b HTTP/1.1\r\nHost: a\r\nUser-Agent: x\\" 200 "y\r\nConnection: close\r\n\r\n')
    line = server.logged(r"(?m)^.*/a.*$")[0]
    assert r'"GET /a\"b" 200 ' in line
    assert re.search(r'"x\\\\\\" 200 \\"y" request=[0-9a-f]{24}$', line)


def test_the_bytes_sent_of_an_access_line_are_those_of_the_body(start: Start) -> None:
    server = start()
    for request, end in ((b"GET /one HTTP/1.1\r\nHost: a", '/one" 200'), (b"GET / two HTTP/1.1\r\nHost: a", '" 400')):
        body = server.send(request + b"\r\nConnection: close\r\n\r\n").partition(b"\r\n\r\n")[2]
        assert body
        server.logged(f"{end} sent={len(body)} received=0 ")


def test_a_forged_line_stays_one_line(start: Start) -> None:
    server = start()
    server.send(b'GET /a"\x1b[31m HTTP/1.1\r\nHost: a\r\nUser-Agent: x"\x7f\x01y\r\nConnection: close\r\n\r\n')
    line = server.logged(r"(?m)^.*/a.*$")[0]
    assert line.isprintable()
