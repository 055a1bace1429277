"""Several registries on one container behind a real HAProxy, as docs/operating.md says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import requests

from docker_registry.embedded import SwiftProcess
from docker_registry.embedded.cluster.layout import free_ports
from tests.live.nginx import wait_until_it_listens
from tests.live.ours import Ours
from tests.peers import need

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
PATIENCE = 60.0  # s


def documented(heading: str) -> str:
    """The configuration of HAProxy under a heading of docs/operating.md."""
    found = re.search(rf"^## {heading}\n.*?^```haproxy\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


class Fleet:
    """Registries that can be killed and started again at their ports; `url` is the front's. A context manager.

    They reach Swift by the same HAProxy, through all of its `proxies` (URLs).
    """

    def __init__(self, folder: Path, swift: SwiftProcess, proxies: Iterable[str], container: str, count: int = 3):
        self._program = need("haproxy")
        self._folder = folder
        self._proxies = list(proxies)
        front, back, *self._ports = free_ports(count + 2, ["127.0.0.1"])
        self.url = f"http://127.0.0.1:{front}"
        self._swift_url = f"http://127.0.0.1:{back}"
        options = swift.options(swift_container=container, swift_authurl=f"{self._swift_url}/auth/v1.0")
        self.config = folder / "config.yml"
        self.config.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": {}}}))
        self.registries: list[Ours] = []
        self._stack = ExitStack()

    def __enter__(self) -> Fleet:
        with ExitStack() as stack:
            self._start_front(stack)
            stack.callback(self._stop_all)
            for number in range(len(self._ports)):
                self.registries.append(self._new(number))
                self.registries[-1].__enter__()
            self._wait(self.url, "/v2/")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def kill(self, number: int) -> None:
        """As a power failure would."""
        self.registries[number].kill()

    def terminate(self, number: int) -> None:
        """SIGTERM; returns when it has ended."""
        process = self.registries[number].process
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)

    def start(self, number: int) -> None:
        """Start one that has ended, where it was; returns when it answers."""
        self.registries[number].__exit__()
        self.registries[number] = self._new(number)
        self.registries[number].__enter__()
        requests.get(self.registries[number].url, timeout=PATIENCE)

    def _new(self, number: int) -> Ours:
        folder = self._folder / f"registry{number}"
        folder.mkdir(exist_ok=True)
        return Ours(folder, self.config, port=self._ports[number])

    def _stop_all(self) -> None:
        for registry in self.registries:
            registry.__exit__()

    def _start_front(self, stack: ExitStack) -> None:
        config, self._log = self._folder / "haproxy.cfg", self._folder / "haproxy.log"
        config.write_text(self._configuration())
        with self._log.open("wb") as file:
            process = subprocess.Popen([self._program, "-db", "-f", str(config)], stdout=file, stderr=file)
        stack.callback(process.wait, PATIENCE)
        stack.callback(process.terminate)
        for url in (self.url, self._swift_url):
            wait_until_it_listens(process, url.removeprefix("http://"), self._log)
        self._wait(self._swift_url, "/healthcheck")

    def _wait(self, url: str, path: str) -> None:
        """HAProxy says 503 until it has checked a server."""
        deadline = time.monotonic() + PATIENCE
        while requests.get(url + path, timeout=PATIENCE).status_code == 503:
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def _configuration(self) -> str:
        """The documented one, with the addresses of this fleet."""
        registries = [f"127.0.0.1:{port}" for port in self._ports]
        swifts = [url.removeprefix("http://") for url in self._proxies]
        lines = iter((_servers(registries), _servers(swifts)))
        text = re.sub(r"(?m)(^    server .*\n)+", lambda _: next(lines), documented("Several registries"))
        binds = iter((self.url, self._swift_url))
        return re.sub(r"(?m)^    bind .*$", lambda _: f"    bind {next(binds).removeprefix('http://')}", text)


def _servers(addresses: list[str]) -> str:
    return "".join(f"    server s{number} {address}\n" for number, address in enumerate(addresses))
