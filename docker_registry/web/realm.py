"""A token server, asked with somebody's name and password as `docker login` asks it, since no browser does.

Wrong passwords are counted and remembered as those of any other login. What the
password allows on one page is the token server's to say: for each page it is
asked for a token for what is on it.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import partial

import requests
from cachetools import TTLCache

from docker_registry.distribution.auth.access import Access, scope
from docker_registry.distribution.auth.basic import Basic
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.auth.gate import RefusedError
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.settings import TokenServer

__all__ = ["Realm", "basic"]

logger = logging.getLogger(__name__)

_TIMEOUT = (5.0, 10.0)  # s to connect, and for each part of an answer
_LARGEST = 64 * 1024  # bytes of an answer
_REMEMBERED = 50.0  # s for which a token is used again; servers give none that last less than 60
_ENTRIES = 1_000
_ACTIONS = ("pull", "push", "delete")


class Realm:
    """Safe for threads and greenlets."""

    version = None
    pace = 0.0  # whoever wants to know how long the token server takes asks it, not this

    def __init__(self, server: TokenServer):
        self._server = server
        self._session = requests.Session()
        self._door = Basic("", [self])
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._tokens: TTLCache[bytes, str] = TTLCache(_ENTRIES, _REMEMBERED)

    def check(self, name: str, password: str) -> Caller | None:
        """As the door asks whether a password is right, once a minute."""
        return Caller(Kind.TOKEN, name, limit="the token server") if self._ask(name, password, "") else None

    def token(self, name: str, password: str, address: str, needs: Sequence[Access]) -> str:
        """For what a page needs and may show.

        Raises RefusedError for a wrong password, TOOMANYREQUESTS for too many of them, and LOGIN_UNCHECKED.
        """
        self._door.enter(basic(name, password), address)
        wanted = scope(_widened(needs))
        key = hmac.digest(self._key, repr((name, password, wanted)).encode(), "sha256")
        with self._lock:
            token = self._tokens.get(key, "")
        if not token:
            token = self._ask(name, password, wanted)
            if not token:
                raise RefusedError("the token server takes this password no more")
            with self._lock:
                self._tokens[key] = token
        return token

    def _ask(self, name: str, password: str, wanted: str) -> str:
        """A token, "" where the server gives none to such a password."""
        query = {"service": self._server.service, "account": name, **({"scope": wanted} if wanted else {})}
        try:
            with self._session.get(
                self._server.realm,
                params=query,
                auth=partial(_put, f"Basic {basic(name, password)}"),  # else one would be looked for in .netrc
                timeout=_TIMEOUT,
                stream=True,
                allow_redirects=False,
            ) as answer:
                if answer.status_code in (401, 403):
                    return ""
                answer.raise_for_status()
                document = json.loads(answer.raw.read(_LARGEST, decode_content=True))
            return str(document.get("token") or document["access_token"])
        except (
            requests.RequestException,
            OSError,
            ValueError,
            LookupError,
            AttributeError,
            TypeError,
            RecursionError,
        ) as error:
            logger.error("the token server %s gives no token: %s", self._server.realm, type(error).__name__)
            why = "the token server does not answer as it should, so nobody can log in here for now"
            raise RegistryError(Code.LOGIN_UNCHECKED, why, headers={"Retry-After": "5"}) from None


def basic(name: str, password: str) -> str:
    """The credentials of RFC 7617."""
    return b64encode(f"{name}:{password}".encode(errors="replace")).decode()


def _put(header: str, request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = header
    return request


def _widened(needs: Sequence[Access]) -> Iterable[Access]:
    """All that can be done with the repositories of a page: its buttons are there for who may use them."""
    for access in needs:
        if access.kind != "repository":
            yield access
    for name in dict.fromkeys(access.name for access in needs if access.kind == "repository"):
        for action in _ACTIONS:
            yield Access("repository", name, action)
