"""Is this worker fit to serve? Distribution's checks, and whether the storage can be reached.

Checks run in threads of their own, which are greenlets here, so that whoever
asks is answered at once.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import requests

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import layout
from docker_registry.settings import Check

__all__ = ["Guarded", "Health", "Readiness"]

_PATIENCE = 5.0  # s for the storage to answer
_GOOD_FOR = 3.0  # s that an answer about the storage counts
_PROBE = f"{layout.ROOT}/_ready"  # no registry writes it: that it is not there is an answer

Complaint = Callable[[], str]  # what is wrong, "" for nothing


class Health:
    """The checks of a config file's section `health`; `failing` has those that fail now, and why."""

    def __init__(self, checks: Sequence[Check], driver: Driver):
        self.failing: dict[str, str] = {}
        for check in checks:
            name, complaint = _complaint(check, driver)
            thread = threading.Thread(target=self._watch, args=(check, name, complaint), daemon=True)
            thread.start()

    def _watch(self, check: Check, name: str, complaint: Complaint) -> None:
        failures = 0
        while True:
            time.sleep(check.interval)
            try:
                why = complaint()
            except Exception as error:  # noqa: BLE001  a check that cannot be made has not passed
                why = f"{type(error).__name__}: {error}"
            failures = failures + 1 if why else 0
            if not why:
                self.failing.pop(name, None)
            elif failures >= check.threshold:
                self.failing[name] = why


def _complaint(check: Check, driver: Driver) -> tuple[str, Complaint]:
    """A check's name as Distribution calls it, and the check."""
    if check.kind == "file":
        return check.target, lambda: "file exists" if os.path.exists(check.target) else ""
    if check.kind == "http":
        return check.target, lambda: _ask_http(check)
    if check.kind == "tcp":
        return check.target, lambda: _connect(check)
    return f"storagedriver_{driver.scheme}", lambda: ask_storage(driver)


def _ask_http(check: Check) -> str:
    try:
        answer = requests.head(check.target, headers=dict(check.headers), timeout=check.timeout, allow_redirects=False)
    except requests.RequestException as error:
        return f"no answer: {type(error).__name__}"
    return "" if answer.status_code == check.status else f"it answers {answer.status_code}, not {check.status}"


def _connect(check: Check) -> str:
    host, _, port = check.target.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), check.timeout).close()
    except OSError as error:
        return f"no connection: {error.strerror or error}"
    return ""


def ask_storage(driver: Driver) -> str:
    """What keeps the storage from answering; one request."""
    try:
        with driver.time_limit(_PATIENCE):
            driver.stat(_PROBE)
    except FileNotFoundError:
        pass
    except UnspecifiedError as error:
        return str(error)
    return ""


class Readiness:
    """Whether the storage answers, asked at most once in `_GOOD_FOR` seconds, however many want to know."""

    def __init__(self, driver: Driver, clock: Callable[[], float] = time.monotonic):
        self._driver = driver
        self._clock = clock
        self._lock = threading.Lock()
        self._asked = -float("inf")
        self._complaint = ""

    def complaint(self) -> str:
        with self._lock:
            if self._clock() - self._asked > _GOOD_FOR:
                self._complaint = ask_storage(self._driver)
                self._asked = self._clock()
            return self._complaint


class Guarded:
    """WSGI middleware that answers nothing but 503 while a check fails, as Distribution does."""

    def __init__(self, app: Callable[..., Iterable[bytes]], health: Health):
        self._app = app
        self._health = health

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._health.failing:
            return self._app(environ, start_response)
        error = RegistryError(Code.UNAVAILABLE, "service unavailable", "health check failed: please see /debug/health")
        return error.response()(environ, start_response)
