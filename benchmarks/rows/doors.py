"""What each way to log in costs a pull, and how long a wrong password is refused for a name that is there or not."""

from __future__ import annotations

import base64
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import bcrypt
import jwt

from docker_registry.distribution.auth.robots import Grant, Robots

from ..content import MANIFEST, image
from ..hammer import hammer
from ..measure import Row, metered
from ..plan import KIB, Plan
from ..processes import Server
from ..rig import DISTRIBUTION, KEY, OURS, Rig, Unavailable
from ..session import Session

__all__ = ["CONNECTIONS", "basic", "doors", "measure", "refusals"]

CONNECTIONS = 16
_COST = 10  # of the hashes of passwords
_ADDRESS = "http://auth.example.org/token"
_ACCESS = [{"type": "repository", "name": "bench/image", "actions": ["pull", "push"]}]


class _Door(NamedTuple):
    id: str
    title: str
    config: Mapping[str, Any]  # sections of Distribution's config file
    credential: str = ""
    peers: tuple[str, ...] = (OURS, DISTRIBUTION)


def doors(rig: Rig, plan: Plan) -> Iterator[Row]:
    asked = image(3, KIB)
    folder = rig.logs
    missing = Row("", "")
    for name in (OURS, DISTRIBUTION):
        try:
            rig.registry(name).push_image(asked, "latest")
        except Unavailable as why:
            missing.cell(name).note = str(why)
    path = f"bench/image/manifests/{asked.manifest.digest}"
    for door in _doors(folder):
        title = f"GET manifests/<digest>; {CONNECTIONS} connections, {door.title}"
        row = Row(f"door-{door.id}", title, "1/s", more_is_better=True, cells=dict(missing.cells))
        for name in door.peers:
            if name not in missing.cells:
                with rig.server(name, more=door.config) as server:
                    measure(rig, plan, row, name, server, door.credential, path)
        yield row
    known = {
        "known": ("a name that is there", "alice"),
        "unknown": ("a name that is not there", "nobody"),
    }
    yield from refusals(rig, plan, {"htpasswd": str(folder / "htpasswd")}, known)
    known = {
        "robot-known": ("a robot that has one", "ci"),
        "robot-unknown": ("no robot", "nobody"),
    }
    yield from refusals(rig, plan, {"robots": True}, known)


def _doors(folder: Path) -> Iterator[_Door]:
    key, certificate = _certify(folder)
    passwords = _htpasswd(folder)
    token = {"realm": _ADDRESS, "service": "bench", "issuer": "bench", "rootcertbundle": str(certificate)}
    yield _Door("none", "no login", {})
    htpasswd = {"htpasswd": {"realm": "bench", "path": str(passwords)}}
    yield _Door("htpasswd", "htpasswd", {"auth": htpasswd}, basic("alice", "alice"))
    yield _Door("token", "a token (ES256)", {"auth": {"token": token}}, f"Bearer {_token(key, certificate)}")
    _, password = Robots([KEY.encode()]).create("ci", [Grant("**", ("pull", "push"))], time.time() + 3600)
    yield _Door("robot", "a robot's password", {"registry": {"auth": {"robots": True}}}, basic("ci", password), (OURS,))
    yield _Door("tls", "TLS", {"http": {"tls": {"certificate": str(certificate), "key": str(key)}}})


def measure(rig: Rig, plan: Plan, row: Row, name: str, server: Server, credential: str, path: str) -> None:
    """`path` is what is asked for, below `/v2/`."""
    parts = urlsplit(server.url)
    fields = {"Host": parts.netloc, "Accept": MANIFEST, **({"Authorization": credential} if credential else {})}
    head = "".join(f"{field}: {value}\r\n" for field, value in fields.items())
    request = f"GET /v2/{path} HTTP/1.1\r\n{head}\r\n".encode()
    address, secure = (parts.hostname or "", parts.port or 443), parts.scheme == "https"
    hammer(address, [request], 1, 0.0, secure=secure)  # what is cold gets warm
    cell = row.cell(name)
    for _ in range(plan.few_rounds):
        with metered(rig, cell, server.process):
            pace = hammer(address, [request], CONNECTIONS, plan.seconds, secure=secure)
        cell.values.append(pace.per_second)
        for spent in (cell.requests, cell.cpu, cell.swift_cpu, cell.client_cpu):
            if spent:
                spent[-1] /= len(pace.times)
        cell.p50.append(pace.percentile(0.50))
        cell.p99.append(pace.percentile(0.99))


def refusals(rig: Rig, plan: Plan, section: Mapping[str, Any], names: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    """How long wrong passwords are refused at a door, by what is wrong: an id of a row, its title, and a name.

    Turn by turn, each from another address, so that nobody has to wait for having guessed.
    """
    rows = {name: Row(f"refuse-{id}", f"refuse a wrong password of {title}") for id, (title, name) in names.items()}
    more = {"registry": {"auth": section, "trustedproxies": "127.0.0.1"}}
    with rig.server(OURS, more=more) as server, Session(server.url) as session:
        for number in range(plan.refusals):
            for name, row in rows.items():
                headers = {"Authorization": basic(name, f"wrong {number}"), "X-Forwarded-For": f"192.0.2.{number}"}
                began = time.perf_counter()
                session.ask("GET", "/v2/", 401, headers=headers)
                row.cell(OURS).values.append(time.perf_counter() - began)
    for row in rows.values():
        times = sorted(row.cell(OURS).values)
        row.cell(OURS).p50, row.cell(OURS).p99 = [times[len(times) // 2]], [times[int(len(times) * 0.99)]]
        yield row


def _certify(folder: Path) -> tuple[Path, Path]:
    """A key, and its certificate, which signs itself."""
    key, certificate = folder / "door.key", folder / "door.crt"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key, certificate


def _htpasswd(folder: Path) -> Path:
    file = folder / "htpasswd"
    file.write_text(f"alice:{bcrypt.hashpw(b'alice', bcrypt.gensalt(_COST)).decode()}\n")
    return file


def _token(key: Path, certificate: Path) -> str:
    now = int(time.time())
    claims = {"iss": "bench", "aud": "bench", "sub": "alice", "iat": now, "nbf": now, "exp": now + 3600}
    chain = [base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.read_text())).decode()]
    return jwt.encode({**claims, "jti": "1", "access": _ACCESS}, key.read_text(), "ES256", {"x5c": chain})


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
