"""OpenTelemetry traces: a span for each request of a client, and below it one for each request to Swift.

On where the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`), as OpenTelemetry's own variables say;
needs the extra `otel`. Spans go out in batches from a bounded queue; requests do not wait for it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from docker_registry.concurrency import trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["Traced", "provider", "wanted"]

log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NAME = "docker-registry-swift"
_HEADERS = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether traces are asked for, and can be made."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(map(environ.get, _ENDPOINTS)):
        return False
    if importlib.util.find_spec("opentelemetry") is None:
        log.warning("no traces: pip install 'docker-registry-driver-swift[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT")
        return False
    return True


def provider() -> TracerProvider:
    """What makes spans and sends them where the environment says."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": _NAME}
    made = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


class Traced:
    """WSGI middleware that begins a span; the server ends it, since it knows when the last byte was sent."""

    def __init__(self, app: Callable[..., Iterable[bytes]], made: TracerProvider):
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._app = app
        self._provider = made
        self._tracer = made.get_tracer(_NAME)
        self._kinds = SpanKind
        self._error = Status(StatusCode.ERROR)
        self._below = set_span_in_context
        self._extract = TraceContextTextMapPropagator().extract
        self._spans: dict[str, Any] = {}  # of requests that are being answered, by their ids
        trace.observe(self._swift)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        identity = environ.get(trace.ENVIRON, "")
        carrier = {name: environ[key] for name, key in _HEADERS.items() if key in environ}
        span = self._spans[identity] = self._tracer.start_span(
            environ["REQUEST_METHOD"],
            self._extract(carrier),
            self._kinds.SERVER,
            {
                "http.request.method": environ["REQUEST_METHOD"],
                "url.path": environ.get("PATH_INFO", ""),  # the query may be a licence
                "request.id": identity,
            },
        )

        def end(status: int) -> None:
            self._spans.pop(identity, None)  # a proxy may give one id twice
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(self._error)
            span.end()

        environ[trace.ENDED] = end
        return self._app(environ, start_response)

    def _swift(self, request: str, verb: str, label: str, status: int, seconds: float) -> None:
        now = time.time_ns()
        span = self._tracer.start_span(
            f"Swift {verb}",
            self._below(self._spans[request]) if request in self._spans else None,
            self._kinds.CLIENT,
            {"http.request.method": verb, "swift.target": label, "http.response.status_code": status},
            start_time=now - int(seconds * 1e9),
        )
        if not status or status >= 500:
            span.set_status(self._error)
        span.end(now)

    def close(self, patience: float) -> None:
        """Send what waits, for at most so many seconds."""
        # It waits as long as a collector that is away is tried again; this process does not wait for it.
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(patience)
