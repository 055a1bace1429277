"""Log in: settings -> the account's URL, a token, and how long it lives. Auth v1 is here, v2 and v3 in keystone.py."""

import time

import requests.exceptions
import swiftclient

from docker_registry.core.exceptions import UnreachableError

from ..http.retries import Retries
from . import keystone, refusals

__all__ = ["log_in"]

# swiftclient's debug log would show up to 16 characters of each token.
swiftclient.client.logger_settings["reveal_sensitive_prefix"] = 0


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
    try:
        url, token = swiftclient.get_auth(
            settings.auth_url,
            settings.user,
            settings.password,
            auth_version="1",
            cacert=settings.cacert,
            insecure=settings.insecure,
            cert=settings.cert,
            cert_key=settings.key,
            timeout=(settings.connect_timeout, settings.timeout),
        )
    except swiftclient.ClientException as error:
        raise refusals.version_1(settings, error.http_status)
    except requests.exceptions.SSLError as error:
        raise refusals.untrusted(settings, error)
    except (requests.exceptions.RequestException, EnvironmentError) as error:
        raise refusals.unreachable(settings, error)
    if not (url and token):
        raise refusals.version_1(settings, 404)
    return settings.storage_url or url, token, None
