"""Before any of Swift's servers is made: claim the folder, set the global state of the swift package."""

from __future__ import annotations

import fcntl
import logging
import logging.handlers
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swift.common import constraints, utils
from swift.common.storage_policy import reload_storage_policies
from swift.common.utils import logs

from .options import EmbeddedError

__all__ = ["claim", "prepare"]

LOCK_TIMEOUT = 1.5  # seconds
LOG_SIZE = 4 << 20  # bytes; one older file is kept


def claim(root: Path, make: Callable[[], None]) -> None:
    """Make the folders, and lock them against a second Swift.

    The lock's descriptor stays open: the lock ends with the last process that has it.
    """
    try:
        make()
        lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedError(f"cannot use {root} for data: {error.strerror} ({error.filename})") from None
    if not _lock(lock):
        owner = os.pread(lock, 20, 0).decode().strip()
        raise EmbeddedError(f"another embedded Swift (process {owner}) is using {root}")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _lock(lock: int) -> bool:
    """Whether the lock could be had, with the patience that a Swift needs to notice that its parent was killed."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def prepare(etc: Path, log: Path, fsync: bool) -> None:
    """Set where Swift finds its files and writes its log, and whether it waits for disks."""

    def handler(*_: Any, **__: Any) -> logging.Handler:
        return logging.handlers.RotatingFileHandler(log, maxBytes=LOG_SIZE, backupCount=1, delay=True)

    # Swift would log to /dev/log or UDP port 514, which may belong to another program.
    logs.ThreadSafeSysLogHandler = handler
    logging.getLogger("docker_registry").addHandler(handler())
    utils.set_swift_dir(str(etc))
    constraints.reload_constraints()
    reload_storage_policies()
    if not fsync:
        os.fsync = os.fdatasync = lambda fd: None
    os.environ["TZ"] = "UTC+0"  # without it, every request costs a stat of /etc/localtime
    time.tzset()
