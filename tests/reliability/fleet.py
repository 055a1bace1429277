"""Several registries on one container behind a real HAProxy, as docs/operating.md says."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import requests

from docker_registry.embedded import SwiftProcess
from docker_registry.embedded.cluster.layout import free_ports
from tests.live.nginx import wait_until_it_listens
from tests.live.ours import Ours, write_config
from tests.peers import need

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
PATIENCE = 60.0  # s


def documented(heading: str) -> str:
    """The configuration of HAProxy under a heading of docs/operating.md."""
    found = re.search(rf"^## {heading}\n.*?^```haproxy\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


class Fleet:
    """Registries that can be killed and started again at their ports; `url` is the front's. A context manager."""

    def __init__(self, folder: Path, swift: SwiftProcess, container: str, count: int = 3):
        self._program = need("haproxy")
        self._folder = folder
        self._swift = swift
        self._container = container
        front, *self._ports = free_ports(count + 1, ["127.0.0.1"])
        self.url = f"http://127.0.0.1:{front}"
        self.registries: list[Ours] = []
        self._stack = ExitStack()

    def __enter__(self) -> Fleet:
        with ExitStack() as stack:
            for number in range(len(self._ports)):
                self.registries.append(self._new(number))
            for registry in self.registries:
                registry.__enter__()
            stack.callback(self._stop_all)
            self._start_front(stack)
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
        self.config = write_config(folder, self._swift, self._container)
        return Ours(folder, self.config, port=self._ports[number])

    def _stop_all(self) -> None:
        for registry in self.registries:
            registry.__exit__()

    def _start_front(self, stack: ExitStack) -> None:
        config, log = self._folder / "haproxy.cfg", self._folder / "haproxy.log"
        config.write_text(self._configuration())
        with log.open("wb") as file:
            process = subprocess.Popen([self._program, "-db", "-f", str(config)], stdout=file, stderr=file)
        stack.callback(process.wait, PATIENCE)
        stack.callback(process.terminate)
        wait_until_it_listens(process, self.url.removeprefix("http://"), log)
        deadline = time.monotonic() + PATIENCE
        while requests.get(self.url, timeout=PATIENCE).status_code != 200:  # its checks come first
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def _configuration(self) -> str:
        """The documented one, with the addresses of this fleet."""
        text = documented("Several registries")
        servers = "".join(f"    server r{number} 127.0.0.1:{port}\n" for number, port in enumerate(self._ports))
        text = re.sub(r"(?m)(^    server .*\n)+", servers, text)
        return re.sub(r"(?m)^    bind .*$", f"    bind {self.url.removeprefix('http://')}", text)
