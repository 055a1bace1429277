"""Logins through the page's own form: a cookie that holds what was typed, encrypted, and nothing on the server.

It is worth what the name and password in it are worth, which the gate asks at each request as it asks for those that a
browser sends by itself: a password that is changed, a robot that is revoked or a role that is taken away ends it too,
and any replica with the same secret reads it. Cookies go to pages only, never to the API.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from werkzeug.wrappers import Request, Response

__all__ = ["COOKIE", "LASTS", "TooLongError", "drop", "is_entered", "keep", "read"]

COOKIE = "docker-registry-swift"
LASTS = 12 * 3600  # s
_PURPOSE = b"docker-registry-swift page session 1\0"
_LONGEST = 3800  # characters of a cookie's value; browsers keep 4,096 bytes of name, value and attributes
_ENTERED = "docker_registry.page.session"  # in WSGI's environ: who this is was told by the cookie


class TooLongError(Exception):
    """Name and password are too long for a cookie."""


def read(request: Request, secrets: Sequence[bytes]) -> tuple[str, str] | None:
    """Name and password of a request's cookie; None for one that says itself who sent it, or has none of ours."""
    value = request.cookies.get(COOKIE, "")
    if not value or len(value) > _LONGEST or "Authorization" in request.headers:
        return None
    try:
        name, password = json.loads(_box(secrets).decrypt(value.encode(), ttl=LASTS))
    except (InvalidToken, binascii.Error, ValueError):
        return None
    request.environ[_ENTERED] = True
    return str(name), str(password)


def is_entered(request: Request) -> bool:
    """Whether the cookie said who this is."""
    return bool(request.environ.get(_ENTERED))


def keep(response: Response, secrets: Sequence[bytes], name: str, password: str, path: str, is_encrypted: bool) -> None:
    """Let a browser stay logged in on pages below `path`. Raises TooLongError."""
    value = _box(secrets).encrypt(json.dumps([name, password]).encode()).decode()
    if len(value) > _LONGEST:
        raise TooLongError
    # Lax: a link from elsewhere, as in a chat, opens the page logged in; a form from elsewhere is sent without it.
    response.set_cookie(COOKIE, value, max_age=LASTS, path=path, secure=is_encrypted, httponly=True, samesite="Lax")


def drop(response: Response, path: str, is_encrypted: bool) -> None:
    response.delete_cookie(COOKIE, path=path, secure=is_encrypted, httponly=True, samesite="Lax")


def _box(secrets: Sequence[bytes]) -> MultiFernet:
    """The first secret closes, each opens."""
    keys = [base64.urlsafe_b64encode(hmac.digest(secret, _PURPOSE, "sha256")) for secret in secrets]
    return MultiFernet([Fernet(key) for key in keys])
