"""The closed table of metrics: what each is called, which labels it has, what it means.

Those that Distribution 2.8 has too are called as it calls them, with its labels and its buckets, so that dashboards
and alerts go on.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HANDLERS", "METRICS", "OTHER", "Kind", "Metric"]

OTHER = "other"

# How Distribution names what a URL is of; the last is not known to it.
HANDLERS = ("base", "blob", "blob_upload", "blob_upload_chunk", "catalog", "manifest", "tags", "referrers")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_REQUEST_SECONDS = (*_SECONDS, 25.0, 60.0)
_BYTES = tuple(float(1024 << power) for power in range(22))  # 1 KiB to 2 GiB


class Kind:
    """A counter only grows, and outlives its worker; a gauge is the sum over the workers that live."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()  # of a histogram's buckets
    most: int = 0  # series that ended workers may leave; more become one, whose last label is OTHER


def _counter(text: str, *labels: str) -> Metric:
    return Metric(Kind.COUNTER, text, labels)


def _gauge(text: str, *labels: str) -> Metric:
    return Metric(Kind.GAUGE, text, labels)


def _histogram(bounds: tuple[float, ...], text: str, *labels: str) -> Metric:
    return Metric(Kind.HISTOGRAM, text, labels, bounds)


METRICS: dict[str, Metric] = {
    # Distribution's.
    "registry_http_requests_total": _counter("Requests that were answered.", "code", "handler", "method"),
    "registry_http_in_flight_requests": _gauge("Requests that are being answered.", "handler"),
    "registry_http_request_duration_seconds": _histogram(
        _REQUEST_SECONDS, "From a request's first byte to its answer's last.", "handler", "method"
    ),
    "registry_http_request_size_bytes": _histogram(_BYTES, "Bytes of requests, head and body.", "handler"),
    "registry_http_response_size_bytes": _histogram(_BYTES, "Bytes of answers' bodies.", "handler"),
    "registry_storage_action_seconds": _histogram(
        _SECONDS, "What the storage driver was asked for, until it answered.", "driver", "action"
    ),
    "registry_storage_cache_total": _counter("Facts looked for in memory, and how often in vain.", "type"),
    "registry_notifications_events_total": _counter(
        "Events of notifications, by what became of them.", "type", "endpoint"
    ),
    "registry_notifications_pending_total": _gauge("Events that wait to be sent.", "endpoint"),
    "registry_notifications_status_total": _counter("Answers of receivers of notifications.", "code", "endpoint"),
    # Ours.
    "registry_workers": _gauge("Processes that serve."),
    "registry_connections": _gauge("Connections of clients."),
    "registry_connections_limit": _gauge("Connections that the workers take at most."),
    "registry_uploads_in_flight": _gauge("Requests that are sending a blob's bytes."),
    "registry_repository_bytes_total": _counter(
        "Bytes of blobs and manifests, by the first part of the repository's name.", "direction", "prefix"
    )._replace(most=400),
    "registry_logins_refused_total": _counter("Requests that were not let in.", "reason"),
    "registry_chores_total": _counter("Jobs of the server itself, by what became of them.", "chore", "outcome"),
    "registry_gc_removed_files_total": _counter("Files that garbage collection by the server removed."),
    "registry_gc_freed_bytes_total": _counter("Bytes that garbage collection by the server freed."),
    "registry_retention_removed_tags_total": _counter("Tags that retention by the server removed."),
    "registry_quota_refused_total": _counter("Requests that quotas refused.", "kind"),
    "registry_cache_bytes": _gauge("Memory that remembered facts take."),
    "registry_cache_limit_bytes": _gauge("Memory that remembered facts may take."),
    "registry_swift_requests_total": _counter("Answers of Swift; status 0 is none.", "verb", "status"),
    "registry_swift_request_seconds_total": _counter("Time spent waiting for Swift's answers.", "verb"),
    "registry_swift_retries_total": _counter("Requests to Swift that were tried again."),
    "registry_swift_logins_total": _counter("Tokens that were asked for.", "outcome"),
    "registry_swift_connections_in_use": _gauge("Connections to Swift that are lent."),
    "registry_swift_connections_limit": _gauge("Connections to Swift that there may be."),
    "registry_swift_memory_bytes": _gauge("Memory that bytes on their way to Swift take."),
    "registry_swift_memory_limit_bytes": _gauge("Memory that bytes on their way to Swift may take."),
    # prometheus-client's, here of all workers together.
    "process_cpu_seconds_total": _counter("CPU time of all workers, in user and system mode."),
    "process_resident_memory_bytes": _gauge("Resident memory of all workers, counting what they share more than once."),
}
