"""Forms that change something: sent by whoever was shown them, from a page of this registry, not long ago.

A browser adds its password to whatever another site makes it send. So a form
has a token that only its own page knows (signed, for this caller and this
address), and where a browser says from which page it sends, it must be one of
ours. A form without a token, such as that to log in, must say it.
"""

from __future__ import annotations

import hmac
import time
from urllib.parse import urlsplit

from docker_registry.distribution.errors import Code, RegistryError

from .visit import Visit

__all__ = ["check", "check_source", "token"]

_PURPOSE = b"docker-registry-swift page form 1\0"
_LASTS = 3600  # s
_LARGEST = 64 * 1024  # bytes of a form
_ELSEWHERE = "this form was sent from another site, or the browser does not say (Origin) that it is from this one"
_STALE = "this form was made too long ago, for somebody else or somewhere else; go back, reload the page and try again"


def token(visit: Visit) -> str:
    """What a form that is sent to the address of this page must have in its field `token`."""
    expires = str(int(time.time()) + _LASTS)
    return f"{expires}.{_sign(visit, visit.context.settings.secrets[0], expires)}"


def check(visit: Visit) -> None:
    """Raises DENIED or REQUEST_INVALID for a form that is not to be believed, METHOD_UNSUPPORTED while read-only."""
    request, settings = visit.request, visit.context.settings
    if settings.read_only:
        raise RegistryError(Code.METHOD_UNSUPPORTED, "this registry is read-only for now", headers={"Allow": "GET"})
    if not request.content_length:
        raise RegistryError(Code.REQUEST_INVALID, "no form was sent; go back and use the button of the page")
    _check_size(visit)
    if not _is_from_here(visit, unsaid=True):
        raise RegistryError(Code.DENIED, _ELSEWHERE)
    expires, _, signature = request.form.get("token", "").partition(".")
    signed = (_sign(visit, secret, expires) for secret in settings.secrets)
    if not any(hmac.compare_digest(signature.encode(), each.encode()) for each in signed) or _is_over(expires):
        raise RegistryError(Code.DENIED, _STALE)


def check_source(visit: Visit) -> None:
    """For a form without a token. Raises DENIED unless it is said to come from here, REQUEST_INVALID if too large."""
    _check_size(visit)
    if not _is_from_here(visit, unsaid=False):
        raise RegistryError(Code.DENIED, _ELSEWHERE)


def _check_size(visit: Visit) -> None:
    if (visit.request.content_length or 0) > _LARGEST:
        raise RegistryError(Code.REQUEST_INVALID, "this form is too large: at most 64 KiB are taken, so choose less")


def _sign(visit: Visit, secret: bytes, expires: str) -> str:
    text = "\0".join((expires, str(visit.caller), visit.request.path))
    return hmac.new(secret, _PURPOSE + text.encode(errors="replace"), "sha256").hexdigest()


def _is_over(expires: str) -> bool:
    """Of a text whose signature is right."""
    return time.time() > int(expires)


def _is_from_here(visit: Visit, unsaid: bool) -> bool:
    """What the browser says, or `unsaid` where it says nothing."""
    request = visit.request
    hosts = {request.host, urlsplit(visit.context.settings.public_url).netloc}
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc in hosts - {""}
    site = request.headers.get("Sec-Fetch-Site")
    return unsaid if site is None else site == "same-origin"
