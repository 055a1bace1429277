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


class Front:
    """A program in front of a registry; use it as a context manager.

    `folder` takes its files; `certificate` is what clients have to trust.
    """

    def __init__(self, program: str, folder: Path):
        self._program = need(program, "openssl")
        self.certificate = folder / "front.crt"
        self._log = folder / "error.log"
        self._config = folder / "front.conf"
        self._process: subprocess.Popen[bytes]
        self.host = free_address()
        certify(folder)

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def __exit__(self, *exc_info: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(DEADLINE)


class Nginx(Front):
    """Serves a registry under `/v2/` and under `/images/v2/`."""

    def __init__(self, folder: Path, backend: str, locations: str = ""):
        """`locations` are those of its server, in place of the ones of docs/server.md."""
        super().__init__("nginx", folder)
        below_images = documented("nginx").replace("http://127.0.0.1:5000", backend)
        plain = re.sub(r"(?m)^.*X-Forwarded-Prefix.*\n", "", below_images).replace("/images/v2/", "/v2/")
        if locations:
            plain, below_images = locations, ""
        port = self.host.rpartition(":")[2]
        self._config.write_text(CONFIG.format(folder=folder, port=port, root=plain, below_images=below_images))

    def __enter__(self) -> Nginx:
        self._process = subprocess.Popen([self._program, "-e", str(self._log), "-c", str(self._config)])
        wait_until_it_listens(self._process, self.host, self._log)
        return self


def free_address() -> str:
    """An address of this machine where nobody listens just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def wait_until_it_listens(process: subprocess.Popen[bytes], where: str, log: Path) -> None:
    host, _, port = where.rpartition(":")
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection((host, int(port)), DEADLINE).close()
            return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)


def documented(language: str, page: Path = PAGE) -> str:
    """The example of a page, docs/server.md, in this language."""
    found = re.search(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    assert found
    return found[1]


def certify(folder: Path) -> None:
    """Make front.key, and front.crt which signs itself."""
    names = "subjectAltName=IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=front"]
    files = ["-addext", names, "-keyout", str(folder / "front.key"), "-out", str(folder / "front.crt")]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=60)
