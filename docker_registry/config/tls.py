"""The server's TLS, as either config file says it: Distribution's `http.tls`, and the section `registry.tls`.

OpenSSL is not imported here: the server's master reads config files, and must import nothing that gevent patches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from docker_registry.settings import Tls

from .lists import texts
from .values import Options, text, word

__all__ = ["KEYS", "read_tls"]

_CLIENT_AUTH = {"verify-client-cert-if-given": False, "require-and-verify-client-cert": True}
# Go's names, as Distribution's `ciphersuites` has them, and OpenSSL's; "" for those of TLS 1.3, which are always on.
_CIPHERS = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
}


def _client_auth(value: Any) -> bool:
    if str(value) in ("request-client-cert", "require-any-client-cert"):
        raise ValueError("would ask for certificates that nobody verifies; use verify-client-cert-if-given")
    return _CLIENT_AUTH[word(*_CLIENT_AUTH)(value)]


def _ciphers(value: Any) -> tuple[str, ...]:
    names = texts(value)
    for name in names:
        if name not in _CIPHERS:
            raise ValueError(f"{name!r} is not a suite that is known here: {', '.join(_CIPHERS)}")
    return tuple(_CIPHERS[name] for name in names if _CIPHERS[name])


def _more(value: Any) -> tuple[tuple[str, str], ...]:
    """A list of mappings of a certificate and its key."""
    if not isinstance(value, list) or not all(
        isinstance(item, Mapping) and set(item) == {"certificate", "key"} for item in value
    ):
        raise ValueError("must be a list of mappings with a certificate and its key")
    return tuple((text(item["certificate"]), text(item["key"])) for item in value)


# The keys below `http.tls` and below `registry.tls` -> the field of Tls, and how it is read.
KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "certificate": ("certificate", text),
    "ciphersuites": ("ciphers", _ciphers),
    "clientauth": ("client_required", _client_auth),
    "clientcas": ("client_cas", texts),
    "more": ("more", _more),
    "key": ("key", text),
    "minimumtls": ("minimum", word("tls1.0", "tls1.1", "tls1.2", "tls1.3")),
}


def read_tls(options: Options) -> Tls | None:
    """None where no certificate is named."""
    fields: Mapping[str, Any] = {
        field: options.take(name, convert, None) for name, (field, convert) in KEYS.items() if name in options.rest()
    }
    options.refuse_rest(KEYS)
    if not any(fields.values()):
        return None
    missing = [name for name in ("certificate", "key") if not fields.get(name)]
    for name in missing:
        options.refuse(f"{name}: is missing")
    return None if missing else Tls(**fields)
