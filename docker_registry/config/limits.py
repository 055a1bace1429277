"""How much one client may ask for, as the section `registry.limits` of either config file says it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from docker_registry.settings import Limits

from .values import Options, size, whole

__all__ = ["KEYS", "read_limits"]


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", str(value)):
        raise ValueError("must be a number of requests, such as 50 or 0.5")
    return float(value)


def _bytes(value: Any) -> int:
    return 0 if str(value) == "0" else size(value)


KEYS: dict[str, Callable[[Any], Any]] = {
    "blob_size": _bytes,
    "burst": whole(1, 1_000_000),
    "connections": whole(0, 1_000_000),
    "requests_at_once": whole(0, 1_000_000),
    "requests_per_second": _rate,
    "uploads_at_once": whole(0, 1_000_000),
}


def read_limits(options: Options) -> Limits:
    given = {name: options.take(name, convert, getattr(Limits, name)) for name, convert in KEYS.items()}
    options.refuse_rest(KEYS)
    return Limits(**given)
