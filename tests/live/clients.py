"""Programs that nobody here wrote, run against a registry on loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.peers import program

TIMEOUT = 120.0  # s for one command


def run(*command: str) -> str:
    """What the program prints; an AssertionError with all it said when it fails."""
    path = program(command[0]) or command[0]
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def host(url: str) -> str:
    """`127.0.0.1:5000` of `http://127.0.0.1:5000`."""
    return url.partition("//")[2]


def skopeo_push(source: str, url: str, image: str, *options: str) -> None:
    run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", *options, source, f"docker://{host(url)}/{image}")


def skopeo_pull(url: str, image: str, folder: Path, *options: str) -> None:
    """Into an OCI layout in `folder`, under the tag `pulled`."""
    source, target = f"docker://{host(url)}/{image}", f"oci:{folder}:pulled"
    run("skopeo", "copy", "--quiet", "--src-tls-verify=false", *options, source, target)
