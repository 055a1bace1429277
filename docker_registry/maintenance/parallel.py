"""Do the same to many things at once, a few at a time, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from docker_registry.core.exceptions import UnspecifiedError

__all__ = ["each"]

T = TypeVar("T")
R = TypeVar("R")


def each(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[tuple[T, R | UnspecifiedError]]:
    """Generate every item with what `function` made of it, or with the driver's error.

    At most two items per worker are under way, so that memory stays bounded however long `items` is.
    """
    with ThreadPoolExecutor(workers) as pool:
        running: deque[tuple[T, Future[R | UnspecifiedError]]] = deque()
        try:
            for item in items:
                running.append((item, pool.submit(_attempt, function, item)))
                if len(running) >= 2 * workers:
                    yield _oldest(running)
            while running:
                yield _oldest(running)
        finally:
            for _, future in running:
                future.cancel()


def _attempt(function: Callable[[T], R], item: T) -> R | UnspecifiedError:
    try:
        return function(item)
    except UnspecifiedError as error:
        return error


def _oldest(
    running: deque[tuple[T, Future[R | UnspecifiedError]]],
) -> tuple[T, R | UnspecifiedError]:
    item, future = running.popleft()
    return item, future.result()
