"""What a worker holds, asked for when somebody reads the numbers."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from docker_registry.distribution.app import Registry
from docker_registry.distribution.resource import HANDLER
from docker_registry.metrics.figures import Key
from docker_registry.metrics.table import HANDLERS

if TYPE_CHECKING:
    from ..acceptor import Server

__all__ = ["of_process", "of_registry", "of_servers"]

Values = Iterator[tuple[Key, float]]
_PAGE = resource.getpagesize()


def of_process() -> Values:
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield ("registry_workers",), 1
    yield ("process_cpu_seconds_total",), used.ru_utime + used.ru_stime
    yield ("process_resident_memory_bytes",), _resident()


def _resident() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def of_servers(servers: Sequence[Server], limit: int) -> Values:
    """`limit` is how many connections each takes."""
    busy = [environ for server in servers for environ in server.connections.environs()]
    handlers = Counter(environ.get(HANDLER) for environ in busy)
    yield from ((("registry_http_in_flight_requests", name), handlers[name]) for name in HANDLERS)
    yield ("registry_uploads_in_flight",), sum(map(_is_upload, busy))
    yield ("registry_connections",), sum(len(server.pool) for server in servers)
    yield ("registry_connections_limit",), limit * len(servers)


def _is_upload(environ: dict[str, object]) -> bool:
    return environ.get(HANDLER) in ("blob_upload", "blob_upload_chunk") and environ["REQUEST_METHOD"] != "GET"


def of_registry(registry: Registry) -> Values:
    context = registry.context
    cache = context.containers.cache
    for kind, count in (("Hit", cache.hits), ("Miss", cache.misses), ("Request", cache.hits + cache.misses)):
        yield ("registry_storage_cache_total", kind), count
    yield ("registry_cache_bytes",), cache.used
    yield ("registry_cache_limit_bytes",), cache.limit
    yield from context.events.figures()
    for reason, count in context.gate.refused.items():
        yield ("registry_logins_refused_total", reason), count
    for kind, count in context.quotas.refused.items():
        yield ("registry_quota_refused_total", kind), count
    for container in context.containers:
        yield from _of_driver(container.driver.figures(), container is context.containers.default)


def _of_driver(figures: Iterable[tuple[tuple[str, ...], float]], is_first: bool) -> Values:
    for (name, *labels), value in figures:
        if is_first or not name.startswith("memory_"):  # which all drivers of a process share
            yield (f"registry_swift_{name}", *labels), value
