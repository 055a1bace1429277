"""What a proxy in front says of the client's request: believed from trusted proxies only.

The registry finds in the environ what its clients see: `wsgi.url_scheme`,
`HTTP_HOST`, `SCRIPT_NAME` (the path that a proxy took off) and `REMOTE_ADDR`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from docker_registry.concurrency import trace
from docker_registry.distribution.auth.told import BY_CERTIFICATE, BY_PROXY, Told
from docker_registry.settings import Header

from .hosts import is_host

__all__ = ["TrustedProxies"]

log = logging.getLogger(__name__)

Environ = dict[str, Any]
TOLD = 100  # senders that a worker names in its log: strangers must not fill it
_ADDRESS = 64  # characters; the longest with its port has fewer
_LONGEST = 256  # characters of a user's name
_GROUPS = 200  # of a user
_IDENTITY = re.compile(r"[A-Za-z0-9._-]{1,64}")  # of a request
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s";,]+))\s*')
_SAID = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
)


class TrustedProxies:
    """WSGI middleware that puts the client's request in the place of the proxy's; what others say is dropped."""

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        networks: Sequence[IPv4Network | IPv6Network],
        socket: bool = False,
        header: Header | None = None,
    ):
        """`socket`: whether who comes by a unix socket, which has no address, is trusted too. `header` names a user."""
        self._user, self._groups = (_key(header.user), _key(header.groups)) if header else ("", "")
        self._names = (*_SAID, *filter(None, (self._user, self._groups)))
        self._socket = socket
        self._app = app
        self._networks = networks
        self._told: set[str] = set()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        said = {name: environ.pop(name) for name in self._names if name in environ}
        sender = environ.get("REMOTE_ADDR", "")
        if self._trusts(sender) or (self._socket and not sender):
            environ.pop(BY_CERTIFICATE, None)  # the proxy's, and not its client's
            self._believe(environ, said)
            identity = environ.get("HTTP_X_REQUEST_ID", "")
            if _IDENTITY.fullmatch(identity):
                environ[trace.ENVIRON] = identity
                trace.begin(identity)
        elif said:
            self._tell_once(sender, said)
        return self._app(environ, start_response)

    def _tell_once(self, sender: str, said: Iterable[str]) -> None:
        if sender in self._told or len(self._told) >= TOLD:
            return
        self._told.add(sender)
        names = ", ".join(name[len("HTTP_") :].replace("_", "-").title() for name in sorted(said))
        log.warning("%s is none of the trusted_proxies: what it says in %s is dropped", sender, names)

    def _trusts(self, address: str) -> bool:
        parsed = _address(address) if self._networks else None
        return parsed is not None and any(parsed in network for network in self._networks)

    def _believe(self, environ: Environ, said: dict[str, str]) -> None:
        # Each proxy appends what it saw, so the list is read from its end for as long as trusted proxies wrote it.
        hops = _forwarded(said["HTTP_FORWARDED"]) if "HTTP_FORWARDED" in said else _x_forwarded(said)
        for hop in reversed(hops):
            if hop.get("proto", "").lower() in ("http", "https"):
                environ["wsgi.url_scheme"] = hop["proto"].lower()
            if is_host(hop.get("host", "")):
                environ["HTTP_HOST"] = hop["host"]
            client = _address(hop.get("for", ""))
            if client is None:
                break
            environ["REMOTE_ADDR"] = str(client)
            environ.pop("REMOTE_PORT", None)  # which was the proxy's
            if not self._trusts(str(client)):
                break
        prefix = said.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/")
        if prefix and _PREFIX.fullmatch(prefix):
            environ["SCRIPT_NAME"] = prefix
        user = _text(said.get(self._user, ""))
        # Two names would be those of two senders.
        if user and "," not in user and len(user) <= _LONGEST:
            groups = (group.strip() for group in _text(said.get(self._groups, "")).split(","))
            environ[BY_PROXY] = Told(user, tuple(group for group in groups if group)[:_GROUPS])


def _key(header: str) -> str:
    """How WSGI's environ calls a header."""
    return "HTTP_" + header.upper().replace("-", "_") if header else ""


def _text(value: str) -> str:
    return value.encode("latin-1").decode(errors="replace").strip()


def _forwarded(header: str) -> list[dict[str, str]]:
    """RFC 7239's elements, the nearest proxy's last; a malformed one has no fields."""
    return [
        {match[1].lower(): match[2] or match[3] or "" for match in map(_PAIR.fullmatch, element.split(";")) if match}
        for element in header.split(",")
    ]


def _x_forwarded(said: dict[str, str]) -> list[dict[str, str]]:
    """The same from X-Forwarded-*; where a list is shorter than that of the hops, its first value holds further out."""
    lists = {
        key: [item.strip() for item in said[name].split(",")]
        for key, name in (
            ("for", "HTTP_X_FORWARDED_FOR"),
            ("proto", "HTTP_X_FORWARDED_PROTO"),
            ("host", "HTTP_X_FORWARDED_HOST"),
        )
        if name in said
    }
    count = max((len(items) for items in lists.values()), default=0)
    return [{key: items[max(len(items) - count + index, 0)] for key, items in lists.items()} for index in range(count)]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`."""
    text = text.strip()
    if len(text) > _ADDRESS:
        return None
    bare = re.sub(r"^\[(.*)\](:\d+)?$|^([0-9.]+):\d+$", r"\1\3", text)
    try:
        return ip_address(bare)
    except ValueError:
        return None
