"""Programs that nobody here wrote, run against a registry on loopback."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def podman_mounted(image: str, folder: Path) -> Iterator[Path]:
    """The root file system of an image that podman pulled into a storage below `folder`."""
    with tempfile.TemporaryDirectory(prefix="run-") as short:  # podman takes 50 characters at most
        podman = ["podman", "--root", f"{folder}/root", "--runroot", short, "--storage-driver", "vfs"]
        run(*podman, "pull", "--tls-verify=false", image)
        yield Path(run(*podman, "image", "mount", image).strip())
        run(*podman, "image", "unmount", image)
