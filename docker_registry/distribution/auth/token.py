"""Bearer tokens of somebody's token server (Distribution's `auth.token`, the Docker token protocol).

A token is a JWT. Its signature is checked with the keys that the operator
named: certificates, known by the key ids that token servers use for them, or
leading to one of them through `x5c`; or a JSON Web Key Set, in a file or at a URL. Algorithms with a
shared secret, and `none`, are never accepted.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import jwt

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import TokenServer

from . import audit
from .access import CATALOG, UPKEEP, Access, scope
from .caller import Caller, Kind
from .fetched_keys import FetchedKeys
from .gate import RefusedError, challenge
from .keys import Keys
from .remembered import Remembered

__all__ = ["ALGORITHMS", "Token"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = 60.0  # s that clocks may differ, as in Distribution
_LONGEST = 64 << 10  # characters of a token
_REMEMBERED = 60.0  # s for which a checked token needs no second check, unless it expires before
_ENTRIES = 4_000
_NAME = 200  # characters of a subject or group
_LATEST = 1 << 53  # s; later is no time, and NaN is not below it either


class _Checked(NamedTuple):
    versions: list[object]  # of the keys
    ends: float  # seconds since the epoch
    caller: Caller


class Token:
    """Raises ConfigError for settings without a usable key."""

    scheme = "bearer"

    def __init__(self, server: TokenServer, clock: Callable[[], float] = time.time):
        unknown = [name for name in server.algorithms if name not in ALGORITHMS]
        if unknown:
            raise ConfigError(f"auth.token.signingalgorithms: {unknown[0]} is not one of {', '.join(ALGORITHMS)}")
        self._server = server
        self._algorithms = list(server.algorithms or ALGORITHMS)
        self._keys = _keys(server)
        self._clock = clock
        self._checked: Remembered[_Checked] = Remembered(_ENTRIES, _REMEMBERED)

    def enter(self, credentials: str, address: str) -> Caller:
        if len(credentials) > _LONGEST:
            raise RefusedError("the token is too long", "invalid_token")
        # Before the keys are tried: they may change meanwhile.
        versions = [keys.version for keys in self._keys]
        key = hashlib.sha256(credentials.encode()).digest()
        found = self._checked.get(key)
        if found and found.versions == versions and self._clock() < found.ends:
            return found.caller
        try:
            claims = self._claims(credentials)
        except jwt.PyJWTError as error:
            raise RefusedError(f"the token is not accepted: {error}", "invalid_token") from None
        caller = self._caller(claims)
        self._checked.put(key, _Checked(versions, float(claims["exp"]) + LEEWAY, caller))
        audit.logged_in(caller, address)
        return caller

    def _caller(self, claims: dict[str, Any]) -> Caller:
        groups = claims.get(self._server.groups) if self._server.groups else None
        return Caller(
            Kind.TOKEN,
            str(claims.get("sub", ""))[:_NAME],
            _granted(claims.get("access")),
            groups=frozenset(str(group)[:_NAME] for group in groups) if isinstance(groups, list) else frozenset(),
            limit="the token's access",
        )

    def challenge(self, accesses: Sequence[Access], error: str) -> str:
        values = {"realm": self._server.realm, "service": self._server.service}
        if accesses:
            values["scope"] = scope(accesses)
        if error:
            values["error"] = error
        return challenge("Bearer", values)

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        failure: jwt.PyJWTError = jwt.InvalidKeyError("none of the configured keys signed it")
        for key in chain.from_iterable(keys.candidates(header) for keys in self._keys):
            try:
                return self._verified(token, key)
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError, TypeError) as error:
                failure = error if isinstance(error, jwt.PyJWTError) else failure
        raise failure

    def _verified(self, token: str, key: Any) -> dict[str, Any]:
        # Times are checked below: the library takes them from a clock of its own.
        options: Any = {"require": ["exp"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        claims: dict[str, Any] = jwt.decode(
            token, key, self._algorithms, options, audience=self._server.service, issuer=self._server.issuer
        )
        now = self._clock()
        if _time(claims, "exp") + LEEWAY <= now:
            raise jwt.ExpiredSignatureError("it has expired")
        if _time(claims, "nbf") - LEEWAY > now:
            raise jwt.ImmatureSignatureError("it is not valid yet")
        return claims


def _keys(server: TokenServer) -> list[Keys | FetchedKeys]:
    if not server.is_jwks_url:
        return [Keys(server.certificates, server.jwks)]
    return [*([Keys(server.certificates, "")] if server.certificates else []), FetchedKeys(server.jwks)]


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LATEST:
        raise jwt.DecodeError(f"its {name} is no time")
    return float(value)


def _granted(access: Any) -> Callable[[Access], bool]:
    """What a token's `access` claim allows; items that are not of its form allow nothing."""
    allowed = set()
    for item in access if isinstance(access, list) else ():
        if isinstance(item, dict) and isinstance(item.get("actions"), list):
            for action in item["actions"]:
                allowed.add((str(item.get("type")), str(item.get("name")), str(action)))

    def grants(asked: Access) -> bool:
        if asked == UPKEEP:
            return CATALOG in allowed  # no token server knows of it; this one they give to administrators
        return asked in allowed or (asked.kind, asked.name, "*") in allowed

    return grants
