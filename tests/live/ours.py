"""This registry as a child process, started as its users start it: with a config file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from docker_registry.embedded import EmbeddedSwift

_SERVING = re.compile(r"on (http://127\.0\.0\.1:\d+)/v2/")
_DEADLINE = 30.0  # seconds for it to start, or to stop


def write_config(folder: Path, swift: EmbeddedSwift, container: str, **registry: Any) -> Path:
    """A config.yml for one container of this Swift; `registry` is its section of that name. JSON is YAML."""
    path = folder / "config.yml"
    options = swift.options(swift_container=container)
    path.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": registry}}))
    return path


class Ours:
    """`docker-registry-swift serve --config`, with further options; use it as a context manager.

    `folder` takes its log; `environ` is in place of the environment.
    """

    def __init__(self, folder: Path, config: Path, *options: str, environ: dict[str, str] | None = None):
        self._options = options
        self._environ = environ
        self._log = folder / "ours.log"
        self._config = config
        self._child: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Ours:
        command = [sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(self._config), *self._options]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", "0", "--workers", "1"],
                stdout=log,
                stderr=log,
                env=self._environ,
            )
        try:
            self.url = self._address()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _address(self) -> str:
        assert self._child is not None
        deadline = time.monotonic() + _DEADLINE
        while time.monotonic() < deadline and self._child.poll() is None:
            found = _SERVING.search(self.log)
            if found:
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"docker-registry-swift did not start:\n{self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text()

    def signal(self, number: int) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def kill(self) -> None:
        """End it as a power failure would; what its workers do is over too."""
        assert self._child is not None
        workers = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self._child.pid)], capture_output=True, check=True)
        for pid in (self._child.pid, *map(int, workers.stdout.split())):
            os.kill(pid, signal.SIGKILL)
        self._child.wait()

    def __exit__(self, *exc_info: object) -> None:
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(_DEADLINE)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None
