"""What is read from files, and read again soon after they have changed."""

from __future__ import annotations

import logging
import os
import threading
import time
from abc import ABC, abstractmethod

from docker_registry.core.exceptions import ConfigError

__all__ = ["FromFiles", "read_file"]

logger = logging.getLogger(__name__)

FILE_LIMIT = 4 << 20  # bytes
PAUSE = 1.0  # s between two looks at the files: each request asks, and a look costs as much as all else that it checks


class FromFiles(ABC):
    """Reads its files at once; raises ConfigError where they cannot be used.

    Later, files that are gone or broken leave what was read before in force, and are logged, once for each change.
    `option` is what the config calls them.
    """

    def __init__(self, option: str, *paths: str):
        self._option = option
        self._paths = paths
        self._lock = threading.Lock()
        self._stamp = self._tried = self._look()
        self._looked = time.monotonic()
        self._read()

    @property
    def version(self) -> object:
        """Changes with what was read last; now and then looks at the files, and reads them again where they changed."""
        now = time.monotonic()
        if now - self._looked >= PAUSE:
            self._looked = now
            stamp = self._look()
            if stamp != self._tried:
                self._tried = stamp
                self._reread(stamp)
        return self._stamp

    @abstractmethod
    def _read(self) -> None:
        """Read the files, and put what they say in force at once or not at all; raises ConfigError."""

    def _reread(self, stamp: object) -> None:
        try:
            with self._lock:
                self._read()
                self._stamp = stamp
        except ConfigError as error:
            logger.error("%s; what was read before stays in force", error)
        else:
            logger.info("%s: read again: %s", self._option, ", ".join(self._paths))

    def _look(self) -> object:
        return tuple(map(_stamp, self._paths))


def read_file(option: str, path: str) -> bytes:
    """A file's bytes, a bounded number of them; raises ConfigError."""
    try:
        with open(path, "rb") as file:
            return file.read(FILE_LIMIT)
    except OSError as error:
        raise ConfigError(f"{option}: cannot read {path}: {error.strerror}") from None


def _stamp(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_size, found.st_ino
