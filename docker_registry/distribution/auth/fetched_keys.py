"""The public keys of a token server from its own URL, which names new ones before it signs with them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests

from ..errors import Code, RegistryError
from .keys import parse_key_set, signers

__all__ = ["FetchedKeys"]

logger = logging.getLogger(__name__)

LASTS = 300.0  # s for which a key set counts without being asked for again
PAUSE = 10.0  # s between two requests, whatever ids strangers' tokens name
_TIMEOUT = 5.0  # s
_LARGEST = 1 << 20  # bytes of a key set


class FetchedKeys:
    """A JSON Web Key Set at a URL: asked for when it is first needed, when it is old, and for an id that is not in it.

    While the URL does not answer, what it said last counts. `clock` gives seconds and never goes back.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic):
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._by_id: dict[str, Any] | None = None
        self._told = self._tried = float("-inf")
        self._body = b""
        self._version = 0

    @property
    def version(self) -> object:
        """Changes with the keys."""
        if self._by_id is not None and self._clock() - self._told > LASTS:
            self._ask()
        return self._version

    def candidates(self, header: Mapping[str, Any]) -> Iterator[Any]:
        """The keys that may have signed a token with this header. Raises LOGIN_UNCHECKED while none was ever told."""
        if self._by_id is None or str(header.get("kid")) not in self._by_id:
            self._ask()
        if self._by_id is None:
            raise RegistryError(Code.LOGIN_UNCHECKED, headers={"Retry-After": str(int(PAUSE))})
        return signers(header, self._by_id)

    def _ask(self) -> None:
        """Ask once, unless that was tried just now; others who come meanwhile wait for it."""
        with self._lock:
            if self._clock() - self._tried < PAUSE:
                return
            self._tried = self._clock()
            try:
                body = _get(self._url)
                found = parse_key_set(body)
            except (requests.RequestException, ValueError) as error:
                logger.error("the keys of the token server cannot be had from %s: %s", self._url, error)
                return
            self._told = self._clock()
            self._version += body != self._body
            self._by_id, self._body = found, body


def _get(url: str) -> bytes:
    """Raises RequestException, and ValueError for an answer that is too large."""
    with requests.get(url, timeout=_TIMEOUT, allow_redirects=False, stream=True) as answer:
        answer.raise_for_status()
        body = bytearray()
        for block in answer.iter_content(1 << 16):
            body += block
            if len(body) > _LARGEST:
                raise ValueError("it is too large for a key set")
    return bytes(body)
