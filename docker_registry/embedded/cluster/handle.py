"""Start, break and end a cluster, from the caller's process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..options import EmbeddedError
from ..process import SwiftProcess
from .options import ClusterOptions

__all__ = ["SwiftCluster"]

# Objects change listings, and listings the totals of accounts.
ROUND = ("container-replicator", "object-replicator", "object-updater", "container-updater", "account-replicator")


class SwiftCluster(SwiftProcess):
    """A cluster, ready when it is entered; further keywords are those of `ClusterOptions`.

    Its members are `node1`, `node2`, ..., `proxy1`, ... `url` is that of the first proxy.
    Everything that breaks something returns when it is broken. Raises EmbeddedError for
    what cannot be done.
    """

    module = "docker_registry.embedded.cluster"
    takes_commands = True

    def __init__(self, data_dir: str | Path, port: int = 0, **options: Any):
        self._lock = threading.Lock()  # for the pipes
        super().__init__(ClusterOptions(data_dir=str(Path(data_dir).absolute()), port=port, **options))

    def kill(self, member: str) -> None:
        """SIGKILL for all of its processes; the disk of a node stays as it is."""
        self._call("kill", member)

    def revive(self, member: str) -> None:
        """Start what was killed, also what only hangs; returns when it answers."""
        self._call("resume", member)
        self._call("start", member)

    def pause(self, member: str) -> None:
        """SIGSTOP: it accepts connections and says nothing."""
        self._call("pause", member)

    def resume(self, member: str) -> None:
        self._call("resume", member)

    def wipe(self, node: str) -> None:
        """Kill a node and empty its disk; `revive` brings it back."""
        self._call("wipe", node)

    def cut(self, one: str, other: str) -> None:
        """From now on neither of two members can connect to the other."""
        self._call("cut", one, other)

    def heal(self) -> None:
        """End all cuts."""
        self._call("heal")

    def repair(self) -> None:
        """Everything runs and reaches everything; proxies are new, so they leave no node alone for earlier errors."""
        self.heal()
        for node in self.nodes:
            self.revive(node)
        for proxy in self.proxies:
            self.kill(proxy)
            self.revive(proxy)

    def run_daemon(self, node: str, daemon: str) -> None:
        """One round of a daemon of a node, such as `object-auditor`; returns when it has ended."""
        self._call("run", node, daemon)

    def replicate(self) -> None:
        """One round of all replicators and updaters, node by node; for a cluster without `daemons`."""
        for daemon in ROUND:
            for node in self.nodes:
                self.run_daemon(node, daemon)

    def differences(self) -> list[str]:
        """What replicas and listings do not agree about, read from the disks."""
        found: list[str] = self._call("differences")
        return found

    def wait_until_converged(self, seconds: float) -> float:
        """Wait until all replicas agree; returns how long it took. Raises TimeoutError that says where they differ."""
        begun = time.monotonic()
        while found := self.differences():
            if time.monotonic() > begun + seconds:
                raise TimeoutError("\n".join([f"{len(found)} differences after {seconds:.0f} s:", *found[:10]]))
            time.sleep(0.2)
        return time.monotonic() - begun

    def device(self, node: str) -> Path:
        """The disk of a node."""
        return Path(self.opts.data_dir, node, "devices", "disk")

    @property
    def nodes(self) -> list[str]:
        return [f"node{number}" for number in range(1, self.cluster_options.nodes + 1)]

    @property
    def proxies(self) -> dict[str, str]:
        """The URL of each proxy."""
        ports = self.status()["ports"]
        numbers = range(1, self.cluster_options.proxies + 1)
        return {f"proxy{number}": f"http://127.0.0.1:{ports[f'proxy{number}']}" for number in numbers}

    @property
    def cluster_options(self) -> ClusterOptions:
        assert isinstance(self.opts, ClusterOptions)
        return self.opts

    def status(self) -> Mapping[str, Any]:
        """`running`: processes by member; `groups`: their process groups; `ports`; `memory` of all, in bytes."""
        found: Mapping[str, Any] = self._call("status")
        return found

    def greeting(self) -> str:
        return "\n".join([super().greeting(), *self.describe()])

    def describe(self) -> list[str]:
        """A line for each member: where it is, and the process group to send signals to."""
        status, proxies = self.status(), self.proxies
        ports = ", ".join(f"{kind} {status['ports'][kind]}" for kind in ("account", "container", "object"))
        where = {node: f"127.0.0.{10 + int(node[-1])}   {ports}" for node in self.nodes} | proxies
        return [f"{member}  process group {status['groups'][member]}  {at}" for member, at in where.items()]

    def _call(self, *command: str) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EmbeddedError("the cluster does not run")
        with self._lock:
            try:
                process.stdin.write(json.dumps(command) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
        if not line:
            raise EmbeddedError("the cluster has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise EmbeddedError(f"{' '.join(command)}: {answer['error']}")
        return answer["answer"]
