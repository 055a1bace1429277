"""Who is in a cluster, and where each member's files, addresses and ports are."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..options import EmbeddedError
from .options import ClusterOptions

__all__ = ["AUDITOR", "DAEMONS", "SERVERS", "Layout", "free_ports"]

SERVERS = ("account", "container", "object")
AUDITOR = "object-auditor"
DAEMONS = (
    "account-replicator",
    "container-replicator",
    "container-updater",
    "object-replicator",
    "object-updater",
)
# Of each server; ports from 32768 on may be lent to an outgoing connection while their server is down.
PORTS = range(20000, 32000)


class Layout:
    """Members are `node1`, ..., `proxy1`, ...; the name of a process begins with its member's (`node1-rsync`)."""

    def __init__(self, options: ClusterOptions):
        if set(options.data_dir) & set("%#\n"):
            raise EmbeddedError(f"the path of the data must not contain '%' or '#': {options.data_dir}")
        self.root = Path(options.data_dir)
        self.etc = self.root / "etc"
        self.logs = self.root / "logs"
        self.cache = self.root / "cache"
        self.cuts = self.root / "cuts"
        self.requests = self.root / "requests.log"
        self.nodes = [f"node{number}" for number in range(1, options.nodes + 1)]
        self.proxies = [f"proxy{number}" for number in range(1, options.proxies + 1)]
        self._daemons = [*DAEMONS, AUDITOR] if options.daemons else []

    def make(self) -> None:
        for folder in (self.etc, self.logs, self.cache, self.cuts, *map(self.device, self.nodes)):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def members(self) -> list[str]:
        return [*self.nodes, *self.proxies]

    def processes(self, member: str) -> list[str]:
        """The names of those that make up a member; the first ones listen."""
        if member in self.proxies:
            return [f"{member}-proxy-server"]
        servers = (f"{kind}-server" for kind in SERVERS)
        return [f"{member}-{name}" for name in (*servers, "rsync", *self._daemons)]

    def address(self, member: str) -> str:
        """Where a node listens and what its connections come from; proxies listen at 127.0.0.1."""
        kind, number = member[:-1], int(member[-1])
        return f"127.0.0.{10 + number}" if kind == "node" else f"127.0.0.{20 + number}"

    def device(self, node: str) -> Path:
        """Its disk. Daemons take whatever lies beside it for a disk."""
        return self.root / node / "devices" / "disk"

    def conf(self, name: str) -> Path:
        return self.etc / f"{name}.conf"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def free_ports(count: int, addresses: Iterable[str]) -> Iterator[int]:
    """Ports that are free now on each of the addresses."""
    everywhere = list(addresses)
    candidates = random.sample(PORTS, len(PORTS))
    return itertools.islice((port for port in candidates if all(_is_free(at, port) for at in everywhere)), count)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind((address, port))
        except OSError:
            return False
    return True
