"""Run independent calls side by side: greenlets where the process is patched, threads where it is not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import TypeVar

__all__ = ["gather"]

T = TypeVar("T")

# Calls in flight for one request of a client; the driver's pool bounds the process.
LIMIT = 16


def gather(calls: Iterable[Callable[[], T]], limit: int = LIMIT) -> list[T]:
    """The results of all calls, in their order.

    After an error no further call begins; those begun are waited for, then the
    error of the earliest call is raised. The caller's thread does its share.
    """
    waiting = deque(enumerate(calls))
    total = len(waiting)
    results: dict[int, T] = {}
    errors: dict[int, BaseException] = {}

    def work() -> None:
        while not errors:
            try:
                index, call = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = call()
            except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
                errors[index] = error

    helpers = [
        # In the caller's context: a driver's time limit holds for all who work for one client.
        threading.Thread(target=copy_context().run, args=(work,), daemon=True)
        for _ in range(min(limit, total) - 1)
    ]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[min(errors)]
    return [results[index] for index in range(total)]
