"""TLS: certificates that are read again when their files change, and handshakes that nobody else waits for."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from typing import Any

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Tls

__all__ = ["Certificates"]

log = logging.getLogger(__name__)

_VERSIONS = {
    "tls1.0": ssl.TLSVersion.TLSv1,
    "tls1.1": ssl.TLSVersion.TLSv1_1,
    "tls1.2": ssl.TLSVersion.TLSv1_2,
    "tls1.3": ssl.TLSVersion.TLSv1_3,
}
_LOOK = 1.0  # s between two looks at the files
_HELLO = b"\x16"  # the first byte of a client that speaks TLS
_HINT = "this port speaks TLS: ask it by https://"
_REFUSAL = (
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    f"Content-Length: {len(_HINT) + 1}\r\n\r\n{_HINT}\n"
).encode()


class Certificates:
    """The context for handshakes. Raises ConfigError for files that cannot be used; later the former ones stay."""

    def __init__(self, tls: Tls):
        self._tls = tls
        self._stamp = self._look()
        self._context = _context(tls)
        self._looked = time.monotonic()

    def handshake(self, client: socket.socket, patience: float) -> ssl.SSLSocket | None:
        """The client's connection once both sides agreed; None where they do not within `patience` seconds."""
        client.settimeout(patience)
        try:
            first = client.recv(1, socket.MSG_PEEK)
            if first == _HELLO:
                return self._current().wrap_socket(client, server_side=True)
            if first:
                client.sendall(_REFUSAL)
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors
            log.debug("a TLS handshake failed: %s", error)
        return None

    def _current(self) -> ssl.SSLContext:
        if time.monotonic() - self._looked >= _LOOK:
            self._looked = time.monotonic()
            self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return
            self._context = _context(self._tls)
            self._stamp = stamp
            log.info("the certificate was read again")
        except ConfigError as error:
            log.error("%s; the certificate read before stays in force", error)

    def _look(self) -> object:
        return [_stamp(path) for path in (self._tls.certificate, self._tls.key, *self._tls.client_cas)]


def _stamp(path: str) -> Any:
    try:
        found = os.stat(path)
    except OSError as error:
        raise ConfigError(f"tls: cannot read {path}: {error.strerror}") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.minimum]
    context.set_alpn_protocols(["http/1.1"])
    try:
        if tls.ciphers:
            context.set_ciphers(":".join(tls.ciphers))
        context.load_cert_chain(tls.certificate, tls.key)
    except ssl.SSLError as error:
        why = "the key is not this certificate's" if error.reason == "KEY_VALUES_MISMATCH" else "no PEM, or damaged"
        raise ConfigError(f"tls: {tls.certificate} and {tls.key} cannot be used: {why}") from None
    except OSError as error:
        raise ConfigError(f"tls: cannot read {tls.certificate} or {tls.key}: {error.strerror}") from None
    for path in tls.client_cas:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError):
            raise ConfigError(f"tls: clientcas: {path} has no PEM certificates") from None
    if tls.client_cas:
        context.verify_mode = ssl.CERT_REQUIRED if tls.client_required else ssl.CERT_OPTIONAL
    return context
