"""TLS before a server that speaks none: certificates, and a small front that takes TLS off."""

from __future__ import annotations

import selectors
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

from tests.peers import need

__all__ = ["Certificate", "TlsFront"]

BLOCK = 65536  # bytes


class Certificate:
    """A certificate of its own making, for `localhost`; nobody trusts it unless told to."""

    def __init__(self, folder: Path, name: str):
        self.cert, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        command = [
            need("openssl"),
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
        ]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(self.key), "-out", str(self.cert)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


class TlsFront:
    """Listens on loopback, and passes on to the server at `target` (`http://host:port`) what comes by TLS.

    With `clients`, it wants a client certificate: that one.
    """

    def __init__(self, target: str, certificate: Certificate, clients: Certificate | None = None):
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert, certificate.key)
        if clients:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients.cert)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TlsFront:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            with (
                self._context.wrap_socket(client, server_side=True) as outside,
                socket.create_connection(self._target) as inside,
            ):
                self._exchange(outside, inside)
        except OSError:
            client.close()

    def _exchange(self, outside: ssl.SSLSocket, inside: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(outside, selectors.EVENT_READ, inside)
            selector.register(inside, selectors.EVENT_READ, outside)
            while True:
                for key, _ in selector.select():
                    source, sink = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    block = source.recv(BLOCK)
                    while isinstance(source, ssl.SSLSocket) and source.pending():
                        block += source.recv(BLOCK)
                    if not block:
                        return
                    sink.sendall(block)
