"""One token for all connections: taken once, shared, renewed before it ends."""

import threading
import time

from docker_registry.core.exceptions import BrokenError, UnreachableError, UnspecifiedError

from ..compat import plain
from . import identity, refusals

__all__ = ["Access", "Auth"]

MARGIN = 60  # seconds before its end at which a token is renewed, if it lives twice as long
PAUSE = 5  # seconds between tries to renew a token that is still good
SHORT = 1  # seconds; a token that is refused so soon did not end meanwhile

clock = getattr(time, "monotonic", time.time)


class Access(object):
    """The right to use an account: its `url` in Swift, and a `token`."""

    def __init__(self, url, token, lifetime=None):
        """`lifetime` is in seconds from now; None where the server does not tell."""
        self.url = url
        self.token = token
        self._since = clock()
        self.ends = float("inf") if lifetime is None else clock() + lifetime
        self.renew_at = float("inf") if lifetime is None else self.ends - min(MARGIN, lifetime / 2.0)

    def may_have_ended(self):
        """Whether it is old enough for a refusal to mean its end, and not that of the credential."""
        return clock() - self._since > SHORT

    def __repr__(self):
        return "Access(%r, ***)" % (self.url,)


class Auth(object):
    """The one source of tokens of a driver, for any number of threads or greenlets.

    Whoever needs a new token while one is being asked for waits for that one.
    """

    def __init__(self, settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._access = None
        self._flight = None
        self.outcomes = {"taken": 0, "failed": 0}  # of all tries

    def access(self):
        """The account's URL and a token that is good for a while.

        Raises UnreachableError when no token can be had now, BrokenError when the credential is refused, MissingError
        when there is no such endpoint; the text says what to change.
        """
        access, now = self._access, clock()
        if access is None or now >= access.ends:
            return self._renewed(access)
        if now >= access.renew_at and self._flight is None:
            return self._renewed_early(access)
        return access

    def renew(self, access):
        """What to use instead of an access whose token Swift did not accept (401). Raises as `access` does."""
        if self._settings.method == "token" and not self._settings.auth_url:
            raise BrokenError(
                plain(
                    "Swift at %s does not accept swift_token, it may have expired: write a new one, or log in with "
                    "swift_user and swift_password" % access.url
                )
            )
        return self._renewed(access)

    def describe(self):
        """The credential and where it is used, for messages; no secrets."""
        return refusals.describe(self._settings)

    def _renewed_early(self, access):
        try:
            return self._renewed(access, retries=0)
        except UnreachableError:
            access.renew_at = clock() + PAUSE
            return access

    def _renewed(self, old, retries=None):
        while True:
            with self._lock:
                if self._access is not None and (old is None or self._access.token != old.token):
                    return self._access
                flight, leading = self._flight, False
                if flight is None:
                    self._flight = flight = _Flight()
                    leading = True
            if leading:
                self._fly(flight, self._settings.retries if retries is None else retries)
            flight.landed.wait()
            if flight.error is not None:
                raise type(flight.error)(*flight.error.args)
            if flight.access is not None:
                return flight.access

    def _fly(self, flight, retries):
        try:
            flight.access = Access(*identity.log_in(self._settings, retries))
            self.outcomes["taken"] += 1
        except UnspecifiedError as error:
            flight.error = error
            self.outcomes["failed"] += 1
        finally:
            # Also when this greenlet is killed: one of those who wait then takes over.
            with self._lock:
                self._flight = None
                self._access = flight.access or self._access
            flight.landed.set()


class _Flight(object):
    """One request for a token, and those who wait for it."""

    def __init__(self):
        self.landed = threading.Event()
        self.access = None
        self.error = None
