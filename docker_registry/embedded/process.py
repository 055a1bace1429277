"""Start, watch and end the process in which an embedded Swift lives."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from .options import EmbeddedError, SwiftOptions
from .requestlog import Requests

__all__ = ["EmbeddedSwift", "SwiftProcess", "run"]

READY = "ready "
STOP_TIMEOUT = 10.0  # seconds; Swift has nothing to save, it ends at once


Self = TypeVar("Self", bound="SwiftProcess")


class SwiftProcess:
    """A Swift over one data directory; a context manager that is ready when it is entered.

    The process ends with `stop`, or when the process that started it is gone.
    """

    module: str  # what it runs; it reads the options from its stdin
    takes_commands = False  # by its stdin, later

    def __init__(self, opts: SwiftOptions):
        self.opts = opts
        self.user = self.opts.user
        self.password = self.opts.password
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    def start(self: Self) -> Self:
        """Returns when Swift answers. Raises EmbeddedError when it cannot start."""
        if importlib.util.find_spec("swift") is None:
            raise EmbeddedError(
                "OpenStack Swift is not installed: pip install 'docker-registry-driver-swift[embedded]'"
            )
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self._url = self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_ready(self, process: subprocess.Popen[str]) -> str:
        """Hand over the options; returns where it listens."""
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            process.stdin.write(self.opts.to_json() + "\n")
            process.stdin.flush()
            if not self.takes_commands:
                process.stdin.close()
        except BrokenPipeError:
            pass  # it has said why on stderr
        line = process.stdout.readline()
        if not line.startswith(READY):
            why = process.stderr.read().strip()
            raise EmbeddedError(why or "the embedded Swift ended before it was ready")
        return line.removeprefix(READY).strip()

    def stop(self) -> None:
        """End Swift and its children; returns when they have ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream and not stream.closed:
                with suppress(BrokenPipeError):  # where it ended before it had read all
                    stream.close()

    def wait(self) -> int:
        """Wait until Swift ends of itself or by a signal; returns its exit status."""
        assert self._process, "not started"
        return self._process.wait()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process, "not started"
        return self._process.pid

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._url

    @property
    def auth_url(self) -> str:
        """Where TempAuth gives tokens, by auth version 1."""
        return f"{self._url}/auth/v1.0"

    @property
    def storage_url(self) -> str:
        """The account of `user`."""
        return f"{self._url}/v1/AUTH_{quote(self.user.partition(':')[0])}"

    def options(self, **extra: Any) -> dict[str, Any]:
        """What a driver's configuration has to say to use this Swift; `extra` is added."""
        return {
            "swift_authurl": self.auth_url,
            "swift_auth_version": 1,
            "swift_user": self.user,
            "swift_password": self.password,
            **extra,
        }

    def greeting(self) -> str:
        """Where it listens, for people."""
        return f"OpenStack Swift is ready: {self.auth_url} (user {self.user}, data in {self.opts.data_dir})"

    def config(self) -> str:
        """A config.yml of a registry on it, for people to paste."""
        options = {"storage": "swift", **self.options(swift_container="registry")}
        lines = [f"  {name}: {json.dumps(value)}" for name, value in options.items()]
        return "\n".join(
            ["# A config.yml for a registry on it:", "swift:", *lines, "  registry:", "    host: 127.0.0.1"]
        )

    @contextmanager
    def counting(self, everything: bool = False) -> Iterator[Requests]:
        """Count the requests that clients make within the block.

        Those for tokens, `/info` and garbage collection's notice are left out, unless `everything`. Needs
        `request_log=True`. The same object can be read within the block.
        """
        if not self.opts.request_log:
            raise ValueError("start this Swift with request_log=True to count its requests")
        requests = Requests(self.request_log_path, everything)
        try:
            yield requests
        finally:
            requests.end()

    @property
    def request_log_path(self) -> Path:
        return Path(self.opts.data_dir, "requests.log")

    def __enter__(self: Self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


class EmbeddedSwift(SwiftProcess):
    """One node with one copy of everything. Further keywords are those of `SwiftOptions`."""

    module = "docker_registry.embedded"

    def __init__(self, data_dir: str | Path, port: int = 0, **options: Any):
        super().__init__(SwiftOptions(data_dir=str(Path(data_dir).absolute()), port=port, **options))


def run(swift: SwiftProcess) -> int:
    """Run a Swift in the foreground until SIGINT or SIGTERM; returns the exit status.

    Prints where it listens, and a config.yml of a registry on it. Raises EmbeddedError when it cannot start.
    """
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with swift:
            print(swift.greeting(), swift.config(), sep="\n", flush=True)
            return swift.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, previous)
