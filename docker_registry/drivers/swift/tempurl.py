"""Signed URLs (TempURL) that let a client read one object for a while."""

from __future__ import unicode_literals

import hashlib
import hmac
import time

from docker_registry.concurrency import acting

from .names import has_dots, url

__all__ = ["TempUrls"]

# Most wanted first; SHA-1 is deprecated in Swift, and all that older ones know.
DIGESTS = ("sha256", "sha512", "sha1")
KEY_LIFE = 300  # seconds for which a key that was read off the server is used; keys get rotated
_CONTAINER_KEY = "x-container-meta-temp-url-key"
_ACCOUNT_KEY = "x-account-meta-temp-url-key"


class TempUrls(object):
    """Signs URLs with the configured key, or with one that the container or the account has."""

    def __init__(self, client, settings, clock=time.time):
        self._client = client
        self._configured = settings.temp_url_key
        self._lifetime = settings.temp_url_ttl
        self._clock = clock
        self._found = None
        self._found_at = None

    def sign(self, name):
        """A URL for an object, or None where this server offers none.

        Raises what a request for the key may raise.
        """
        digest = self._digest()
        # Clients resolve `.` and `..`, and the signature would be for another path.
        with acting.within(None):  # whom it is for may not see the key
            key = None if digest is None or has_dots(name) else self._key()
        if not key:
            return None
        server, account = self._client.account_path()
        expires = int(self._clock() + self._lifetime)
        # Not swiftclient's `generate_temp_url`: on Python 2.7 it signs with SHA-1 only.
        message = "GET\n{0}\n{1}/{2}/{3}".format(expires, account, self._client.container, name)
        signature = hmac.new(_bytes(key), _bytes(message), getattr(hashlib, digest)).hexdigest()
        path = account + url(self._client.container, name)
        return "{0}{1}?temp_url_sig={2}&temp_url_expires={3}".format(server, path, signature, expires)

    def _digest(self):
        allowed = self._client.habits.signing_digests
        return next((digest for digest in DIGESTS if digest in allowed), None)

    def _key(self):
        by_container = self._client.habits.signs_by_container
        if self._configured and by_container:
            return self._configured
        if self._found_at is None or self._clock() > self._found_at + KEY_LIFE:
            of_container = self._keys(None, _CONTAINER_KEY) if by_container else []
            self._found = self._choose(of_container or self._keys("", _ACCOUNT_KEY))
            self._found_at = self._clock()
        return self._found

    def _choose(self, keys):
        """The configured key, unless the account shows others: then it is a container's, and signs nothing."""
        if self._configured and (not keys or self._configured in keys):
            return self._configured
        return keys[0] if keys else None

    def _keys(self, container, header):
        answer = self._client.request("HEAD", container=container, accept=(401, 403, 404))
        found = [answer.headers.get(header), answer.headers.get(header + "-2")] if answer.status < 300 else []
        return [key for key in found if key]


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode("utf8")
