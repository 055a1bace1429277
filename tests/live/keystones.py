"""A real Keystone on loopback, in an environment and a process of its own."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client

from tests.live.venvs import PINS, python2, venv

__all__ = ["REGION", "Keystone", "Pike"]

REGION = "RegionOne"
ADMIN_PASSWORD = "the administrator's"
START_TIMEOUT = 60  # seconds

CONF = """[DEFAULT]
log_dir = {folder}
log_file = keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
expiration = {lifetime}
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
    """A current Keystone, which serves v3; a context manager that is ready when it is entered."""

    name = "v3"
    python = "python3"
    identity = "password_hash_algorithm = bcrypt\npassword_hash_rounds = 4"

    def __init__(self, folder: Path, lifetime: int = 3600):
        """`lifetime` of a token is in seconds."""
        self.folder = folder
        self.lifetime = lifetime
        self.log = folder / "requests.log"
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> Path:
        return venv("keystone-v3", PINS / "keystone-v3.txt")

    def __enter__(self) -> Keystone:
        self._lay_out()
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            urls = [f"--bootstrap-{kind}-url={self.url}/v3" for kind in ("public", "internal", "admin")]
            self._manage("bootstrap", "--bootstrap-password", ADMIN_PASSWORD, "--bootstrap-region-id", REGION, *urls)
            self._serve(listener)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def _lay_out(self) -> None:
        """Configuration, keys, and an empty database; that takes many seconds to make and is kept for the next run."""
        (self.folder / "keystone-paste.ini").write_text(PASTE)
        self.conf = self.folder / "keystone.conf"
        self.conf.write_text(CONF.format(folder=self.folder, lifetime=self.lifetime, identity=self.identity))
        owner = [
            f"--keystone-user={pwd.getpwuid(os.getuid()).pw_name}",
            f"--keystone-group={grp.getgrgid(os.getgid()).gr_name}",
        ]
        for name in ("fernet", "credential"):
            (self.folder / name).mkdir(mode=0o700)
            self._manage(f"{name}_setup", *owner)
        kept = self.environment() / "keystone.db"
        if not kept.exists():
            self._manage("db_sync")
            half = kept.with_name(f"keystone.db.{os.getpid()}")
            shutil.copyfile(self.folder / "keystone.db", half)
            half.rename(kept)
        shutil.copyfile(kept, self.folder / "keystone.db")

    def _manage(self, *command: str) -> None:
        program = [self.environment() / "bin" / "keystone-manage", "--config-file", self.conf, *command]
        done = subprocess.run(list(map(str, program)), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    def _serve(self, listener: socket.socket) -> None:
        python = self.environment() / "bin" / "python"
        with open(self.folder / "server.log", "wb") as output:
            self._process = subprocess.Popen(
                [
                    str(python),
                    str(Path(__file__).with_name("keystone_server.py")),
                    str(listener.fileno()),
                    str(self.log),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=[listener.fileno()],
                env={
                    **os.environ,
                    "OS_KEYSTONE_CONFIG_DIR": str(self.folder),
                    "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
            )

    def _wait(self) -> None:
        """The first answer comes when the program is loaded: until then connections wait in the socket's queue."""
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
        return Client(session=Session(auth=v3.Password(self.url + "/v3", **login), timeout=60))

    def logins(self) -> int:
        """How many tokens have been asked for so far."""
        paths = ("POST /v3/auth/tokens ", "POST /v2.0/tokens ")
        return sum(line.startswith(paths) for line in self.log.read_text().splitlines())


class Pike(Keystone):
    """Keystone 12, the last that serves v2.0."""

    name = "v2"
    python = "python2.7"
    identity = ""

    def environment(self) -> Path:
        return venv("keystone-v2", PINS / "keystone-v2-py27.txt", python=python2(), exact=True)
