"""HAProxy in front of a registry, set up as docs/server.md says, with TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.live.nginx import Front, documented, wait_until_it_listens


class Haproxy(Front):
    """Serves a registry with TLS."""

    def __init__(self, folder: Path, backend: str):
        super().__init__("haproxy", folder)
        both = folder / "front.pem"
        both.write_bytes(self.certificate.read_bytes() + (folder / "front.key").read_bytes())
        text = documented("haproxy").replace("127.0.0.1:5000", backend.removeprefix("http://"))
        self._config.write_text(text.replace(":443", self.host).replace("/etc/haproxy/registry.pem", str(both)))

    def __enter__(self) -> Haproxy:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([self._program, "-db", "-f", str(self._config)], stdout=log, stderr=log)
        wait_until_it_listens(self._process, self.host, self._log)
        return self
