"""Passwords that the registry makes itself, for machines: scoped, expiring, checked without a request.

Such a password holds what it allows, signed with the registry's secret, so no
database has to know it; its id can be revoked.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from .access import Access
from .caller import Caller, Kind
from .patterns import Pattern

__all__ = ["ROBOT_ID", "Grant", "Robots", "parse_grant"]

ROBOT_ID = "r[0-9a-f]{11}"

_PREFIX = "drs1."  # what secret scanners can look for
_PURPOSE = b"docker-registry-swift robot password 1\0"
_LONGEST = 4096  # characters of a password
_ASKED = 64  # accesses of one password whose answers are remembered
_ACTIONS = ("pull", "push", "delete")


class Grant(NamedTuple):
    """What one password allows."""

    pattern: str  # of repositories
    actions: tuple[str, ...]


def parse_grant(text: str) -> Grant:
    """`team/**:pull,push`. Raises ValueError."""
    pattern, colon, actions = text.rpartition(":")
    chosen = tuple(actions.split(","))
    if colon and "admin" in chosen:
        raise ValueError(f"{text!r}: a robot's password cannot hold admin; it may allow {', '.join(_ACTIONS)}")
    if not colon or not set(chosen) <= set(_ACTIONS):
        raise ValueError(f"{text!r} must be a pattern of repositories and what is allowed, such as team/**:pull,push")
    if "push" in chosen and "pull" not in chosen:
        raise ValueError(f"{text!r} must allow pull too, which pushing needs")
    Pattern(pattern)
    return Grant(pattern, chosen)


class Robots:
    """`secrets`: the first signs, all verify. `is_revoked` tells by its id that a password counts no more."""

    pace = 0.0
    version = None  # each password tells itself whether it still counts

    def __init__(self, secrets: Sequence[bytes], is_revoked: Callable[[str], bool] = lambda _: False):
        self._keys = [hmac.digest(secret, _PURPOSE, "sha256") for secret in secrets]
        self._is_revoked = is_revoked

    def create(self, name: str, grants: Sequence[Grant], expires: float) -> tuple[str, str]:
        """An id and a password for a robot; `expires` is in seconds since the epoch."""
        identity = "r" + uuid.uuid4().hex[:11]  # YAML takes none of these for a number
        fields = [identity, name, int(expires), [list(grant) for grant in grants]]
        payload = json.dumps(fields, separators=(",", ":")).encode()
        return identity, _PREFIX + _encode(payload) + "." + _encode(self._sign(self._keys[0], payload))

    def check(self, name: str, password: str) -> Caller | None:
        if not password.startswith(_PREFIX) or len(password) > _LONGEST:
            return None
        body, _, mac = password[len(_PREFIX) :].partition(".")
        try:
            payload, signature = _decode(body), _decode(mac)
        except (binascii.Error, ValueError):
            return None
        if not any(hmac.compare_digest(signature, self._sign(key, payload)) for key in self._keys):
            return None
        identity, robot, expires, grants = json.loads(payload)
        if robot != name or not self._counts(identity, expires):
            return None
        allowed = _allowing([Grant(pattern, tuple(actions)) for pattern, actions in grants])
        limit = f"the robot's password {identity}"
        return Caller(Kind.ROBOT, robot, allowed, limit=limit, still=lambda: self._counts(identity, expires))

    def _counts(self, identity: str, expires: float) -> bool:
        return time.time() < expires and not self._is_revoked(identity)

    @staticmethod
    def _sign(key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, payload, "sha256")


def _allowing(grants: Sequence[Grant]) -> Callable[[Access], bool]:
    patterns = [(Pattern(grant.pattern), frozenset(grant.actions)) for grant in grants]

    @lru_cache(maxsize=_ASKED)
    def grants_access(access: Access) -> bool:
        if access.kind == "registry":
            return True  # it shows only what may be pulled
        return any(access.action in actions and pattern.matches(access.name) for pattern, actions in patterns)

    return grants_access


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
