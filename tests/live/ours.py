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

from docker_registry.embedded import SwiftProcess
from tests.live.child import Child

_SERVING = re.compile(r"on http://(127\.0\.0\.1:\d+)/v2/")
_WATCHED = re.compile(r"Watched on (http://127\.0\.0\.1:\d+)")
_PATIENCE = 90.0  # seconds for it to start, or to stop; machines are busy


def write_config(folder: Path, swift: SwiftProcess, container: str, **registry: Any) -> Path:
    """A config.yml for one container of this Swift; `registry` is its section of that name. JSON is YAML."""
    path = folder / "config.yml"
    options = swift.options(swift_container=container)
    path.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": registry}}))
    return path


class Ours(Child):
    """`docker-registry-swift serve --config`, with further options; use it as a context manager.

    `folder` takes its log; `environ` is in place of the environment.
    """

    def __init__(
        self,
        folder: Path,
        config: Path,
        *options: str,
        environ: dict[str, str] | None = None,
        workers: int = 1,
        port: int = 0,
    ):
        command = [sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(config), *options]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
        super().__init__(command, folder / "ours.log", _SERVING, _PATIENCE, environ)

    @property
    def debug_url(self) -> str:
        """Of the second port, which is announced before the first."""
        found = _WATCHED.search(self.log)
        assert found, self.log
        return found[1]

    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=False)
        return [*map(int, found.stdout.split())]

    def wait_for(self, text: str) -> None:
        """Until its log has this text."""
        deadline = time.monotonic() + _PATIENCE
        while text not in self.log:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power failure would; what its workers do is over too."""
        for pid in (self.process.pid, *self.workers()):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
