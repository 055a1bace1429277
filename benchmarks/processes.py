"""A server that the benchmark starts: its address, what it costs, and its end. Linux only (/proc)."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

__all__ = ["Process", "Server", "free_port"]

_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_START = 30.0  # seconds that a server may take to answer
_STOP = 20.0  # seconds that it may take to end


def _end_with_parent() -> None:
    """In the child: a benchmark that is killed leaves nothing running."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Process:
    """What a process and its children cost."""

    def __init__(self, pid: int):
        self.pid = pid

    def cpu(self) -> float:
        """Seconds of CPU, user and system, used so far."""
        return sum(_cpu(pid) for pid in _family(self.pid))

    def peak(self) -> int:
        """Bytes resident at most, of the largest of them, since it was started."""
        return max(_status(pid, "VmHWM") for pid in _family(self.pid))


class Server:
    """A child process that answers HTTP at `url`, with all of its own children. A context manager.

    `ready` is the path that answers (with any status) once it serves; `log` takes its output.
    """

    def __init__(self, argv: Sequence[str], url: str, log: Path, ready: str = "/", env: dict[str, str] | None = None):
        self.url = url
        self.log = log
        self.started_in = 0.0  # seconds from exec to the first answer
        self._argv = list(argv)
        self._ready = url + ready
        self._env = env
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        out: IO[bytes]
        with self.log.open("ab") as out:
            began = time.perf_counter()
            self._child = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._env,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        self.started_in = time.perf_counter() - began
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._child = None

    def _wait(self) -> None:
        assert self._child is not None
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline and self._child.poll() is None:
            try:
                urllib.request.urlopen(self._ready, timeout=5).close()
            except urllib.error.HTTPError:
                return
            except OSError as error:
                if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                    return  # it serves, with a certificate that it made itself
                time.sleep(0.005)
            else:
                return
        raise RuntimeError(f"{self._argv[0]} does not serve {self._ready}:\n{self.log.read_text()[-2000:]}")

    @property
    def process(self) -> Process:
        assert self._child is not None
        return Process(self._child.pid)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


def _cpu(pid: int) -> float:
    # Fields 14-17 of proc(5): user and system time, then those of children that have ended. The
    # name, field 2, may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * _TICK


def _status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0
