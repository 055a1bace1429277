"""What is read from files, and read again once they have changed."""

from __future__ import annotations

import logging
import os
import threading
from abc import ABC, abstractmethod

from docker_registry.core.exceptions import ConfigError

__all__ = ["FromFiles", "read_file"]

logger = logging.getLogger(__name__)

FILE_LIMIT = 4 << 20  # bytes


class FromFiles(ABC):
    """Reads its files at once; raises ConfigError where they cannot be used.

    Later, files that are gone or broken leave what was read before in force, and are logged. `option` is what the
    config calls them.
    """

    def __init__(self, option: str, *paths: str):
        self._option = option
        self._paths = paths
        self._lock = threading.Lock()
        self._stamp: object = None
        self._reread(self._look())

    @property
    def version(self) -> object:
        """Changes with the files."""
        try:
            stamp = self._look()
            if stamp != self._stamp:
                self._reread(stamp)
        except ConfigError as error:
            logger.error("%s; what was read before stays in force", error)
        return self._stamp

    @abstractmethod
    def _read(self) -> None:
        """Read the files, and put what they say in force at once or not at all; raises ConfigError."""

    def _reread(self, stamp: object) -> None:
        with self._lock:
            self._read()
            self._stamp = stamp

    def _look(self) -> object:
        return tuple(_stamp(self._option, path) for path in self._paths)


def read_file(option: str, path: str) -> bytes:
    """A file's bytes, a bounded number of them; raises ConfigError."""
    try:
        with open(path, "rb") as file:
            return file.read(FILE_LIMIT)
    except OSError as error:
        raise _unreadable(option, path, error) from None


def _stamp(option: str, path: str) -> object:
    try:
        found = os.stat(path)
    except OSError as error:
        raise _unreadable(option, path, error) from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _unreadable(option: str, path: str, error: OSError) -> ConfigError:
    return ConfigError(f"{option}: cannot read {path}: {error.strerror}")
