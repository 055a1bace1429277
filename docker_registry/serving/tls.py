"""TLS: certificates that are read again when their files change, and handshakes that nobody else waits for."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from docker_registry.core.exceptions import ConfigError
from docker_registry.rereading import FromFiles, read_file
from docker_registry.settings import Tls

from .peer import ends

__all__ = ["Certificates"]

log = logging.getLogger(__name__)

_VERSIONS = {
    "tls1.0": ssl.TLSVersion.TLSv1,
    "tls1.1": ssl.TLSVersion.TLSv1_1,
    "tls1.2": ssl.TLSVersion.TLSv1_2,
    "tls1.3": ssl.TLSVersion.TLSv1_3,
}
_HELLO = b"\x16"  # the first byte of a client that speaks TLS
_HINT = "this port speaks TLS: ask it by https://"
_REFUSAL = (
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    f"Content-Length: {len(_HINT) + 1}\r\n\r\n{_HINT}\n"
).encode()


class Certificates(FromFiles):
    """The contexts for handshakes, one for each certificate; the client's word for the host chooses."""

    def __init__(self, tls: Tls):
        self._tls = tls
        self._pairs = ((tls.certificate, tls.key), *tls.more)
        self._first: ssl.SSLContext
        super().__init__("tls", *(path for pair in self._pairs for path in pair), *tls.client_cas)

    def handshake(self, client: socket.socket, patience: float) -> ssl.SSLSocket | None:
        """The client's connection once both sides agreed; None where they do not within `patience` seconds."""
        client.settimeout(patience)
        try:
            first = client.recv(1, socket.MSG_PEEK)
            if first == _HELLO:
                return _unless_ended(self._current().wrap_socket(client, server_side=True))
            if first:
                client.sendall(_REFUSAL)
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors
            log.debug("a TLS handshake failed: %s", error)
        return None

    def _current(self) -> ssl.SSLContext:
        _ = self.version  # reads the files again where they have changed
        return self._first

    def _read(self) -> None:
        contexts: dict[str, ssl.SSLContext] = {}
        first, *others = (_context(self._tls, *pair) for pair in self._pairs)
        for (certificate, _), context in zip(self._tls.more, others, strict=True):
            for name in _names(certificate):
                contexts.setdefault(name, context)
        for name in _names(self._tls.certificate) if others else ():
            contexts[name] = first
        if others:
            first.sni_callback = lambda connection, name, _: _choose(connection, contexts, name)
        self._first = first


def _unless_ended(connection: ssl.SSLSocket) -> ssl.SSLSocket | None:
    """A connection whose client's certificate counts still: one that resumes a session was not asked for it."""
    if ends(connection) > time.time():
        return connection
    log.debug("a TLS session was to be resumed by a client whose certificate has ended")
    connection.close()
    return None


def _choose(connection: Any, contexts: Mapping[str, ssl.SSLContext], name: str | None) -> None:
    """Give a connection the certificate of the host it asks for; without one it keeps the first."""
    asked = (name or "").lower()
    found = contexts.get(asked) or contexts.get("*." + asked.partition(".")[2])
    if found is not None:
        connection.context = found


def _names(path: str) -> list[str]:
    """The hosts that a certificate is for, perhaps with `*.` before them, in lower case."""
    try:
        certificate = x509.load_pem_x509_certificate(read_file("tls", path))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    except ValueError:
        raise ConfigError(f"tls: {path} has no PEM certificate") from None
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def _context(tls: Tls, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.minimum]
    context.set_alpn_protocols(["http/1.1"])
    try:
        if tls.ciphers:
            context.set_ciphers(":".join(tls.ciphers))
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        why = "the key is not this certificate's" if error.reason == "KEY_VALUES_MISMATCH" else "no PEM, or damaged"
        raise ConfigError(f"tls: {certificate} and {key} cannot be used: {why}") from None
    except OSError as error:
        raise ConfigError(f"tls: cannot read {certificate} or {key}: {error.strerror}") from None
    for path in tls.client_cas:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError):
            raise ConfigError(f"tls: clientcas: {path} has no PEM certificates") from None
    if tls.client_cas:
        context.verify_mode = ssl.CERT_REQUIRED if tls.client_required else ssl.CERT_OPTIONAL
    return context
