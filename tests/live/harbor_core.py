"""A stand-in for Harbor's core: what it does to the registry's requests, and its collector's calls.

It is written from what is known of Harbor (docs/harbor.md says what), not Harbor:
a reverse proxy under `/v2/` that keeps the client's Host, passes X-Forwarded-*
on, puts its own credential in place of the client's, and reads from paths and
from `Range` how many bytes an upload has, for its quotas.
"""

from __future__ import annotations

import base64
import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

UPLOAD = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[a-zA-Z0-9\-_.=]+)(?:\?|$)")
DIGEST = re.compile(r"[?&]digest=([^&]+)")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "authorization", "www-authenticate"}
BLOCK = 1 << 16


class Core(ThreadingHTTPServer):
    """Use it as a context manager; `host` is where it listens, `registry` where the registry does."""

    daemon_threads = True

    def __init__(self, registry: str, user: str, password: str):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        self.credential = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.sessions: dict[str, int] = {}  # an upload's id -> the bytes that a PATCH's answer said it has
        self.quota: dict[str, int] = {}  # a blob's digest -> the bytes that its project is charged for

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Core:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.shutdown()
        self.server_close()

    def collect(self, registryctl: str, secret: str, name: str, manifest: str, blobs: list[str]) -> list[int]:
        """What the collector does for a manifest that Harbor's database says nobody uses; the statuses it met."""
        own = {"Authorization": self.credential}
        shown = {"Authorization": f"Harbor-Secret {secret}"}
        paths = [f"/api/registry/{name}/manifests/{manifest}", *(f"/api/registry/blob/{digest}" for digest in blobs)]
        first = _ask(self.registry, "DELETE", f"/v2/{name}/manifests/{manifest}", own)
        return [first, *(_ask(registryctl, "DELETE", path, shown) for path in paths)]


def _ask(host: str, method: str, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Core

    def _forward(self) -> None:
        connection = http.client.HTTPConnection(self.server.registry, timeout=60)
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        names = {name for name in self.headers if name.lower() not in HOP_BY_HOP}
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}  # skopeo sends many Accepts
        headers["Authorization"] = self.server.credential
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        size = int(self.headers.get("Content-Length", 0))
        body: Any = self._chunks() if chunked else self._bytes(size) if size else None
        connection.request(self.command, self.path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        self._account(answer)
        self._pass_on(answer)
        connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815  the library's names

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None and answer.status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()
        while block := answer.read(BLOCK):
            self.wfile.write(block)

    def _account(self, answer: http.client.HTTPResponse) -> None:
        """As Harbor's quota does: `Range: 0-N` of a PATCH is N + 1 bytes of the session that the path names."""
        upload = UPLOAD.match(self.path)
        if not upload:
            return
        if self.command == "PATCH" and answer.status == 202:
            self.server.sessions[upload["session"]] = int((answer.getheader("Range") or "").removeprefix("0-")) + 1
        if self.command == "PUT" and answer.status == 201 and (digest := DIGEST.search(self.path)):
            sent = int(self.headers.get("Content-Length", 0))
            name = digest[1].replace("%3A", ":")
            self.server.quota[name] = self.server.sessions.pop(upload["session"], 0) + sent

    def _bytes(self, size: int) -> Iterator[bytes]:
        while size and (block := self.rfile.read(min(size, BLOCK))):
            size -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._bytes(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_args: object) -> None:
        """Tests have no use for its lines."""
