"""A file of names and bcrypt hashes, as `htpasswd -B` writes it (Distribution's `auth.htpasswd`)."""

from __future__ import annotations

import logging
import re

import bcrypt

from docker_registry.concurrency.native import NativeThreads
from docker_registry.rereading import FromFiles, read_file

from .caller import Caller, Kind

__all__ = ["Htpasswd"]

logger = logging.getLogger(__name__)

_BCRYPT = re.compile(rb"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_LONGEST = 72  # bytes of a password that bcrypt takes; htpasswd cuts longer ones there
# Their own, so that no upload's hashing waits for passwords.
_THREADS = NativeThreads(2)
_COST = 5  # htpasswd's default


class Htpasswd(FromFiles):
    """The users of one file."""

    pace = 0.0

    def __init__(self, path: str):
        self._path = path
        self._hashes: dict[str, bytes] = {}
        self._nobody = _nobody(_COST)
        super().__init__("auth.htpasswd", path)

    @property
    def knows_anybody(self) -> bool:
        return bool(self._hashes)

    def check(self, name: str, password: str) -> Caller | None:
        hashed = self._hashes.get(name)
        given = password.encode()[:_LONGEST]
        if b"\0" in given:
            return None
        if _THREADS.call(bcrypt.checkpw, given, hashed or self._nobody) and hashed:
            return Caller(Kind.USER, name, limit="the htpasswd file")
        return None

    def _read(self) -> None:
        hashes = {}
        for number, line in enumerate(read_file("auth.htpasswd", self._path).splitlines(), 1):
            name, _, hashed = line.strip().partition(b":")
            if not name or name.startswith(b"#"):
                continue
            if not _BCRYPT.fullmatch(hashed):
                logger.warning("%s, line %d: no bcrypt hash (htpasswd -B makes one), ignored", self._path, number)
                continue
            hashes[name.decode("utf8", "replace")] = hashed
        self._hashes = hashes
        costs = sorted({int(hashed[4:6]) for hashed in hashes.values()})
        if len(costs) > 1:
            logger.warning(
                "%s: hashes of the costs %s: how long a refusal takes tells which names there are; make them anew"
                " with one cost (htpasswd -B -C)",
                self._path,
                ", ".join(map(str, costs)),
            )
        if costs:
            self._nobody = _nobody(costs[-1])
        else:
            logger.warning("%s has no bcrypt hash: nobody can log in by it", self._path)


def _nobody(cost: int) -> bytes:
    """What an unknown name is checked against, so that the time does not tell; no password's, and not worked out."""
    return b"$2b$%02d$" % cost + b"." * 53
