"""A real Ceph with its RADOS gateway, on loopback and free ports: one monitor, one manager, one OSD in memory.

Debian's packages ceph-mon, ceph-mgr, ceph-osd, radosgw and ceph-common, run as root without systemd. All of it is in
one folder, starts in some 15 s and ends with the block.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.live.nginx import free_address
from tests.peers import lack, need

__all__ = ["Ceph"]

_PATIENCE = 60.0  # seconds for one part of it to start, or to stop
_DATA_GIB = 4  # of memory, once it is written
_CONFIG = """\
[global]
fsid = {fsid}
mon host = [v2:{mon},v1:{old_mon}]
mon initial members = a
auth allow insecure global id reclaim = false
keyring = {folder}/keyring
ms bind ipv6 = false
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
crash dir = {folder}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 1
mon data avail crit = 1
[mon]
mon data = {folder}/mon
[mgr]
mgr data = {folder}/mgr
mgr initial modules =
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = {bytes}
osd class load list = *
osd class default list = *
osd max object name len = 2048
osd max object namespace len = 256
[client.rgw]
rgw frontends = beast endpoint={gateway}
debug rgw = 0
rgw thread pool size = 64
rgw objexp gc interval = 1
"""
_KEYS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "client.rgw": {"mon": "allow rwx", "osd": "allow rwx", "mgr": "allow rw"},
    "mgr.x": {"mon": "allow profile mgr", "osd": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
}


class Ceph:
    """Use it as a context manager; it has an EmbeddedSwift's login and `options`. `folder` must be a short path."""

    user = "test:tester"
    password = "testing"

    def __init__(self, folder: Path):
        need("radosgw", "ceph-mon", "ceph-mgr", "ceph-osd", "ceph")
        if os.geteuid() != 0:
            lack("Ceph starts as root only")
        self._folder = folder
        self._gateway = free_address()
        self._mon = free_address()
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def auth_url(self) -> str:
        return f"http://{self._gateway}/auth/v1.0"

    @property
    def storage_url(self) -> str:
        return f"http://{self._gateway}/swift/v1"

    def options(self, **extra: Any) -> dict[str, Any]:
        """What a driver's configuration has to say to use this Swift; `extra` is added."""
        login = {"swift_authurl": self.auth_url, "swift_auth_version": 1, "swift_user": self.user}
        return {**login, "swift_password": self.password, **extra}

    def __enter__(self) -> Ceph:
        try:
            self._configure()
            self._start_mon()
            self._start("ceph-mgr", "-i", "x")
            self._start_osd()
            self._start("radosgw", "-n", "client.rgw")
            self._wait(self._answers)
            self._make_user()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        for child in reversed(self._children):
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()

    def _configure(self) -> None:
        for name in ("mon", "mgr", "osd"):
            (self._folder / name).mkdir()
        config = _CONFIG.format(
            fsid=uuid.uuid4(),
            folder=self._folder,
            mon=self._mon,
            old_mon=free_address(),
            gateway=self._gateway,
            bytes=_DATA_GIB << 30,
        )
        (self._folder / "ceph.conf").write_text(config)
        keyring = str(self._folder / "keyring")
        self._run("ceph-authtool", "-C", keyring)
        for name, caps in _KEYS.items():
            words = [word for kind, cap in caps.items() for word in ("--cap", kind, cap)]
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, *words)

    def _start_mon(self) -> None:
        monmap, config = str(self._folder / "monmap"), (self._folder / "ceph.conf").read_text()
        fsid, addresses = (line.split(" = ")[1] for line in config.splitlines()[1:3])
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, monmap)
        self._tool("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", str(self._folder / "keyring"))
        self._start("ceph-mon", "-i", "a")
        self._wait(lambda: self._tool("ceph", "--connect-timeout", "3", "-s"))

    def _start_osd(self) -> None:
        identity = str(uuid.uuid4())
        self._tool("ceph", "osd", "new", identity)
        self._tool("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._start("ceph-osd", "-i", "0")
        self._wait(lambda: "1 up" in self._tool("ceph", "osd", "stat"))

    def _make_user(self) -> None:
        user, admin = self.user.partition(":")[0], ("radosgw-admin", "-n", "client.rgw")
        self._tool(*admin, "user", "create", f"--uid={user}", "--display-name=Test")
        self._tool(*admin, "subuser", "create", f"--uid={user}", f"--subuser={self.user}", "--access=full")
        key = ("--key-type=swift", f"--secret-key={self.password}")
        self._tool(*admin, "key", "create", f"--subuser={self.user}", *key)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://{self._gateway}/swift/info", timeout=5).close()
        except (OSError, urllib.error.URLError):
            return False
        return True

    def _start(self, program: str, *arguments: str) -> None:
        command = [need(program), "-c", str(self._folder / "ceph.conf"), *arguments, "--foreground"]
        with (self._folder / f"{program}.out").open("wb") as log:
            self._children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _tool(self, program: str, *arguments: str) -> str:
        return self._run(program, "-c", str(self._folder / "ceph.conf"), *arguments)

    def _run(self, program: str, *arguments: str) -> str:
        command = [need(program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
        if done.returncode:
            raise ChildProcessError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _wait(self, ready: Callable[[], object]) -> None:
        deadline, last = time.monotonic() + _PATIENCE, ""
        while time.monotonic() < deadline:
            try:
                if ready():
                    return
            except (ChildProcessError, subprocess.TimeoutExpired) as error:
                last = str(error)
            ended = [child.args for child in self._children if child.poll() is not None]
            assert not ended, f"{ended} ended, see {self._folder}"
            time.sleep(0.2)
        raise AssertionError(f"Ceph did not start, see {self._folder}: {last}")
