"""The one place where errors of requests to Swift become errors of the driver; those of logins are in refusals.py."""

from __future__ import unicode_literals

import re
import socket

import requests.exceptions
import urllib3.exceptions
from swiftclient.exceptions import ClientException

from docker_registry.core import exceptions

from ..compat import QuotaError, http_client, say, shown

__all__ = ["CERTIFICATE", "LIBRARY", "TRANSIENT", "Taken", "WrongAnswer", "is_transient", "status_of", "translate"]


class WrongAnswer(http_client.HTTPException):
    """An answer that is not whole, or that cannot be true. The next one may be right."""


class Taken(http_client.HTTPException):
    """A connection was given to somebody else while nobody read from it."""


_NETWORK = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, http_client.HTTPException, socket.error)
CERTIFICATE = (requests.exceptions.SSLError, urllib3.exceptions.SSLError)
_MARKUP = re.compile("<[^<>]*>")  # Swift and proxies before it answer with a page
# What the libraries below this driver raise; anything else is a fault of its own.
LIBRARY = (ClientException,) + _NETWORK

# Statuses that a second try may turn into an answer: time-outs, a condition that nobody made, bytes spoilt on the way,
# rate limits, a busy or broken node.
TRANSIENT = frozenset((408, 412, 422, 429, 498, 499, 500, 502, 503, 504, 507))
_HINTS = {
    413: "the object or its name is larger than this Swift allows: lower swift_segment_size",
    422: "the bytes that arrived are not those that were sent",
    507: "the cluster is out of space",
}


def status_of(error):
    """The HTTP status that an error carries, or None."""
    return getattr(error, "http_status", None) or None


def is_transient(error):
    """Whether the same request may succeed a moment later."""
    if isinstance(error, CERTIFICATE):
        return False
    if isinstance(error, ClientException):
        return error.http_status in TRANSIENT
    return isinstance(error, _NETWORK) and not isinstance(error, ValueError)


def translate(error, doing, who="", absent=exceptions.FileNotFoundError):
    """The error of `docker_registry.core.exceptions` for what a library raised.

    `doing` names the request, such as `PUT a/b in container c`; `who` the
    credential and where it is used, without its secret; `absent` is what a
    404 means here.
    """
    if isinstance(error, exceptions.UnspecifiedError):
        return error
    kind, why = (absent, "404, not there") if status_of(error) == 404 else _kind(error, who)
    return kind(say("{0}: {1}", doing, why))


def _kind(error, who):
    status = status_of(error)
    if status is not None:
        return _of_status(status, error, who)
    if isinstance(error, CERTIFICATE):
        return exceptions.BrokenError, "the certificate cannot be trusted (see swift_cacert): {0}".format(shown(error))
    if isinstance(error, ValueError) and isinstance(error, requests.exceptions.RequestException):
        return exceptions.BrokenError, "this is no usable URL: {0}".format(shown(error))
    if isinstance(error, WrongAnswer):
        return exceptions.UnreachableError, "the answer cannot be trusted: {0}".format(shown(error))
    if isinstance(error, _NETWORK):
        return exceptions.UnreachableError, "no answer: {0}".format(shown(_shortly(error)))
    return exceptions.BrokenError, shown(getattr(error, "msg", None) or error)


def _of_status(status, error, who):
    answer = "{0} {1}".format(status, shown(getattr(error, "http_reason", "") or "")).strip() + _transaction(error)
    if status == 401:
        return exceptions.BrokenError, "{0}: the credential is not accepted: {1}".format(answer, shown(who))
    if status in (403, 413) and "quota" in _said(error).lower():
        return QuotaError, "{0}: {1}; remove images, or have the quota raised".format(answer, _said(error))
    if status == 403:
        return exceptions.BrokenError, "{0}: this needs more rights (a role, or the container's ACL): {1}".format(
            answer, shown(who)
        )
    if status == 416:
        return exceptions.WrongArgumentsError, "the range has no byte of the file"
    why = _HINTS.get(status) or _said(error)
    kind = exceptions.UnreachableError if status in TRANSIENT else exceptions.BrokenError
    return kind, answer + (": " + why if why else "")


def _transaction(error):
    identity = getattr(error, "transaction_id", None)
    return " (transaction {0})".format(shown(identity)) if identity else ""


def _said(error):
    """The beginning of what the server answered, on one line."""
    body = getattr(error, "http_response_content", b"") or b""
    if isinstance(body, bytes):
        body = body.decode("utf8", "replace")
    return " ".join(_MARKUP.sub(" ", body[:600]).split())[:200]


def _shortly(error):
    """The innermost reason; the outer ones repeat the URL at length."""
    inner = [getattr(error, "reason", None)] + list(getattr(error, "args", ()))
    causes = [cause for cause in inner if isinstance(cause, Exception)]
    if causes:
        return _shortly(causes[-1])
    return say("{0}", error).split(": ", 1)[-1] or type(error).__name__
