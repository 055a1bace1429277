"""How the registry is watched, as either config file says it: Distribution's `http.debug` and `health`.

docker-registry's format has the same below `registry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from docker_registry.settings import Check, Debug

from .values import Options, flag, headers, public_url, seconds, some_seconds, text, whole

__all__ = ["DEBUG", "HEALTH", "address", "read_checks", "read_debug"]


def address(value: Any) -> tuple[str, int]:
    """`host:port`, `:port` or `[v6]:port`."""
    host, colon, port = text(value).rpartition(":")
    if not colon or not port.isdecimal():
        raise ValueError("must be an address and a port, such as :5000 or 127.0.0.1:5000")
    return host.strip("[]") or "0.0.0.0", whole(0, 65535)(port)


def _path(value: Any) -> str:
    written = text(value)
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]+", written):
        raise ValueError("must be a path such as /metrics")
    return written


def _target(value: Any) -> str:
    host, port = address(value)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _mappings(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


# The keys below `http.debug` and `health`, and how each is read.
DEBUG: dict[str, Callable[[Any], Any]] = {"addr": address, "prometheus.enabled": flag, "prometheus.path": _path}
HEALTH: dict[str, Callable[[Any], Any]] = {
    "file": _mappings,
    "http": _mappings,
    "storagedriver.enabled": flag,
    "storagedriver.interval": some_seconds,
    "storagedriver.threshold": whole(0, 1000),
    "tcp": _mappings,
}
_STATUS = whole(100, 599)

# The keys of one check -> the field of Check.
_CHECKS: dict[str, dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "file": {"file": ("target", text)},
    "http": {
        "uri": ("target", public_url),
        "headers": ("headers", headers),
        "statuscode": ("status", _STATUS),
        "timeout": ("timeout", seconds),
        "threshold": ("threshold", whole(0, 1000)),
    },
    "tcp": {
        "addr": ("target", _target),
        "timeout": ("timeout", seconds),
        "threshold": ("threshold", whole(0, 1000)),
    },
}


def read_debug(values: Mapping[str, Any], options: Options) -> Debug | None:
    """None where no address is named; `values` are converted already."""
    if not values.get("addr"):
        if values.get("prometheus.enabled"):
            options.refuse("addr: is missing; it says on which port the metrics are")
        return None
    host, port = values["addr"]
    return Debug(host, port, values.get("prometheus.path") or "/metrics" if values.get("prometheus.enabled") else "")


def read_checks(values: Mapping[str, Any], options: Options) -> tuple[Check, ...]:
    """`values` are converted already; what is wrong with a check goes into the problems of `options`."""
    checks = []
    if values.get("storagedriver.enabled"):
        interval = values.get("storagedriver.interval") or Check("").interval
        checks.append(Check("storage", interval=interval, threshold=max(values.get("storagedriver.threshold") or 1, 1)))
    for kind, keys in _CHECKS.items():
        for number, given in enumerate(values.get(kind) or [], 1):
            check = _check(kind, keys, Options(given, f"{options.where}, {kind}, item {number}", options.problems))
            if check is not None:
                checks.append(check)
    return tuple(checks)


def _check(kind: str, keys: Mapping[str, tuple[str, Callable[[Any], Any]]], options: Options) -> Check | None:
    known = {**keys, "interval": ("interval", some_seconds)}
    fields = {
        field: options.take(name, convert, None) for name, (field, convert) in known.items() if name in options.rest()
    }
    options.refuse_rest(known)
    fields = {name: value for name, value in fields.items() if value}
    if "target" not in fields:
        options.refuse(f"{next(iter(keys))}: is missing")
        return None
    return Check(kind, **fields)
