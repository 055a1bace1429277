"""Traces, as a collector of OpenTelemetry's gets them: a client's request, and below it each one to Swift."""

from __future__ import annotations

import http.server
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.ours import Ours, write_config
from tests.live.wire import Client
from tests.peers import need_module

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes OTLP over HTTP; `spans` has what came."""

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Answering(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for group in request.resource_spans:
                    named = {each.key: each.value.string_value for each in group.resource.attributes}
                    collector.services.add(named["service.name"])
                    for scope in group.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    need_module("opentelemetry.exporter.otlp.proto.http", "opentelemetry-exporter-otlp-proto-http")
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_push_is_one_trace_a_request(
    collector: Collector, swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    config = write_config(tmp_path, swift, container)
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with Ours(tmp_path, config, environ=environ) as us, Client(us.url) as client:
        client.push_image("app", "1.0", [b"layer"])
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        client.ask("GET", "/v2/app/manifests/1.0", headers=headers)
        client.ask("GET", "/v2/app/manifests/1.0?_state=a-licence")
        us.signal(signal.SIGTERM)
        us.process.wait(30)
        log = us.log
    assert collector.services == {"docker-registry-swift"}
    requests = {span.span_id: span for span in collector.spans if not span.name.startswith("Swift ")}
    below = [span for span in collector.spans if span.name.startswith("Swift ") and span.parent_span_id]
    assert below
    for span in below:
        over = requests[span.parent_span_id]
        assert span.trace_id == over.trace_id
        assert over.start_time_unix_nano <= span.end_time_unix_nano <= over.end_time_unix_nano
    put = next(span for span in requests.values() if attributes(span)["url.path"] == "/v2/app/manifests/1.0")
    assert (put.name, attributes(put)["http.response.status_code"]) == ("PUT", 201)
    assert f"request={attributes(put)['request.id']}" in log
    # The manifest, its data and links: Swift's requests side by side belong to it too.
    assert len([span for span in below if span.parent_span_id == put.span_id]) >= 4
    # Who asked began the trace.
    (continued,) = (span for span in requests.values() if span.trace_id.hex() == TRACE)
    assert continued.parent_span_id.hex() == PARENT
    assert "a-licence" not in str(collector.spans)


def test_without_a_collector_there_are_none(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    with Ours(tmp_path, write_config(tmp_path, swift, container), environ=environ) as us, Client(us.url) as client:
        client.push_image("app", "1.0", [b"layer"])
        assert len(client.pull("app", "1.0")) == 3
