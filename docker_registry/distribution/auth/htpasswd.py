"""A file of names and bcrypt hashes, as `htpasswd -B` writes it (Distribution's `auth.htpasswd`)."""

from __future__ import annotations

import logging
import os
import re
import threading
from pathlib import Path

import bcrypt

from docker_registry.concurrency.native import NativeThreads
from docker_registry.core.exceptions import ConfigError

from .caller import Caller, Kind

__all__ = ["Htpasswd"]

logger = logging.getLogger(__name__)

_BCRYPT = re.compile(rb"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_LONGEST = 72  # bytes of a password that bcrypt takes; htpasswd cuts longer ones there
_FILE_LIMIT = 4 << 20  # bytes
# Their own, so that no upload's hashing waits for passwords.
_THREADS = NativeThreads(2)
# What an unknown name is checked against, so that the time does not tell; 5 is htpasswd's default cost.
_NOBODY = bcrypt.hashpw(b"", bcrypt.gensalt(5))


class Htpasswd:
    """Reads the file again when it has changed. Raises ConfigError at once where it cannot be read."""

    def __init__(self, path: str):
        self._path = Path(path)
        self._lock = threading.Lock()
        self._stamp: object = None
        self._hashes: dict[str, bytes] = {}
        self._nobody = _NOBODY
        self._read(self._look())

    @property
    def version(self) -> object:
        """Changes with the file. A file that is gone or broken leaves what was read before in force, and is logged."""
        try:
            stamp = self._look()
            if stamp != self._stamp:
                self._read(stamp)
        except ConfigError as error:
            logger.error("%s; the names read before stay in force", error)
        return self._stamp

    def check(self, name: str, password: str) -> Caller | None:
        hashed = self._hashes.get(name)
        given = password.encode()[:_LONGEST]
        if b"\0" in given:
            return None
        if _THREADS.call(bcrypt.checkpw, given, hashed or self._nobody) and hashed:
            return Caller(Kind.USER, name)
        return None

    def _look(self) -> object:
        try:
            found = os.stat(self._path)
        except OSError as error:
            raise ConfigError(f"htpasswd: cannot read {self._path}: {error.strerror}") from None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self, stamp: object) -> None:
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    lines = file.read(_FILE_LIMIT).splitlines()
            except OSError as error:
                raise ConfigError(f"htpasswd: cannot read {self._path}: {error.strerror}") from None
            hashes = {}
            for number, line in enumerate(lines, 1):
                name, _, hashed = line.strip().partition(b":")
                if not name or name.startswith(b"#"):
                    continue
                if not _BCRYPT.fullmatch(hashed):
                    logger.warning("%s, line %d: no bcrypt hash (htpasswd -B makes one), ignored", self._path, number)
                    continue
                hashes[name.decode("utf8", "replace")] = hashed
            self._hashes, self._stamp = hashes, stamp
            costs = sorted({int(hashed[4:6]) for hashed in hashes.values()})
            if len(costs) > 1:
                logger.warning(
                    "%s: hashes of the costs %s: how long a refusal takes tells which names there are; make them anew"
                    " with one cost (htpasswd -B -C)",
                    self._path,
                    ", ".join(map(str, costs)),
                )
            if costs:
                self._nobody = bcrypt.hashpw(b"", bcrypt.gensalt(costs[-1]))
