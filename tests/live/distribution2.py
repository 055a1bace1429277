"""Distribution 2.8 (Debian's package docker-registry) on a container, as the peer of the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.peers import program

PROGRAM = program("docker-registry") or "docker-registry"
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
_DEADLINE = 20.0  # seconds for it to start, or to stop


def storage(swift: Any, container: str, **parameters: Any) -> dict[str, Any]:
    """The section `storage.swift` of a config file for this container of an embedded Swift."""
    return {
        "username": swift.user,
        "password": swift.password,
        "authurl": swift.auth_url,
        "container": container,
        **parameters,
    }


class Distribution2:
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
        self.environ = {**os.environ, **(environ or {})}
        self.config = folder / "config.yml"
        self._log = folder / "log.txt"
        self._child: subprocess.Popen[bytes] | None = None
        self.url = ""
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

    def __enter__(self) -> Distribution2:
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [PROGRAM, "serve", str(self.config)], stdout=log, stderr=log, env=self.environ
            )
        try:
            self.url = f"http://{self._address()}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def _address(self) -> str:
        assert self._child is not None
        deadline = time.monotonic() + _DEADLINE
        while time.monotonic() < deadline and self._child.poll() is None:
            found = _LISTENING.search(self.log)
            if found:
                return found[1]
            time.sleep(0.02)
        raise AssertionError(f"docker-registry did not start:\n{self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text()

    def __exit__(self, *exc_info: object) -> None:
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(_DEADLINE)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None

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
