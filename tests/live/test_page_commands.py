"""The commands that the page shows are typed as they stand, in the programs that they are for."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests

from docker_registry.commands import first_image
from tests.live.clients import TIMEOUT
from tests.live.ours import Ours
from tests.peers import need
from tests.web.pages import Page

IMAGE = f"{first_image.NAME}:{first_image.TAG}"
CHART = f"{first_image.CHART}:0.1.0"


@pytest.fixture
def commands(registry: Ours) -> dict[str, list[str]]:
    """What the pages of the first image and the chart say, by program; the last of an image is by digest."""
    name, _, port = registry.url.removeprefix("http://").rpartition(":")
    first_image.push(name, int(port))
    return {path: _shown(registry, path) for path in (IMAGE, CHART)}


def _shown(registry: Ours, path: str) -> list[str]:
    answer = requests.get(f"{registry.url}/ui/r/{path}", headers={"Accept": "text/html"}, timeout=TIMEOUT)
    assert answer.status_code == 200
    return Page(answer.text).commands()


def typed(command: str, folder: Path, *options: str) -> None:
    """Run a line as a shell would, with options before its first argument that keep it inside the test."""
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [program, *options, *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("what", [IMAGE, CHART])
def test_skopeo_s(commands: dict[str, list[str]], tmp_path: Path, what: str) -> None:
    need("skopeo")
    (command,) = (line for line in commands[what] if line.startswith("skopeo"))
    typed(command, tmp_path)
    assert (tmp_path / "hello" / "index.json").exists()


def test_podman_s(commands: dict[str, list[str]], tmp_path: Path) -> None:
    need("podman")
    (command,) = (line for line in commands[IMAGE] if line.startswith("podman"))
    with tempfile.TemporaryDirectory(prefix="run-") as short:  # podman takes 50 characters at most
        typed(command, tmp_path, "--root", f"{tmp_path}/root", "--runroot", short, "--storage-driver", "vfs")
