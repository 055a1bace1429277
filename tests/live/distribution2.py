"""Distribution 2.8 (Debian's package docker-registry) on a container, as the peer of the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.live.child import Child
from tests.peers import program

PROGRAM = program("docker-registry") or "docker-registry"
_SERVING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
_PATIENCE = 20.0  # seconds for it to start, or to stop


def storage(swift: Any, container: str, **parameters: Any) -> dict[str, Any]:
    """The section `storage.swift` of a config file for this container of an embedded Swift."""
    return {
        "username": swift.user,
        "password": swift.password,
        "authurl": swift.auth_url,
        "container": container,
        **parameters,
    }


class Distribution2(Child):
    """`docker-registry serve` as a child process; use it as a context manager.

    `folder` takes its config file and its log. `url` is where it serves;
    `http` is added to that section of the file, `environ` to the environment.
    JSON is YAML, so the config file needs no writer of its own.
    """

    def __init__(
        self,
        folder: Path,
        swift: dict[str, Any],
        redirect: bool = False,
        http: dict[str, Any] | None = None,
        environ: dict[str, str] | None = None,
    ):
        self.config = folder / "config.yml"
        super().__init__(
            [PROGRAM, "serve", str(self.config)],
            folder / "log.txt",
            _SERVING,
            _PATIENCE,
            {**os.environ, **(environ or {})},
        )
        self.config.write_text(
            json.dumps(
                {
                    "version": "0.1",
                    "log": {"level": "info", "formatter": "text", "accesslog": {"disabled": True}},
                    "storage": {
                        "swift": swift,
                        "delete": {"enabled": True},
                        "redirect": {"disable": not redirect},
                        "maintenance": {"uploadpurging": {"enabled": False}},
                    },
                    "http": {"addr": "127.0.0.1:0", "secret": "only for tests", **(http or {})},
                }
            )
        )

    def garbage_collect(self, *options: str) -> str:
        """Run its `garbage-collect` to the end; returns what it printed, raises CalledProcessError."""
        done = subprocess.run(
            [PROGRAM, "garbage-collect", *options, str(self.config)],
            check=True,
            timeout=120,
            env=self.environ,
            capture_output=True,
            text=True,
        )
        return done.stdout
