"""A storage driver whose verbs are timed, under the names that Distribution has for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from docker_registry.core.driver import Base as Driver
from docker_registry.metrics.figures import Figures

__all__ = ["measured"]

_ACTIONS = {
    "content_redirect_url": "URLFor",
    "get_aged": "GetContent",
    "get_content": "GetContent",
    "get_newest": "GetContent",
    "list_prefixes": "List",
    "open": "Reader",
    "open_for_client": "Reader",
    "overwrite": "PutContent",
    "overwrite_once": "PutContent",
    "overwrite_until": "PutContent",
    "put_content": "PutContent",
    "remove": "Delete",
    "remove_each_once": "Delete",
    "remove_many": "Delete",
    "remove_once": "Delete",
    "remove_small": "Delete",
    "stat": "Stat",
    "walk": "List",
    "walk_outside": "List",
}
_GENERATORS = ("list_prefixes", "walk", "walk_outside")
_NAME = "registry_storage_action_seconds"


def measured(driver: Driver, figures: Figures) -> Driver:
    """The same driver to whoever uses it."""
    return cast(Driver, _Measured(driver, figures))


class _Measured:
    def __init__(self, driver: Driver, figures: Figures):
        self._driver = driver
        for verb, action in _ACTIONS.items():
            timed = _timed_steps if verb in _GENERATORS else _timed
            note = partial(_note, figures, driver.scheme, action)
            setattr(self, verb, timed(getattr(driver, verb), note))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


def _note(figures: Figures, scheme: str, action: str, seconds: float) -> None:
    figures.observe(seconds, _NAME, scheme, action)


def _timed(call: Callable[..., Any], note: Callable[[float], None]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            note(time.perf_counter() - begun)

    return timed


def _timed_steps(call: Callable[..., Iterator[Any]], note: Callable[[float], None]) -> Callable[..., Iterator[Any]]:
    """The time of a generator is that of its steps, and not of what is done with them."""

    def timed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        spent, items = 0.0, iter(call(*args, **kwargs))
        try:
            while True:
                begun = time.perf_counter()
                try:
                    item = next(items)
                except StopIteration:
                    return
                finally:
                    spent += time.perf_counter() - begun
                yield item
        finally:
            note(spent)

    return timed
