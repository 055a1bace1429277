"""Distribution 2.8 (Debian's package docker-registry) as a mirror that pulls through from another registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.live.child import Child
from tests.peers import program

__all__ = ["Mirror"]

_SERVING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
_PATIENCE = 20.0  # seconds for it to start, or to stop


class Mirror(Child):
    """Of the registry at `remote`, where it logs in with a name and a password; `folder` takes all it writes.

    They may stand in the URL too, `http://name:password@host`.
    """

    def __init__(self, folder: Path, remote: str, name: str = "", password: str = ""):
        folder.mkdir(exist_ok=True)
        config = folder / "mirror.yml"
        config.write_text(
            json.dumps(
                {
                    "version": "0.1",
                    "storage": {"filesystem": {"rootdirectory": str(folder / "mirrored")}},
                    "http": {"addr": "127.0.0.1:0", "secret": "only for tests"},
                    "proxy": {"remoteurl": remote, "username": name, "password": password},
                }
            )
        )
        command = [program("docker-registry") or "docker-registry", "serve", str(config)]
        super().__init__(command, folder / "mirror.log", _SERVING, _PATIENCE)
