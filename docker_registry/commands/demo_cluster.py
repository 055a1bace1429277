"""`demo --cluster`: a Swift of three nodes, three registries on it, HAProxy in front of the registries and of Swift."""

from __future__ import annotations

import ctypes
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from docker_registry.core.exceptions import ConfigError
from docker_registry.embedded import EmbeddedError
from docker_registry.embedded.cluster import SwiftCluster
from docker_registry.embedded.cluster.layout import free_ports
from docker_registry.serving import server
from docker_registry.settings import Settings

from . import first_image
from .demo_data import CONTAINER, write_config

__all__ = ["CONFIGURATION", "run"]

REGISTRIES = 3
PATIENCE = 90.0  # s for each part to come up
AWAY = 20.0  # s after which what was killed is started again
STOPPING = 15.0  # s for a registry to finish what it does
POLL = 0.5  # s
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])  # where Debian has haproxy
END_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG

# docs/operating.md shows and explains it.
CONFIGURATION = """\
defaults
    mode http
    timeout connect 1s
    timeout client 10m
    timeout server 10m
    # What did not reach one server is sent to another.
    retries 3
    retry-on conn-failure
    option redispatch 1

frontend registry
    bind 127.0.0.1:{registry}
    default_backend registry

backend registry
    balance roundrobin
    option httpchk GET /
    default-server check inter 1s fall 2 rise 1
{registries}

frontend swift
    bind 127.0.0.1:{swift}
    default_backend swift

backend swift
    balance roundrobin
    option httpchk GET /healthcheck
    default-server check inter 1s fall 2 rise 1
{proxies}
"""

SCREEN = """
  The page       http://{host}/          open it in a browser
  The registry   http://{host}/v2/   by HAProxy, process {haproxy}; it is these three:
{registries}
  its Swift      {auth_url}   by HAProxy too (user {user}, password {password}); it is these, {memory} MB of memory:
{members}
  its files      {data}   ({found})

  Type in another terminal:

    skopeo inspect --tls-verify=false docker://{host}/{image}
    skopeo copy --dest-tls-verify=false docker://docker.io/library/busybox docker://{host}/busybox:latest

    kill -KILL -- -{registry}     registry1 is killed
    kill -KILL -- -{node2}     node2 is killed: pushes and pulls go on
    kill -STOP -- -{node2}     node2 hangs; it goes on by: kill -CONT -- -{node2}
    swift -A {auth_url} -U {user} -K {password} list {container}

  What was killed is started again after {away:.0f} s, and replicators bring it up to date.
  Ctrl-C stops everything; the next start finds the images again.
"""


def run(data: Path, port: int) -> None:
    """Run all of it until SIGINT or SIGTERM. Raises ConfigError where a part is missing or cannot start."""
    haproxy = shutil.which("haproxy", path=SBIN)
    if haproxy is None:
        raise ConfigError("demo --cluster needs haproxy, which is not installed: apt install haproxy")
    with server.bind(Settings(host="127.0.0.1", port=port)) as trial:
        port = trial.getsockname()[1]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with SwiftCluster(data / "cluster", proxies=2, restart=AWAY) as cluster:
            beside = Beside(data)
            try:
                _serve(data, haproxy, port, cluster, beside)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)  # it is stopping already
                beside.stop()
    except KeyboardInterrupt:
        pass
    except EmbeddedError as error:
        raise ConfigError(str(error)) from None


def _serve(data: Path, haproxy: str, front: int, cluster: SwiftCluster, beside: Beside) -> NoReturn:
    swift, *registries = free_ports(1 + REGISTRIES, ["127.0.0.1"])
    options = cluster.options(swift_container=CONTAINER, swift_authurl=f"http://127.0.0.1:{swift}/auth/v1.0")
    config = write_config(data, options)
    (data / "haproxy.cfg").write_text(configuration(front, registries, swift, list(cluster.proxies.values())))
    beside.start("haproxy", [haproxy, "-db", "-f", str(data / "haproxy.cfg")])
    _wait("haproxy's way to Swift", swift, "/healthcheck", beside)
    command = [sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(config), "--workers", "1"]
    for number, port in enumerate(registries, 1):
        beside.start(f"registry{number}", [*command, "--port", str(port)])
    for number, port in enumerate(registries, 1):
        _wait(f"registry{number}", port, "/v2/", beside)
    _wait("haproxy's way to the registries", front, "/v2/", beside)
    _greet(data, front, registries, options, cluster, beside)
    while cluster.running:
        time.sleep(POLL)
        beside.start_again()
    raise ConfigError(f"the Swift of this demo has ended: see {data / 'cluster' / 'logs'}")


def configuration(front: int, registries: Sequence[int], swift: int, proxies: Sequence[str]) -> str:
    """HAProxy's, for these ports and for Swift's proxies at these URLs."""
    servers = [f"    server registry{number} 127.0.0.1:{port}" for number, port in enumerate(registries, 1)]
    swifts = [f"    server proxy{number} {url.removeprefix('http://')}" for number, url in enumerate(proxies, 1)]
    return CONFIGURATION.format(registry=front, registries="\n".join(servers), swift=swift, proxies="\n".join(swifts))


class Beside:
    """The processes beside Swift, by name; their output goes to files in the folder `data`."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._commands: dict[str, Sequence[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: dict[str, float] = {}  # since when (time.monotonic)

    def start(self, name: str, command: Sequence[str]) -> None:
        self._commands[name] = command
        with (self._data / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_detach
            )

    def start_again(self) -> None:
        """What ended long enough ago."""
        for name, process in list(self._running.items()):
            if process.poll() is not None and time.monotonic() > self._ended.setdefault(name, time.monotonic()) + AWAY:
                del self._ended[name]
                self.start(name, self._commands[name])

    def check(self) -> None:
        """Raises ConfigError where one has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ConfigError(f"{name} has ended: see {self._data / name}.log")

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def stop(self) -> None:
        """HAProxy last: by it the others reach Swift."""
        names = [name for name in self._running if name != "haproxy"]
        for name in names:
            self._running[name].terminate()
        for name in names:
            _end(self._running[name])
        if "haproxy" in self._running:
            self._running["haproxy"].terminate()
            _end(self._running["haproxy"])


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOPPING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _detach() -> None:
    """For a child: Ctrl-C is not for it, and it ends with this process."""
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGTERM)


def _wait(what: str, port: int, path: str, beside: Beside) -> None:
    """Until an answer other than 503 comes from there. Raises ConfigError."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        beside.check()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            if connection.getresponse().status != http.client.SERVICE_UNAVAILABLE:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise ConfigError(f"{what} did not come up in {PATIENCE:.0f} s")


def _greet(
    data: Path,
    front: int,
    registries: Sequence[int],
    options: dict[str, Any],
    cluster: SwiftCluster,
    beside: Beside,
) -> None:
    try:
        found = "with a first image and chart" if first_image.push("127.0.0.1", front) else "found again"
    except (OSError, http.client.HTTPException) as error:
        raise ConfigError(f"the first image could not be pushed: {error}") from None
    status = cluster.status()
    rows = [
        f"    registry{number}  process {beside.pid(f'registry{number}')}  http://127.0.0.1:{port}"
        for number, port in enumerate(registries, 1)
    ]
    click.echo(
        SCREEN.format(
            host=f"127.0.0.1:{front}",
            haproxy=beside.pid("haproxy"),
            registries="\n".join(rows),
            auth_url=options["swift_authurl"],
            user=cluster.user,
            password=cluster.password,
            memory=status["memory"] >> 20,
            members="\n".join(f"    {row}" for row in cluster.describe()),
            data=data,
            found=found,
            image=f"{first_image.NAME}:{first_image.TAG}",
            registry=beside.pid("registry1"),
            node2=status["groups"]["node2"],
            container=CONTAINER,
            away=AWAY,
        )
    )
