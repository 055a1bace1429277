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
_PATIENCE = 30.0  # seconds for it to start, or to stop


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

    def __init__(self, folder: Path, config: Path, *options: str, environ: dict[str, str] | None = None, port: int = 0):
        command = [sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(config), *options]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        super().__init__(command, folder / "ours.log", _SERVING, _PATIENCE, environ)

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
        workers = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=True)
        for pid in (self.process.pid, *map(int, workers.stdout.split())):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
