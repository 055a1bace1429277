"""Distribution 2.8 and this registry, given the same operations, tell a receiver the same events, field by field."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker_registry.embedded import EmbeddedSwift
from tests.live.distribution2 import Distribution2, storage
from tests.live.ours import Ours, write_config
from tests.live.receiver import Receiver
from tests.live.test_metrics import scrape, value
from tests.live.wire import CONFIG, DOCKER_MANIFEST, INDEX, LAYER, Client, descriptor, digest_of, image, index
from tests.peers import need

PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
AGENT = {"User-Agent": "a client"}
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def docker_image(layers: list[bytes], config: bytes) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": descriptor(config, DOCKER_CONFIG),
            "layers": [descriptor(layer, DOCKER_LAYER) for layer in layers],
        }
    ).encode()


def exercise(client: Client) -> int:
    """Everything that Distribution has an event for, and some that it has none for; how many events there are."""
    layers, config = [b"layer one", b"layer two"], b"config"
    count = 0

    def ask(method: str, path: str, status: int, events: int, **options: Any) -> None:
        nonlocal count
        count += events
        headers = {**AGENT, **options.pop("headers", {})}
        answer = client.ask(method, path, headers=headers, allow_redirects=False, **options)
        assert answer.status_code == status, (method, path, answer.text)

    def push_blob(name: str, blob: bytes) -> None:
        nonlocal count
        count += 1
        begun = client.ask("POST", f"/v2/{name}/blobs/uploads/", headers=AGENT)
        sent = client.ask("PATCH", begun.headers["Location"], data=blob, headers=AGENT)
        location = sent.headers["Location"]
        closed = client.ask("PUT", location, params={"digest": digest_of(blob)}, headers=AGENT)
        assert closed.status_code == 201

    def manifest(name: str, reference: str, body: bytes, media_type: str) -> None:
        ask("PUT", f"/v2/{name}/manifests/{reference}", 201, 1, data=body, headers={"Content-Type": media_type})

    for blob in (*layers, config):
        push_blob("a/b", blob)
    begun = client.ask("POST", "/v2/a/b/blobs/uploads/", headers=AGENT)
    late = b"all of it in the closing request"
    ask("PUT", begun.headers["Location"], 201, 1, data=late, params={"digest": digest_of(late)})
    first = docker_image(layers, config)
    digest, blob = digest_of(first), digest_of(layers[0])
    manifest("a/b", "one", first, DOCKER_MANIFEST)
    manifest("a/b", "two", first, DOCKER_MANIFEST)
    manifest("a/b", digest, first, DOCKER_MANIFEST)
    # OCI's types, with what descriptors may have besides.
    described = json.loads(image([], config))
    described["layers"] = [
        descriptor(layers[0], LAYER, annotations={"b": "2", "a": "1"}),
        descriptor(layers[1], LAYER),
    ]
    described["config"] = descriptor(config, CONFIG)
    second = json.dumps(described).encode()
    manifest("a/b", "oci", second, "application/vnd.oci.image.manifest.v1+json")
    manifest("a/b", "all", index([second]), INDEX)
    accept = {"Accept": f"{DOCKER_MANIFEST}, {INDEX}, application/vnd.oci.image.manifest.v1+json"}
    for method in ("GET", "HEAD"):
        for reference in ("one", digest, "all"):
            ask(method, f"/v2/a/b/manifests/{reference}", 200, 1, headers=accept)
        ask(method, f"/v2/a/b/manifests/{digest}", 304, 0, headers={**accept, "If-None-Match": f'"{digest}"'})
        ask(method, "/v2/a/b/manifests/none", 404, 0)
        ask(method, f"/v2/a/b/blobs/{blob}", 200, 1)
        ask(method, f"/v2/a/b/blobs/sha256:{'0' * 64}", 404, 0)
    ask("GET", f"/v2/a/b/blobs/{blob}", 206, 1, headers={"Range": "bytes=1-2"})
    ask("GET", f"/v2/a/b/blobs/{blob}", 304, 1, headers={"If-None-Match": f'"{blob}"'})
    ask("POST", f"/v2/c/blobs/uploads/?mount={blob}&from=a/b", 201, 1)
    ask("POST", f"/v2/c/blobs/uploads/?mount=sha256:{'0' * 64}&from=a/b", 202, 0)
    push_blob("c", layers[0])
    ask("GET", "/v2/a/b/tags/list", 200, 0)
    ask("GET", "/v2/_catalog", 200, 0)
    ask("DELETE", f"/v2/c/blobs/{blob}", 202, 1)
    ask("DELETE", f"/v2/a/b/manifests/{digest}", 202, 3)
    ask("DELETE", f"/v2/a/b/manifests/{digest}", 404, 0)
    return count


def plain(event: dict[str, Any], host: str) -> dict[str, Any]:
    """An event without what differs from one time to the next, after a look at its form."""
    assert UUID.fullmatch(event["id"])
    assert UUID.fullmatch(event["source"]["instanceID"])
    assert TIME.fullmatch(event["timestamp"])
    assert ADDRESS.fullmatch(event["request"]["addr"])
    assert re.fullmatch(r"[^:]+:\d+", event["source"]["addr"])
    assert event["request"]["id"]
    text = json.dumps({**event, "id": "", "timestamp": "", "source": [*event["source"]]}).replace(host, "HOST")
    found: dict[str, Any] = json.loads(text)
    found["request"] |= {"id": "", "addr": ""}
    return found


def test_the_same_events_as_distribution(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    need("docker-registry")
    told: list[tuple[list[dict[str, Any]], dict[str, str]]] = []
    theirs = Distribution2(tmp_path, storage(swift, container))
    document = json.loads(theirs.config.read_text())
    shown = yaml.safe_load(re.search(r"(?s)```yaml\n(version.*?)```", PAGE.read_text())[1])["notifications"]  # type: ignore[index]
    for ours in (False, True):
        with Receiver() as receiver:
            listener = {**shown["endpoints"][0], "url": receiver.url, "timeout": "20s"}
            document["notifications"] = {**shown, "endpoints": [listener]}
            document["storage"]["swift"]["container"] = f"{container}-{ours}"
            theirs.config.write_text(json.dumps(document))
            with Ours(tmp_path, theirs.config) if ours else theirs as server, Client(server.url) as client:
                count = exercise(client)
                host = server.url.removeprefix("http://")
                events = [plain(event, host) for event in receiver.wait_for(count)]
            assert len(receiver.events) == count
            told.append((events, receiver.requests[0][0]))
    (wanted, their_headers), (found, our_headers) = told
    # In order, with their fields in order.
    for theirs_told, ours_told in zip(wanted, found, strict=True):
        assert json.dumps(ours_told, indent=1) == json.dumps(theirs_told, indent=1)
    assert {"push", "pull", "mount", "delete"} == {event["action"] for event in wanted}
    for name in ("Content-Type", *shown["endpoints"][0]["headers"]):
        assert our_headers[name] == their_headers[name]


def test_what_an_endpoint_ignores_it_does_not_get(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with Receiver() as everything, Receiver() as some:
        endpoints = [
            {"name": "everything", "url": everything.url, "timeout": "20s"},
            {
                "name": "some",
                "url": some.url,
                "timeout": "20s",
                "ignoredmediatypes": ["application/octet-stream"],
                "ignore": {"actions": ["pull"]},
            },
            {"name": "off", "url": "http://127.0.0.1:1/", "disabled": True},
        ]
        config = write_config(tmp_path, swift, container, notifications={"endpoints": endpoints})
        with Ours(tmp_path, config) as us, Client(us.url) as client:
            client.push_image("a", "1", [b"layer"])
            client.pull("a", "1")
            assert len(everything.wait_for(6)) == 6
        assert len(some.events) == 1


@pytest.fixture
def refusing() -> Iterator[Receiver]:
    with Receiver() as receiver:
        receiver.status = 503
        yield receiver


def test_a_receiver_that_refuses_holds_up_no_push_and_gets_all_later(
    refusing: Receiver, swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    endpoints = [{"name": "late", "url": refusing.url, "threshold": 1, "backoff": "100ms", "timeout": "20s"}]
    config = write_config(
        tmp_path,
        swift,
        container,
        notifications={"endpoints": endpoints},
        debug={"addr": "127.0.0.1:0", "prometheus": {"enabled": True}},
    )
    with Ours(tmp_path, config) as us, Client(us.url) as client:
        client.push_image("a", "1", [b"layer"])
        us.wait_for("notifications to late: the answer is 503 Service Unavailable")
        samples = scrape(f"{us.debug_url}/metrics")
        assert value(samples, "registry_notifications_pending_total", endpoint="late") == 3
        assert value(samples, "registry_notifications_events_total", endpoint="late", type="Events") == 3
        assert value(samples, "registry_notifications_events_total", endpoint="late", type="Failures") >= 1
        assert value(samples, "registry_notifications_status_total", code="503 Service Unavailable") >= 1
        refusing.status = 200
        actions = [event["action"] for event in refusing.wait_for(3)]
        us.wait_for("they are taken again")
        assert actions == ["push"] * 3


def test_events_survive_a_reload_and_a_stop(
    refusing: Receiver, swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    endpoints = [{"name": "late", "url": refusing.url, "threshold": 1, "backoff": "100ms", "timeout": "20s"}]
    config = write_config(tmp_path, swift, container, notifications={"endpoints": endpoints})
    for number in (signal.SIGHUP, signal.SIGTERM):
        refusing.status, before = 503, len(refusing.events)
        with Ours(tmp_path, config) as us, Client(us.url) as client:
            client.push_image(f"a{number}", "1", [os.urandom(10)])
            old = set(us.workers())
            us.wait_for("it is tried again")
            us.signal(number)
            us.wait_for("the config file is read again" if number == signal.SIGHUP else "listening no more")
            refusing.status = 200
            refusing.wait_for(before + 3)
            deadline = time.monotonic() + 30
            while old & set(us.workers()):
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_what_a_receiver_that_is_away_did_not_get_is_counted_when_the_server_ends(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    endpoints = [{"name": "away", "url": "http://127.0.0.1:1/", "backoff": "50ms", "queue": 2}]
    config = write_config(tmp_path, swift, container, notifications={"endpoints": endpoints})
    with Ours(tmp_path, config) as us, Client(us.url) as client:
        client.push_image("a", "1", [b"layer"])
        us.wait_for("too many wait: an event is dropped, 1 so far")
        us.signal(signal.SIGTERM)
        us.process.wait(30)
        assert "the server ends: 2 events are dropped" in us.log
