"""Judges the settings, in a process of its own, and asks the storage once: is it there, does it let us in?

The server's master asks before it forks workers, and must not import the
driver itself (see `server`); so a child does.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import select
import signal
import time
from functools import partial

from docker_registry.concurrency.workers import gather
from docker_registry.core.exceptions import UnreachableError, UnspecifiedError, UsageError
from docker_registry.settings import DEFAULT, DriverConfig, Settings, of_each_container, open_driver

__all__ = ["open_doors", "probe"]

log = logging.getLogger(__name__)

PATIENCE = 30.0  # s
_BRISK = {"swift_retries": 0, "swift_connect_timeout": 5, "swift_timeout": 10}


def probe(settings: Settings, ask: bool = True) -> None:
    """Raises UsageError when the settings cannot work, UnreachableError when the storage does not answer.

    Without `ask` the storage is left alone.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _answer(settings, ask, writing)
    os.close(writing)
    try:
        _raise(_listen(reading))
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answer(settings: Settings, ask: bool, pipe: int) -> None:
    """In the child: ends the process; what there is to complain about goes into the pipe."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    try:
        text = _judge(settings, ask)
    except BaseException as error:  # noqa: BLE001  nothing may escape into the parent's copy of its stack
        text = f"U{type(error).__name__}: {error}"
    os.write(pipe, text.encode()[: select.PIPE_BUF])
    os._exit(0)


def _judge(settings: Settings, ask: bool) -> str:
    from docker_registry.maintenance.check.check import refuse_what_cannot_work
    from docker_registry.maintenance.check.containers import refuse_shared

    def ask_one(name: str, settings: Settings) -> None:
        brisk = dataclasses.replace(settings, driver=_brisk(settings.driver))
        driver = open_driver(brisk)
        if not ask:
            return
        try:
            refuse_what_cannot_work(brisk, driver)
        except UnspecifiedError as error:
            if name == DEFAULT:
                raise
            if not isinstance(error, UnreachableError):
                raise UsageError(f"container {name}: {error}") from None
            # The others are served meanwhile: another region's outage is its own.
            log.warning("container %s: %s", name, error)

    try:
        open_doors(settings)
        gather([partial(ask_one, *each) for each in of_each_container(settings)])
        if ask and settings.containers:
            others = tuple(dataclasses.replace(rule, driver=_brisk(rule.driver)) for rule in settings.containers)
            refuse_shared(dataclasses.replace(settings, driver=_brisk(settings.driver), containers=others))
    except UnreachableError as error:
        return f"C{error}"
    except UnspecifiedError as error:
        return f"U{error}"
    return "."


def _brisk(driver: DriverConfig) -> DriverConfig:
    return DriverConfig({**driver, **_BRISK})


def open_doors(settings: Settings) -> None:
    """Read the files of logins and TLS as a worker does. Raises ConfigError for those that cannot be used."""
    from docker_registry.config.secret import with_secret
    from docker_registry.distribution.auth.opening import open_gate

    from .tls import Certificates

    open_gate(with_secret(settings))
    if settings.tls:
        Certificates(settings.tls)


def _listen(pipe: int) -> str:
    deadline = time.monotonic() + PATIENCE
    received = b""
    while select.select([pipe], [], [], max(deadline - time.monotonic(), 0))[0]:
        data = os.read(pipe, select.PIPE_BUF)
        if not data:
            return received.decode() or "Uthe check of the storage ended without a word; see above"
        received += data
    return f"Cno answer within {PATIENCE:.0f} s"


def _raise(answer: str) -> None:
    if answer[0] == "C":
        raise UnreachableError(answer[1:])
    if answer[0] == "U":
        raise UsageError(answer[1:])
