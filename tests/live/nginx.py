"""nginx in front of a registry, set up as docs/server.md says, with TLS."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.peers import need

PAGE = Path(__file__).parents[2] / "docs" / "server.md"
DEADLINE = 20.0  # s
CONFIG = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/front.crt; ssl_certificate_key {folder}/front.key;
        {root}
        {below_images}
    }}
}}
"""


class Nginx:
    """Serves a registry under `/v2/` and under `/images/v2/`; use it as a context manager.

    `folder` takes its files; `certificate` is what clients have to trust.
    """

    def __init__(self, folder: Path, backend: str):
        self._program = need("nginx", "openssl")
        self.certificate = folder / "front.crt"
        self._log = folder / "error.log"
        self._config = folder / "nginx.conf"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        _certify(folder)
        documented = _documented().replace("http://127.0.0.1:5000", backend)
        plain = re.sub(r"(?m)^.*X-Forwarded-Prefix.*\n", "", documented).replace("/images/v2/", "/v2/")
        port = self.host.rpartition(":")[2]
        self._config.write_text(CONFIG.format(folder=folder, port=port, root=plain, below_images=documented))

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def __enter__(self) -> Nginx:
        self._process = subprocess.Popen([self._program, "-e", str(self._log), "-c", str(self._config)])
        host, _, port = self.host.rpartition(":")
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection((host, int(port)), DEADLINE).close()
                return self
            except OSError:
                assert time.monotonic() < deadline, self._log.read_text()
                assert self._process.poll() is None, self._log.read_text()
                time.sleep(0.02)

    def __exit__(self, *exc_info: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(DEADLINE)


def _documented() -> str:
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def _certify(folder: Path) -> None:
    names = "subjectAltName=IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=front"]
    files = ["-addext", names, "-keyout", str(folder / "front.key"), "-out", str(folder / "front.crt")]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=60)
