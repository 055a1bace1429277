"""The registry where no file can be written, not even a temporary one; shared memory can, as in any container."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.child import Child
from tests.live.ours import write_config
from tests.live.wire import Client
from tests.peers import lack, need

# In a mount namespace of its own, which ends with it.
READ_ONLY = (
    "mount --make-rprivate / && cut -d' ' -f2 /proc/self/mounts | grep -vx /dev/shm | while read -r at; do"
    ' mount -o remount,ro,bind "$at" 2>/dev/null || true; done;'
    ' for at in / /tmp /var/tmp "$HOME"; do ! touch "$at/written" 2>/dev/null || exit 9; done; exec "$@"'
)


@pytest.fixture
def inside() -> list[str]:
    """What a command is to be started by."""
    command = [need("unshare"), "--mount", "sh", "-c", READ_ONLY, "sh"]
    if os.geteuid():
        lack("not root, as mounting wants")
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode:
        lack(f"mounts cannot be made read-only here: {tried.stderr}")
    return command


def test_images_go_in_and_out(inside: list[str], swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, swift, container)
    command = [*inside, sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(config)]
    command += ["--host", "127.0.0.1", "--port", "0", "--workers", "2"]
    serving = re.compile(r"on http://(127\.0\.0\.1:\d+)/v2/")
    with Child(command, tmp_path / "log", serving, 90.0) as registry, Client(registry.url) as client:
        client.push_image("app", "1.0", [b"small", bytes(1 << 20)])
        assert len(client.pull("app", "1.0")) == 4
        assert client.ask("GET", "/ui/").status_code == 200
