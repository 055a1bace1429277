"""Each client's own way to log in, push and pull, with what it keeps in folders of the test."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.live.clients import TIMEOUT, host
from tests.peers import program

__all__ = ["ENGINES", "Engine"]

# oras is Python's, and has no command line.
_ORAS = """
import sys
import oras.client
address, name, password, image, deed, file = sys.argv[1:]
client = oras.client.OrasClient(hostname=address, insecure=True, tls_verify=False, auth_backend="basic")
client.auth.set_basic_auth(name, password)
target = f"{address}/{image}"
if deed == "push":
    client.push(target=target, files=[file], disable_path_validation=True)
else:
    client.pull(target=target, outdir=file + ".pulled", overwrite=True)
"""


class Engine:
    """`source` is what is pushed: `oci:folder:tag` for skopeo, an image of the engine's own, or a file for oras."""

    def __init__(self, name: str, folder: Path, url: str):
        self.name = name
        self.host = host(url)
        self._folder = folder / name
        self._folder.mkdir(exist_ok=True)
        self._run = tempfile.TemporaryDirectory(prefix="run-")  # podman takes 50 characters at most
        self.storage = ["--root", f"{self._folder}/root", "--runroot", self._run.name, "--storage-driver", "vfs"]

    def log_in(self, name: str, password: str) -> str:
        """What it says of a login; "" when it is right."""
        options = ["--tls-verify=false", "--authfile", str(self._folder / "auth.json"), "-u", name, "-p", password]
        return self._said(self.name, "login", *options, self.host)

    def push(self, layout: str, image: str, name: str, password: str) -> str:
        """What it says of pushing an OCI layout's image (a file for oras); "" when it is done."""
        if self.name == "oras":
            return self._oras("push", image, name, password)
        credential = f"{name}:{password}"
        if self.name == "skopeo":
            options = ["--quiet", "--dest-tls-verify=false", "--dest-creds", credential]
            return self._said("skopeo", "copy", *options, layout, f"docker://{self.host}/{image}")
        here = self._said(self.name, *self.storage, "pull", "--quiet", layout)
        options = ["--quiet", "--tls-verify=false", "--creds", credential]
        return here or self._said(self.name, *self.storage, "push", *options, self._latest(), f"{self.host}/{image}")

    def pull(self, image: str, name: str, password: str) -> str:
        """What it says of pulling an image; "" when it is done."""
        if self.name == "oras":
            return self._oras("pull", image, name, password)
        credential = f"{name}:{password}"
        if self.name == "skopeo":
            options = ["--quiet", "--src-tls-verify=false", "--src-creds", credential]
            source = f"docker://{self.host}/{image}"
            return self._said("skopeo", "copy", *options, source, f"oci:{self._folder}/out:pulled")
        options = ["--quiet", "--tls-verify=false", "--creds", credential]
        if self.name == "buildah":
            options += ["--policy", "always"]
        return self._said(self.name, *self.storage, "pull", *options, f"{self.host}/{image}")

    def close(self) -> None:
        self._run.cleanup()

    def _latest(self) -> str:
        command = [program(self.name) or self.name, *self.storage, "images", "--quiet"]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout.split()[0]

    def _oras(self, deed: str, image: str, name: str, password: str) -> str:
        file = self._folder / "file"
        file.write_bytes(b"an artifact")
        return self._said(sys.executable, "-c", _ORAS, self.host, name, password, image, deed, str(file))

    def _said(self, *command: str) -> str:
        path = program(command[0]) or command[0]
        done = subprocess.run([path, *command[1:]], capture_output=True, text=True, timeout=TIMEOUT, check=False)
        return "" if done.returncode == 0 else (done.stderr or done.stdout or "failed").strip()


ENGINES: Sequence[str] = ("skopeo", "podman", "buildah", "oras")
