"""What was counted for quotas, in one small file of the storage: one process counts, all registries read.

Sizes that no listing tells are in a second file, so that each is asked for once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError

from ..model import layout

__all__ = ["Count", "CountError", "Used", "load", "load_sizes", "save", "save_sizes"]

_COUNT = f"{layout.QUOTAS}/count"
_SIZES = f"{layout.QUOTAS}/sizes"


class CountError(ValueError):
    """A file that holds something else; the text names it."""


class Used(NamedTuple):
    bytes: int = 0
    tags: int = 0


@dataclass(frozen=True)
class Count:
    """`began` is in seconds since the epoch: what was pushed from then on may be missing."""

    began: float = 0.0
    used: Mapping[str, Used] = field(default_factory=dict)  # by the name of the rule


def save(driver: Driver, count: Count) -> None:
    driver.overwrite(_COUNT, json.dumps([count.began, count.used]).encode())


def load(driver: Driver) -> Count:
    """An empty one where nothing was counted yet. Raises CountError."""
    try:
        began, used = json.loads(driver.get_content(_COUNT))
        return Count(float(began), {name: Used(int(size), int(tags)) for name, (size, tags) in used.items()})
    except FileNotFoundError:
        return Count()
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise CountError(f"{_COUNT} holds no count; it is written anew with the next one") from None


def save_sizes(driver: Driver, sizes: Mapping[str, int]) -> None:
    driver.overwrite(_SIZES, json.dumps(sizes).encode())


def load_sizes(driver: Driver) -> dict[str, int]:
    """Bytes by digest; none where the file is missing or holds something else, since they can be asked for again."""
    try:
        found: Any = json.loads(driver.get_content(_SIZES))
        return {str(digest): int(size) for digest, size in found.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError, OverflowError):
        return {}
