"""A Redis of the test's own, on a free port of loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from tests.peers import need

START_TIMEOUT = 20.0  # seconds


class RedisServer:
    """Debian's redis-server, without persistence; a context manager."""

    host = "127.0.0.1"

    def __init__(self, folder: Path):
        self._program = need("redis-server")
        self._folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            if self._process is None or self._process.poll() is not None:
                self._start()  # again, when somebody else was given the port meanwhile
            time.sleep(0.02)
        return self

    def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind((self.host, 0))
            self.port = probe.getsockname()[1]
        arguments = ["--bind", self.host, "--port", str(self.port), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([self._program, *arguments], stdout=subprocess.DEVNULL)

    def _answers(self) -> bool:
        try:
            return bool(self.port) and self.call("PING") == "PONG"
        except OSError:
            return False

    def call(self, *words: str) -> str:
        """Send one inline command; returns the first line of the answer, its type mark taken off."""
        with socket.create_connection((self.host, self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.makefile().readline().strip()[1:]

    @property
    def lru(self) -> dict[str, str]:
        """The environment that makes docker-registry use it for small files."""
        return {"CACHE_LRU_REDIS_HOST": self.host, "CACHE_LRU_REDIS_PORT": str(self.port)}

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
