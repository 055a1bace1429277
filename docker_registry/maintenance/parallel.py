"""Do the same to many things at once; the driver's errors are outcomes, since one of them says nothing of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from docker_registry.concurrency import workers
from docker_registry.core.exceptions import UnspecifiedError

__all__ = ["each"]

T = TypeVar("T")
R = TypeVar("R")


def each(function: Callable[[T], R], items: Iterable[T], limit: int) -> Iterator[tuple[T, R | UnspecifiedError]]:
    """Generate every item with what `function` made of it, or with the driver's error; see `workers.each`."""

    def attempt(item: T) -> tuple[T, R | UnspecifiedError]:
        try:
            return item, function(item)
        except UnspecifiedError as error:
            return item, error

    return workers.each(attempt, items, limit)
