"""Forks the processes of a cluster, and breaks them when it is told to.

It reads commands from its stdin, a line of JSON each (`["kill", "node2"]`), and
answers each by a line on stdout. It never enters eventlet's hub, whose epoll
descriptor its children would share.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from swift.common import utils

from ..options import EmbeddedError
from ..preparation import claim
from . import files, partition, replicas
from .layout import SERVERS, Layout, free_ports
from .options import ClusterOptions
from .process import become, preload

__all__ = ["Supervisor"]

PATIENCE = 60.0  # s for what was started to answer
WATCH_INTERVAL = 0.5  # s between looks at what has ended


class Supervisor:
    """`parent` is the process that started this one; with it the cluster ends."""

    def __init__(self, options: ClusterOptions, parent: int):
        self._options = options
        self._layout = Layout(options)
        self._parent = parent
        self._ports: dict[str, int] = {}
        self._groups: dict[str, int] = {}  # of processes, by member
        self._running: dict[int, str] = {}  # names, by process id
        self._away: dict[str, float] = {}  # since when (time.monotonic) members are not whole, by no command
        self._commands: dict[str, Callable[..., Any]] = {
            "kill": self._kill,
            "start": self._start,
            "pause": lambda member: self._signal(member, signal.SIGSTOP),
            "resume": lambda member: self._signal(member, signal.SIGCONT),
            "wipe": self._wipe,
            "run": self._run_once,
            "cut": lambda one, other: partition.cut(self._layout.cuts, *map(self._layout.address, (one, other))),
            "heal": lambda: partition.heal(self._layout.cuts),
            "differences": lambda: replicas.differences(self._layout),
            "status": self._status,
        }

    def serve(self) -> NoReturn:
        """Until a signal comes, or the parent has ended. Raises EmbeddedError when the cluster cannot start."""
        layout = self._layout
        if shutil.which("rsync") is None:
            raise EmbeddedError("a cluster needs rsync, which is not installed: apt install rsync")
        claim(layout.root, layout.make)
        shutil.rmtree(layout.cache)
        layout.cache.mkdir()
        partition.heal(layout.cuts)
        self._choose_ports()
        files.write(self._options, layout, self._ports)
        utils.set_swift_dir(str(layout.etc))
        preload()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this process, and will stop it in time
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            for member in layout.members:
                self._fork(member)
            for member in layout.members:
                self._wait(member)
            print(f"ready http://127.0.0.1:{self._ports[layout.proxies[0]]}", flush=True)
            self._silence()
            self._watch()
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for member in layout.members:
                self._kill(member)
        os._exit(0)

    def _choose_ports(self) -> None:
        layout = self._layout
        wanted = [*SERVERS, "rsync", *layout.proxies]
        addresses = ["127.0.0.1", *map(layout.address, layout.nodes)]
        self._ports = dict(zip(wanted, free_ports(len(wanted), addresses), strict=True))
        if self._options.port:
            self._ports[layout.proxies[0]] = self._options.port

    def _silence(self) -> None:
        """stderr has a reader until the cluster is ready."""
        log = os.open(self._layout.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 2)
        os.close(log)

    def _watch(self) -> None:
        commands = sys.stdin
        while os.getppid() == self._parent:
            readable, _, _ = select.select([commands], [], [], WATCH_INTERVAL)
            self._reap()
            if readable:
                line = commands.readline()
                if not line:
                    return
                print(json.dumps(self._do(*json.loads(line))), flush=True)
            if self._options.restart:
                self._restart()

    def _do(self, command: str, *arguments: Any) -> dict[str, Any]:
        try:
            return {"answer": self._commands[command](*arguments)}
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            traceback.print_exc()
            return {"error": str(error) if isinstance(error, EmbeddedError) else repr(error)}

    def _start(self, member: str) -> None:
        """Start what does not run of it; returns when all of it answers."""
        self._fork(member)
        self._wait(member)

    def _fork(self, member: str) -> None:
        running = set(self._running.values())
        for name in self._layout.processes(member):
            if name not in running:
                self._spawn(member, name)

    def _spawn(self, member: str, name: str, once: bool = False) -> int:
        """Fork a process into the group of its member."""
        group = self._groups.get(member, 0)
        pid = os.fork()
        if not pid:
            try:
                os.setpgid(0, group)
                become(self._options, self._layout, member, name, once)
            except Exception:  # noqa: BLE001 - nothing of the supervisor may run on here
                traceback.print_exc()
            finally:  # of a SystemExit too, by which the children end that updaters and auditors fork
                os._exit(0)
        with contextlib.suppress(PermissionError, ProcessLookupError):  # it has become something, or has ended
            os.setpgid(pid, group)
        self._groups[member] = group or pid
        if not once:
            self._running[pid] = name
        return pid

    def _wait(self, member: str) -> None:
        deadline = time.monotonic() + PATIENCE
        for name, (host, port) in self._addresses(member):
            while not _answers(host, port):
                self._reap()
                if name not in self._running.values() or time.monotonic() > deadline:
                    raise EmbeddedError(f"{name} did not start: see {self._layout.log(name)}")
                time.sleep(0.02)

    def _addresses(self, member: str) -> list[tuple[str, tuple[str, int]]]:
        """Those of a member's processes that listen, and where."""
        if member in self._layout.proxies:
            return [(f"{member}-proxy-server", ("127.0.0.1", self._ports[member]))]
        host = self._layout.address(member)
        servers = [(f"{member}-{kind}-server", (host, self._ports[kind])) for kind in SERVERS]
        return [*servers, (f"{member}-rsync", (host, self._ports["rsync"]))]

    def _kill(self, member: str) -> None:
        """End all of it at once; its disk stays."""
        self._signal(member, signal.SIGKILL)
        names = self._layout.processes(member)
        for pid in [pid for pid, name in self._running.items() if name in names]:
            os.waitpid(pid, 0)
            del self._running[pid]
        self._groups.pop(member, None)
        self._away.pop(member, None)

    def _signal(self, member: str, number: int) -> None:
        if member not in self._layout.members:
            raise EmbeddedError(f"{member}: the members are {', '.join(self._layout.members)}")
        if member in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._groups[member], number)

    def _wipe(self, node: str) -> None:
        """Kill a node and empty its disk."""
        self._kill(node)
        device = self._layout.device(node)
        shutil.rmtree(device)
        device.mkdir()

    def _run_once(self, node: str, daemon: str) -> None:
        """Let a daemon do one round; returns when it has ended."""
        os.waitpid(self._spawn(node, f"{node}-{daemon}", once=True), 0)

    def _status(self) -> dict[str, Any]:
        """Of each member: its processes that run, its group, and the memory of all in bytes."""
        names = {member: set(self._layout.processes(member)) for member in self._layout.members}
        return {
            "ports": self._ports,
            "groups": self._groups,
            "running": {
                member: sorted(name for name in self._running.values() if name in mine)
                for member, mine in names.items()
            },
            "memory": sum(map(_memory, [os.getpid(), *self._running])),
        }

    def _reap(self) -> None:
        for pid in list(self._running):
            if os.waitpid(pid, os.WNOHANG)[0]:
                member = self._running.pop(pid).partition("-")[0]
                self._away.setdefault(member, time.monotonic())

    def _restart(self) -> None:
        """Start again what was killed from outside, as the init system of a node would."""
        for member, since in list(self._away.items()):
            if time.monotonic() > since + self._options.restart:
                self._kill(member)  # what is left of it
                self._start(member)


def _answers(host: str, port: int) -> bool:
    """Swift listens before it is ready, so this is a request."""
    try:
        with contextlib.closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
            connection.request("GET", "/healthcheck")
            connection.getresponse()
            return True
    except OSError:
        return False
    except http.client.HTTPException:  # rsync's greeting
        return True


def _memory(pid: int) -> int:
    """Bytes, what is shared counted in parts; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(text.partition("Pss:")[2].partition("kB")[0]) << 10
