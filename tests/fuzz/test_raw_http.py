"""Hostile bytes over real sockets: an answer that is no 5xx, or a closed connection, and nothing grows."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator

import bcrypt
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import inputs
from tests.fuzz.hostile import requests
from tests.live.ours import Ours

PATIENCE = 30.0  # s for an answer
GROWTH = 16 << 20  # bytes that a worker may take more in the second half of all inputs
_STATUS = re.compile(rb"(?:^|\n)HTTP/1\.1 (\d{3}) ")
_OTHER_VERSION = 505  # what asking for another HTTP than 1.0 and 1.1 is answered


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    """A registry that forgets, with all its doors that need no other program."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "htpasswd").write_text(f"alice:{bcrypt.hashpw(b'alice', bcrypt.gensalt(4)).decode()}\n")
    policy = [{"who": "anonymous", "may": "pull"}, {"who": "user:alice", "may": ["pull", "push", "delete"]}]
    auth = {"htpasswd": str(folder / "htpasswd"), "robots": True, "policy": policy}
    registry = {"auth": auth, "header_timeout": 5, "body_timeout": 5, "trusted_proxies": "127.0.0.1"}
    config = folder / "config.yml"
    config.write_text(json.dumps({"test": {"storage": "memory", "secret_key": "fuzz", "registry": registry}}))
    with Ours(folder, config) as running:
        yield running


def send(address: tuple[str, int], data: bytes) -> list[int]:
    """The statuses of all answers to these bytes. Raises TimeoutError where the connection stays open."""
    received = b""
    with socket.create_connection(address, PATIENCE) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while more := client.recv(65536):
                received += more
        except (ConnectionResetError, BrokenPipeError):
            pass
    return [int(status) for status in _STATUS.findall(received)]


def memory(ours: Ours) -> int:
    """Bytes that the workers have in memory."""
    rows = subprocess.run(["ps", "-o", "rss=", "--ppid", str(ours.process.pid)], capture_output=True, check=True)
    return sum(map(int, rows.stdout.split())) * 1024


def test_hostile_requests(ours: Ours, capsys: pytest.CaptureFixture[str]) -> None:
    host, _, port = ours.url.removeprefix("http://").partition(":")
    address, seen = (host, int(port)), Counter[int]()
    half = inputs(600) // 2

    @settings(
        max_examples=half,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests())
    def attack(data: bytes) -> None:
        statuses = send(address, data)
        seen.update(statuses or [0])
        assert all(status < 500 or status == _OTHER_VERSION for status in statuses), data

    attack()
    before = memory(ours)
    attack()
    grown = memory(ours) - before
    assert send(address, b"GET /v2/a/tags/list HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") != []
    assert grown < GROWTH, f"{grown} bytes"
    assert "Traceback" not in ours.log
    with capsys.disabled():
        counts = ", ".join(f"{count} of {status or 'none'}" for status, count in sorted(seen.items()))
        print(f"\nhostile requests: {seen.total()} answers ({counts}), {grown >> 10} KiB grown", flush=True)
