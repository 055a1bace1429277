"""HAProxy in front of a registry, set up as docs/server.md says, with TLS."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.live.nginx import DEADLINE, certify, documented, free_address, wait_until_it_listens
from tests.peers import need


class Haproxy:
    """Serves a registry with TLS; use it as a context manager.

    `folder` takes its files; `certificate` is what clients have to trust.
    """

    def __init__(self, folder: Path, backend: str):
        self._program = need("haproxy", "openssl")
        self.certificate = folder / "front.crt"
        self._log = folder / "haproxy.log"
        self._config = folder / "haproxy.cfg"
        self.host = free_address()
        certify(folder)
        both = folder / "front.pem"
        both.write_bytes(self.certificate.read_bytes() + (folder / "front.key").read_bytes())
        text = documented("haproxy").replace("127.0.0.1:5000", backend.removeprefix("http://"))
        self._config.write_text(text.replace(":443", self.host).replace("/etc/haproxy/registry.pem", str(both)))

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def __enter__(self) -> Haproxy:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([self._program, "-db", "-f", str(self._config)], stdout=log, stderr=log)
        wait_until_it_listens(self._process, self.host, self._log)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(DEADLINE)
