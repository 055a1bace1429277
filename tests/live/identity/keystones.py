"""A real Keystone on loopback, in an environment and a process of its own.

It takes long to make its database and to fill it: that is done once, with addresses in the catalogue that stand for
those of a later run, and kept beside the environment.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client

from tests.live.identity import furnishing
from tests.live.venvs import PINS, python2, venv

__all__ = ["Keystone", "Pike"]

ADMIN_PASSWORD = "the administrator's"
START_TIMEOUT = 120  # seconds
KEPT = ("keystone.db", "fernet", "credential", furnishing.IDS)

CONF = """[DEFAULT]
log_dir = {folder}
log_file = keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[cache]
enabled = false
[paste_deploy]
config_file = {folder}/keystone-paste.ini
[identity]
{identity}
"""

# Keystone 12 is put together by paste, and its wheel lacks the file that says how.
PASTE = """[composite:main]
use = egg:Paste#urlmap
/v2.0 = v2
/v3 = v3
/ = versions
[pipeline:v2]
pipeline = url_normalize build_auth_context token_auth json_body app_v2
[pipeline:v3]
pipeline = url_normalize build_auth_context token_auth json_body app_v3
[pipeline:versions]
pipeline = url_normalize app_versions
[app:app_v2]
use = egg:keystone#public_service
[app:app_v3]
use = egg:keystone#service_v3
[app:app_versions]
use = egg:keystone#public_version_service
[filter:url_normalize]
use = egg:keystone#url_normalize
[filter:build_auth_context]
use = egg:keystone#build_auth_context
[filter:token_auth]
use = egg:keystone#token_auth
[filter:json_body]
use = egg:keystone#json_body
"""


class Keystone:
    """A current Keystone, which serves v3: listening once made, answering after `serve`, to be stopped."""

    path = "/v3"  # of its newest version
    identity = "password_hash_algorithm = bcrypt\npassword_hash_rounds = 4"

    def __init__(self, folder: Path):
        self.folder = folder
        self.log = folder / "requests.log"
        self._conf = folder / "keystone.conf"
        self._conf.write_text(CONF.format(folder=folder, identity=self.identity))
        (folder / "keystone-paste.ini").write_text(PASTE)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def environment(self) -> Path:
        return venv("keystone-v3", PINS / "keystone-v3.txt")

    def serve(self, addresses: Mapping[str, str]) -> None:
        """Start it; `addresses` tell where those of `furnishing` really are. Returns when it answers."""
        kept = self._kept()
        for name in KEPT:
            copy = shutil.copytree if (kept / name).is_dir() else shutil.copyfile
            copy(kept / name, self.folder / name)
        with sqlite3.connect(self.folder / "keystone.db") as database:
            for standing_for, real in {furnishing.KEYSTONE: self.url, **addresses}.items():
                database.execute("UPDATE endpoint SET url = replace(url, ?, ?)", (standing_for, real))
        database.close()
        self._serve()

    def stop(self) -> None:
        self._listener.close()
        if self._process:
            self._process.kill()
            self._process.communicate()

    def _kept(self) -> Path:
        """The folder with what a new Keystone starts from."""
        made_from = Path(furnishing.__file__).read_text() + CONF + self.identity
        kept = self.environment() / f"furnished-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=self.environment()) as scratch:
                half = Path(scratch, "furnished")
                half.mkdir()
                type(self)(half)._furnish()
                try:
                    half.rename(kept)
                except OSError:
                    assert kept.exists()  # another run was faster
        return kept

    def _furnish(self) -> None:
        user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        for name in ("fernet", "credential"):
            (self.folder / name).mkdir(mode=0o700)
            self._manage(f"{name}_setup", f"--keystone-user={user}", f"--keystone-group={group}")
        self._manage("db_sync")
        urls = [f"--bootstrap-{kind}-url={furnishing.KEYSTONE}/v3" for kind in ("public", "internal", "admin")]
        region = ("--bootstrap-region-id", furnishing.REGION)
        self._manage("bootstrap", "--bootstrap-password", ADMIN_PASSWORD, *region, *urls)
        try:
            self._serve()
            furnishing.furnish(self.client(), self.folder)
        finally:
            self.stop()

    def _manage(self, *command: str) -> None:
        program = [self.environment() / "bin" / "keystone-manage", "--config-file", self._conf, *command]
        done = subprocess.run(list(map(str, program)), capture_output=True, text=True, timeout=START_TIMEOUT)
        assert done.returncode == 0, done.stderr

    def _serve(self) -> None:
        script = str(Path(__file__).with_name("keystone_server.py"))
        descriptor = self._listener.fileno()
        with open(self.folder / "server.log", "wb") as output:
            self._process = subprocess.Popen(
                [str(self.environment() / "bin" / "python"), script, str(descriptor), str(self.log)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=[descriptor],
                env={
                    **os.environ,
                    "OS_KEYSTONE_CONFIG_DIR": str(self.folder),
                    "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
            )
        self._listener.close()
        self._wait()

    def _wait(self) -> None:
        """Until the program is loaded, connections wait in the socket's queue."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                assert requests.get(self.url + "/v3", timeout=START_TIMEOUT).status_code == 200
                return
            except requests.ConnectionError:
                assert self._process
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def client(self, **login: Any) -> Client:
        """Keystone's own client, as the administrator, or as whoever the keywords of `v3.Password` make it."""
        login = login or {
            "username": "admin",
            "password": ADMIN_PASSWORD,
            "user_domain_id": "default",
            "project_name": "admin",
            "project_domain_id": "default",
        }
        session = Session(auth=v3.Password(self.url + "/v3", **login), timeout=START_TIMEOUT)
        return Client(session=session, endpoint_override=self.url + "/v3")

    def execute(self, statement: str, *values: str) -> None:
        """Change its database behind its back."""
        with sqlite3.connect(self.folder / "keystone.db", timeout=START_TIMEOUT) as database:
            assert database.execute(statement, values).rowcount == 1
        database.close()

    def logins(self) -> int:
        """How many tokens have been asked for so far."""
        paths = ("POST /v3/auth/tokens ", "POST /v2.0/tokens ")
        return sum(line.startswith(paths) for line in self.log.read_text().splitlines())


class Pike(Keystone):
    """Keystone 12, the last that serves v2.0."""

    path = "/v2.0"
    identity = ""

    def environment(self) -> Path:
        return venv("keystone-v2", PINS / "keystone-v2-py27.txt", python=python2(), exact=True)
