"""A token server of the tests' own: its keys, the files a registry knows them by, and tokens right and wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from docker_registry.settings import TokenServer

__all__ = ["Issuer", "access", "certificate", "new_key"]

REALM = "https://auth.example.org/token"
DAY = timedelta(days=1)


def new_key(kind: str = "ES256") -> Any:
    if kind.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048)
    if kind == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[kind]())


def certificate(
    key: Any, name: str, issuer: tuple[Any, x509.Certificate] | None = None, **fields: Any
) -> x509.Certificate:
    """A key's certificate, by itself or by an issuer; `ca`, `host`, `groups`, `starts` and `ends` may be given."""
    now = datetime.now(timezone.utc)
    group = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, item) for item in fields.get("groups", ())]
    subject = x509.Name([*group, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, parent = issuer or (key, None)
    builder = x509.CertificateBuilder(
        issuer_name=parent.subject if parent else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=fields.get("starts", now - DAY),
        not_valid_after=fields.get("ends", now + DAY),
    ).add_extension(x509.BasicConstraints(ca=fields.get("ca", issuer is None), path_length=None), critical=True)
    if host := fields.get("host"):
        name_of_host = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        names = x509.SubjectAlternativeName([name_of_host])
        builder = builder.add_extension(names, critical=False)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm)


def access(name: str, *actions: str, type: str = "repository") -> dict[str, Any]:
    return {"type": type, "name": name, "actions": list(actions)}


class Issuer:
    """Signs with one key; `folder` takes its files."""

    def __init__(self, folder: Path, algorithm: str = "ES256"):
        self.algorithm = algorithm
        self.key = new_key(algorithm)
        self.certificate = certificate(self.key, "token server")
        self.bundle = folder / "bundle.pem"
        self.bundle.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        self.jwks = folder / "jwks.json"
        public = jwt.get_algorithm_by_name(algorithm).to_jwk(self.key.public_key(), as_dict=True)
        self.jwks.write_text(json.dumps({"keys": [{**public, "kid": "key-1", "use": "sig"}]}))

    @property
    def key_id(self) -> str:
        """The id that Docker's own token servers give the key."""
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
        return ":".join(text[start : start + 4] for start in range(0, 48, 4))

    def server(self, by: str = "certificates", **fields: Any) -> TokenServer:
        keys = {"certificates": str(self.bundle)} if by == "certificates" else {"jwks": str(self.jwks)}
        return TokenServer(**{"realm": REALM, "service": "registry", "issuer": "auth", **keys, **fields})

    def token(
        self, *accesses: dict[str, Any], key: Any = None, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        now = time.time()
        body = {
            "iss": "auth",
            "sub": "alice",
            "aud": "registry",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + 300,
            "jti": "1",
            "access": list(accesses),
            **claims,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, key or self.key, self.algorithm, header)

    @staticmethod
    def chain(*certificates: x509.Certificate) -> dict[str, Any]:
        """A header that carries certificates."""
        return {"x5c": [base64.b64encode(item.public_bytes(Encoding.DER)).decode() for item in certificates]}
