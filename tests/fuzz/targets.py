"""What a stranger's bytes reach first, one function each; it may refuse them as it says, and in no other way."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

from werkzeug.wrappers import Request

from docker_registry.core.driver import fetch
from docker_registry.distribution.auth.basic import Basic
from docker_registry.distribution.auth.gate import RefusedError
from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.auth.robots import Robots
from docker_registry.distribution.auth.token import Token
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import grammar, manifest, ranges
from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.routes import match, parse
from docker_registry.distribution.storage.upload_sessions import Sessions
from docker_registry.distribution.views.tar import Allowance, TooMuchError, UnreadableError, files_in
from docker_registry.distribution.views.turns import Turns
from docker_registry.serving import framing
from docker_registry.serving.framing import BadHead, BodyCut
from docker_registry.serving.hosts import is_host
from docker_registry.serving.proxies import TrustedProxies
from docker_registry.web import session
from tests.distribution.auth.issuer import Issuer

__all__ = ["TARGETS"]

_TOKENS = Token(Issuer(Path(tempfile.mkdtemp(prefix="fuzz-"))).server())
_BASIC = Basic("fuzz", [Robots([b"secret"])])
_SESSIONS = Sessions(fetch("memory")("/", None), [b"secret"], 60.0)
_PROXIES = TrustedProxies(lambda _environ, _start: [], [ip_network("10.0.0.0/8")])


def _route(text: str) -> None:
    parse(match(text)[1])


def _forwarded(text: str) -> None:
    for name in ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_HOST"):
        _PROXIES({"REMOTE_ADDR": "10.0.0.1", name: text}, lambda *_: None)


def _basic(text: str) -> None:
    _BASIC.enter(text, text[:20])  # from another address each time, so that nobody has to wait


def _head(data: bytes) -> None:
    stream = io.BytesIO(data)
    line = framing.read_request_line(stream)
    if line:
        framing.check(line, framing.read_fields(stream))


def _layer(data: bytes) -> None:
    """As it is, and with the sum that lets its first block be a header."""
    for archive in (data, _summed(data)):
        with contextlib.suppress(UnreadableError, TooMuchError):
            list(files_in([archive], Allowance(), Turns()))


def _summed(data: bytes) -> bytes:
    block = data[:148].ljust(148, b"\0") + b" " * 8 + data[156:512].ljust(356, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:] + data[512:]


def _cookie(text: str) -> None:
    session.read(Request({"HTTP_COOKIE": f"{session.COOKIE}={text}"}), [b"secret"])


def _text(call: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: call(data.decode("latin-1"))


# How each is called, and the errors that it says it raises.
TARGETS: dict[str, tuple[Callable[[bytes], object], tuple[type[Exception], ...]]] = {
    "digest": (_text(Digest.parse), (DigestError,)),
    "range": (_text(ranges.parse_range), (ranges.UnsatisfiableError,)),
    "content-range": (_text(ranges.parse_chunk_range), (ValueError,)),
    "reference": (_text(grammar.parse_reference), (RegistryError,)),
    "route": (_text(_route), (RegistryError,)),
    "manifest": (manifest.parse_manifest, (manifest.ManifestError,)),
    "stored-manifest": (manifest.stored_manifest, (manifest.ManifestError,)),
    "token": (_text(lambda text: _TOKENS.enter(text, "")), (RefusedError,)),
    "basic": (_text(_basic), (RefusedError, RegistryError)),
    "robot": (_text(lambda text: Robots([b"secret"]).check("deploy", "drs1." + text)), ()),
    "upload": (_text(lambda text: _SESSIONS.open("a", "b", text)), (RegistryError,)),
    "pattern": (_text(Pattern), (ValueError,)),
    "host": (_text(is_host), ()),
    "forwarded": (_text(_forwarded), ()),
    "head": (_head, (BadHead,)),
    "layer": (_layer, ()),
    "page-cookie": (_text(_cookie), ()),
    "chunk": (lambda data: framing.read_chunk_size(io.BytesIO(data)), (BodyCut,)),
}
