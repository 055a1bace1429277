"""Basic authentication: a name and a password, checked by whoever knows them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from cachetools import TTLCache

from docker_registry.concurrency.at_once import AtOnce

from ..errors import Code, RegistryError
from ..storage.cache import Cache
from . import audit
from .access import Access
from .caller import ANONYMOUS, Caller
from .clients import network_of
from .gate import RefusedError, challenge
from .remembered import Remembered

__all__ = ["Basic", "Passwords"]

REMEMBERED = 60.0  # s for which a checked password needs no second check
WRONG = 10  # wrong passwords that an address may send for one name ...
WRONG_NAMES = 100  # ... and for all names, since a proxy's address may be that of many clients ...
WINDOW = 60.0  # s; ... before it has to wait so long for what is not remembered
AT_ONCE = 64  # checks under way; a check takes a core for a tenth of a second ...
EACH = 8  # ... and of one address, so that others find room
_ENTRIES = 10_000  # passwords, and addresses, remembered


class Passwords(Protocol):
    """Somebody who knows names and passwords.

    `pace` is 0 where a check takes as long for a name that is known as for one that is not. Where that is in other
    hands it is in seconds, and a refusal is given at a multiple of it.
    """

    pace: float

    @property
    def version(self) -> object:
        """Changes whenever `check` may answer otherwise than before."""

    def check(self, name: str, password: str) -> Caller | None:
        """Who that is, or None."""


class Basic:
    """Asks each of `known` in turn, once for all who come with the same password meanwhile.

    Answers are remembered for a minute, under a key from which nobody gets the
    password back. `clock` gives seconds and never goes back.
    """

    scheme = "basic"

    def __init__(
        self,
        realm: str,
        known: Sequence[Passwords],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._realm = realm
        self._known = known
        self._pace = max(each.pace for each in known)
        self._clock = clock
        self._sleep = sleep
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._checked: Remembered[tuple[Caller | None]] = Remembered(_ENTRIES, REMEMBERED, clock)
        # Keeps nothing: what it would remember, tokens among it, has to be gone after a minute.
        self._questions = Cache(0, clock)
        self._wrong: TTLCache[object, int] = TTLCache(_ENTRIES, WINDOW, clock)
        self._wrong_until = 0.0  # on the clock; nothing in `_wrong` counts after it
        self._under_way = 0
        self._places = AtOnce(EACH)

    def enter(self, credentials: str, address: str) -> Caller:
        name, password = _decode(credentials)
        if not name and not password:
            return ANONYMOUS  # so clients that have no password answer a challenge
        client = network_of(address)
        # Before what is remembered, else a guess that is right would be told from a wrong one.
        if self._clock() < self._wrong_until and self._has_guessed(self._digest(client, name), WRONG):
            raise _wait("too many wrong passwords for this name", WINDOW)
        key = self._remembered_as(name, password)
        remembered = self._remembered(key)
        if remembered:
            return _accepted(remembered[0], name)
        if self._has_guessed(client, WRONG_NAMES):
            # Counts for the name: else who is stopped here could guess on at what is remembered, told by the answer.
            self._count(self._digest(client, name))
            raise _wait("too many wrong passwords from this address", WINDOW)

        def question() -> tuple[Caller | None]:
            # Another question may have been answered since this one's asker looked.
            return self._remembered(key) or self._ask(key, name, password, address)

        began = self._clock()
        (caller,) = self._questions.fetch(key, question, REMEMBERED)
        if caller is None and self._pace:
            self._sleep(self._pace - (self._clock() - began) % self._pace)
        return _accepted(caller, name)

    def challenge(self, accesses: Sequence[Access], error: str) -> str:
        return challenge("Basic", {"realm": self._realm})

    def _remembered(self, key: bytes) -> tuple[Caller | None] | None:
        """An answer that counts still, or None."""
        found = self._checked.get(key)
        return found if found and (found[0] is None or found[0].still()) else None

    def _has_guessed(self, who: object, often: int) -> bool:
        with self._lock:
            return self._wrong.get(who, 0) >= often

    def _ask(self, key: bytes, name: str, password: str, address: str) -> tuple[Caller | None]:
        client = network_of(address)
        caller = self._check(name, password, client)
        self._checked.put(key, (caller,))
        if caller:
            audit.logged_in(caller, address)
        else:
            self._count(client, self._digest(client, name))
        return (caller,)

    def _count(self, *guessers: object) -> None:
        with self._lock:
            self._wrong_until = self._clock() + WINDOW
            for guesser in guessers:
                self._wrong[guesser] = self._wrong.get(guesser, 0) + 1

    def _remembered_as(self, name: str, password: str) -> bytes:
        return self._digest([repr(known.version) for known in self._known], name, password)

    def _digest(self, *parts: object) -> bytes:
        """Short, however long a stranger's text is, and nothing to find it by."""
        # Its keyed mode is a MAC (RFC 7693), at a fifth of the cost of HMAC with SHA-256.
        return hashlib.blake2b(repr(parts).encode(), key=self._key, digest_size=32).digest()

    def _check(self, name: str, password: str, client: str) -> Caller | None:
        with self._lock:
            if self._under_way >= AT_ONCE or not self._places.take(client):
                raise _wait("too many logins at once", 1)
            self._under_way += 1
        try:
            # Each is asked, also behind one that knows the name: how long it takes must tell nothing.
            found = [known.check(name, password) for known in self._known]
        finally:
            with self._lock:
                self._under_way -= 1
                self._places.give(client)
        return next((caller for caller in found if caller), None)


def _decode(credentials: str) -> tuple[str, str]:
    """RFC 7617: base64 of `name:password`, in UTF-8."""
    try:
        text = base64.b64decode(credentials, validate=True).decode("utf8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise RefusedError("the Basic credentials are malformed") from None
    name, colon, password = text.partition(":")
    if not colon:
        raise RefusedError("the Basic credentials are malformed")
    return name, password


def _accepted(caller: Caller | None, name: str) -> Caller:
    if caller is None:
        raise RefusedError(f"wrong name or password, given as {name[:60]!r}")
    return caller


def _wait(why: str, seconds: float) -> RegistryError:
    return RegistryError(Code.TOOMANYREQUESTS, f"{why}, try again later", headers={"Retry-After": str(int(seconds))})
