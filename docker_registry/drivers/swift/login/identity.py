"""Log in: settings -> the account's URL, a token, and how long it lives. Auth v1 is here, v2 and v3 in keystone.py."""

import time

from docker_registry.core.exceptions import UnreachableError

from ..http import errors
from ..http.connection import Connection, headers_of
from ..http.retries import Retries
from . import keystone, refusals

__all__ = ["log_in"]


def log_in(settings, retries):
    """(url, token, lifetime): the account in Swift, and a token for so many seconds (None where that is not told).

    Raises UnreachableError after `retries` further tries, BrokenError when the credential or the certificate is
    refused, MissingError when there is no endpoint as asked for.
    """
    further = Retries(retries)
    while True:
        try:
            return _try(settings)
        except UnreachableError as error:
            pause = further.pause(error)
            if pause is None:
                raise
        time.sleep(pause)


def _try(settings):
    if not settings.auth_url:
        return settings.storage_url, settings.token, None
    if settings.auth_version == 1:
        return _version_1(settings)
    return keystone.log_in(settings)


def _version_1(settings):
    # Through the driver's own connection: an answer counts only if it is the final one and its head is whole.
    connection = None
    try:
        connection = Connection(settings.auth_url, settings)
        user = {"X-Auth-User": settings.user, "X-Auth-Key": settings.password}
        response = connection.send("GET", connection.root or "/", user, b"")
        response.read()
    except errors.CERTIFICATE as error:
        raise refusals.untrusted(settings, error)
    except errors.LIBRARY + (EnvironmentError,) as error:
        raise refusals.unreachable(settings, error)
    finally:
        if connection is not None:
            connection.close()
    said = headers_of(response)
    url, token = said.get("x-storage-url"), said.get("x-storage-token") or said.get("x-auth-token")
    if not (200 <= response.status < 300 and url and token):
        raise refusals.version_1(settings, response.status)
    return settings.storage_url or url, token, None
