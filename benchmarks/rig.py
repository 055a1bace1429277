"""What the benchmark runs: one real Swift, and on it, each in a container of its own, the registries and the wire."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from docker_registry.embedded import EmbeddedSwift

from .processes import Server, free_port
from .session import Session
from .targets import Registry, Wire

__all__ = ["CONTAINERS", "DISTRIBUTION", "FORMER", "KEY", "OURS", "SKOPEO", "WIRE", "Rig", "Unavailable"]

WIRE, OURS, DISTRIBUTION, FORMER, SKOPEO = "wire", "ours", "distribution", "driver 0.2.1", "skopeo"
CONTAINERS = (WIRE, OURS, DISTRIBUTION)  # one for each of those that share the rows
_DISTRIBUTION_PROGRAM = "docker-registry"
KEY = "for this benchmark only"
_SWEEPS = 50  # listings of 10,000 objects until a container has to be empty


class Unavailable(Exception):
    """A peer is not on this machine; the text says what to install."""


class Rig:
    """A context manager; what a row asks for is started when it first asks, and ended with the rig.

    `delay` is how long a request waits on its way to Swift in the rows that ask for it, in seconds;
    `segment_size` is that of our registry, in bytes.
    """

    def __init__(self, delay: float = 0.010, segment_size: int | None = None):
        self.delay = delay
        self._segment_size = segment_size
        self._stack = ExitStack()
        self._servers = ExitStack()
        self._registries: dict[tuple[str, bool, bool, bool], Registry] = {}
        self._wires: dict[bool, Wire] = {}
        self._delayed_port = 0

    def __enter__(self) -> Rig:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self.files = self.folder / "files"  # what rows push; removed after each group of them
        self.files.mkdir()
        self.swift = self._stack.enter_context(
            EmbeddedSwift(self.folder / "swift", object_server=True, request_log=True)
        )
        with Session(self.swift.storage_url, {"X-Auth-Token": self.token()}) as session:
            session.ask("POST", "", 204, headers={"X-Account-Meta-Temp-URL-Key": KEY})
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._stack:
            self._servers.close()

    def tidy(self, restart: bool = False) -> None:
        """Leave nothing of one group of rows to the next one: no files, no objects, with `restart` no registry."""
        if restart:
            self._registries.clear()
            self._servers.close()
        for file in self.files.iterdir():
            file.unlink()
        self.empty(*CONTAINERS)

    def wire(self, delayed: bool = False) -> Wire:
        if delayed not in self._wires:
            swift = self._swift_url(delayed)
            self._wires[delayed] = Wire(WIRE, self.swift.storage_url.replace(self.swift.url, swift), WIRE, self.token())
        return self._wires[delayed]

    def registry(self, name: str, redirect: bool = False, delayed: bool = False, checksums: bool = True) -> Registry:
        """Our registry or Distribution's, with pulls redirected or not, and so on. Raises Unavailable."""
        key = (name, redirect, delayed, checksums)
        if key not in self._registries:
            server = self.server(name, redirect, delayed, checksums=checksums)
            self._registries[key] = Registry(name, self._servers.enter_context(server))
        return self._registries[key]

    def server(
        self,
        name: str,
        redirect: bool = False,
        delayed: bool = False,
        container: str | None = None,
        checksums: bool = True,
        more: Mapping[str, Any] | None = None,
    ) -> Server:
        """A registry that is not started yet; `more` goes into sections of its config file. Raises Unavailable."""
        program = self._command(name)
        self.make(container or name)
        port = free_port()
        config = self.config(name, port, redirect, delayed, container, checksums, more)
        scheme = "https" if "tls" in (more or {}).get("http", {}) else "http"
        return Server([*program, str(config)], f"{scheme}://127.0.0.1:{port}", config.with_suffix(".log"), "/v2/")

    @staticmethod
    def _command(name: str) -> list[str]:
        if name == OURS:
            return [sys.executable, "-m", "docker_registry.cli", "serve", "--workers", "1", "--config"]
        program = shutil.which(_DISTRIBUTION_PROGRAM)
        if program is None:
            raise Unavailable("apt install docker-registry")
        return [program, "serve"]

    def config(
        self,
        name: str,
        port: int = 0,
        redirect: bool = False,
        delayed: bool = False,
        container: str | None = None,
        checksums: bool = True,
        more: Mapping[str, Any] | None = None,
    ) -> Path:
        """A config file for either registry: ours reads Distribution's format."""
        swift: dict[str, object] = {
            "username": self.swift.user,
            "password": self.swift.password,
            "authurl": f"{self._swift_url(delayed)}/auth/v1.0",
            "container": container or name,
        }
        if name == OURS and self._segment_size:
            swift["chunksize"] = self._segment_size
        if not checksums:
            swift["swift_checksums"] = False  # skipped by Distribution
        if redirect:
            swift["secretkey"] = KEY
        file = Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{name}-"), "config.yml")
        written: dict[str, dict[str, Any] | str] = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "swift": swift,
                "delete": {"enabled": True},
                "redirect": {"disable": not redirect},
                "cache": {"blobdescriptor": "inmemory"},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": {"addr": f"127.0.0.1:{port}", "secret": KEY},
        }
        for section, options in (more or {}).items():
            written[section] = {**written.get(section, {}), **options}  # type: ignore[dict-item]
        file.write_text(json.dumps(written))  # JSON is YAML
        return file

    def _swift_url(self, delayed: bool) -> str:
        if not delayed:
            return self.swift.url
        if not self._delayed_port:
            port = free_port()
            argv = [
                sys.executable,
                "-m",
                "benchmarks.delay",
                str(port),
                self.swift.url.rpartition(":")[2],
                str(self.delay),
            ]
            proxy = Server(argv, f"http://127.0.0.1:{port}", self.logs / "delay.txt", "/healthcheck")
            self._stack.enter_context(proxy)
            self._delayed_port = port
        return f"http://127.0.0.1:{self._delayed_port}"

    def token(self) -> str:
        headers = {"X-Auth-User": self.swift.user, "X-Auth-Key": self.swift.password}
        with urllib.request.urlopen(urllib.request.Request(self.swift.auth_url, headers=headers)) as answer:
            token: str = answer.headers["X-Auth-Token"]
            return token

    def make(self, container: str) -> None:
        """Make a container, so that its creation is not part of any measurement."""
        with Session(f"{self.swift.storage_url}/", {"X-Auth-Token": self.token()}) as session:
            session.ask("PUT", container, 201, 202)

    def empty(self, *containers: str) -> None:
        """Remove all objects of these containers, so that the disk does not fill up."""
        with Session(f"{self.swift.storage_url}/", {"X-Auth-Token": self.token()}) as session:
            for container in containers:
                for _ in range(_SWEEPS):
                    listing = session.ask("GET", container, 200, 204, 404)
                    if listing.status == 404 or not listing.body:
                        break
                    body = b"".join(f"{container}/".encode() + name + b"\n" for name in listing.body.splitlines())
                    session.ask("POST", "?bulk-delete", 200, body=body, headers={"Content-Type": "text/plain"})
                else:
                    raise RuntimeError(f"the container {container} does not become empty")
