"""The public keys of a token server, from files that are read again when they change."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from docker_registry.core.exceptions import ConfigError
from docker_registry.rereading import FromFiles, read_file

__all__ = ["Keys", "parse_key_set", "signers"]

_CHAIN_LIMIT = 8  # certificates of an x5c
_TRIED = 8  # keys tried for a token that names none


class Keys(FromFiles):
    """`certificates` is a file of PEM certificates, `jwks` one of a JSON Web Key Set; either may be "", not both."""

    def __init__(self, certificates: str, jwks: str):
        self._certificates = certificates
        self._jwks = jwks
        self._trusted: list[x509.Certificate] = []
        self._by_id: dict[str, Any] = {}
        super().__init__("auth.token", *filter(None, (certificates, jwks)))

    def candidates(self, header: Mapping[str, Any]) -> Iterator[Any]:
        """The keys that may have signed a token with this header."""
        chain = header.get("x5c")
        if isinstance(chain, list) and chain:
            key = self._through_chain(chain)
            if key is not None:
                yield key
            return
        yield from signers(header, self._by_id)

    def _read(self) -> None:
        trusted = _certificates(self._certificates) if self._certificates else []
        by_id: dict[str, Any] = {}
        for certificate in trusted:
            key = certificate.public_key()
            for identity in (_libtrust_id(key), _thumbprint(key)):
                if identity:
                    by_id[identity] = key
        if self._jwks:
            by_id.update(_key_set(self._jwks))
        if not by_id:
            raise ConfigError("auth.token: has no key; give it rootcertbundle or jwks")
        self._trusted, self._by_id = trusted, by_id

    def _through_chain(self, chain: list[Any]) -> Any:
        """The key of the first certificate, if a trusted one vouches for it through the others."""
        try:
            links = [x509.load_der_x509_certificate(base64.b64decode(str(item))) for item in chain[:_CHAIN_LIMIT]]
        except ValueError:
            return None
        now = datetime.now(timezone.utc)
        for position, link in enumerate(links):
            if not link.not_valid_before_utc <= now <= link.not_valid_after_utc:
                return None
            if any(link == trusted or _issued(link, trusted) for trusted in self._trusted):
                return links[0].public_key()
            if position + 1 == len(links) or not _issued(link, links[position + 1]):
                return None
        return None


def signers(header: Mapping[str, Any], by_id: Mapping[str, Any]) -> Iterator[Any]:
    """The keys, of some known by their ids, that may have signed a token with this header."""
    identity = header.get("kid")
    if identity is not None:
        if str(identity) in by_id:
            yield by_id[str(identity)]
        return
    seen = {id(key): key for key in by_id.values()}
    yield from list(seen.values())[:_TRIED]


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        is_authority = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return is_authority


def _certificates(path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(read_file("auth.token", path))
    except ValueError:
        raise ConfigError(f"auth.token.rootcertbundle: {path} has no PEM certificates") from None


def _key_set(path: str) -> dict[str, Any]:
    try:
        return parse_key_set(read_file("auth.token", path))
    except ValueError:
        raise ConfigError(f"auth.token.jwks: {path} is not a JSON Web Key Set with public keys") from None


def parse_key_set(data: bytes) -> dict[str, Any]:
    """The public keys of a JSON Web Key Set by their ids. Raises ValueError for what is none."""
    try:
        return {
            str(key.key_id or key.thumbprint().decode() if hasattr(key, "thumbprint") else key.key_id): key.key
            for key in jwt.PyJWKSet.from_dict(json.loads(data)).keys
            if key.key_type != "oct"
        }
    except (AttributeError, jwt.PyJWTError) as error:
        raise ValueError(str(error)) from None


def _libtrust_id(key: Any) -> str:
    """Docker's own key id: SHA-256 of the key, its first 240 bits in base32, in groups of four."""
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    text = base64.b32encode(digest[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def _thumbprint(key: Any) -> str:
    """RFC 7638's name of a key; "" for a kind of key that no token is signed with."""
    for algorithm in (jwt.algorithms.RSAAlgorithm, jwt.algorithms.ECAlgorithm, jwt.algorithms.OKPAlgorithm):
        try:
            fields = algorithm.to_jwk(key, as_dict=True)
        except (TypeError, AttributeError, jwt.PyJWTError):
            continue
        needed = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[fields["kty"]]
        text = json.dumps({name: fields[name] for name in needed}, separators=(",", ":"), sort_keys=True)
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return ""
