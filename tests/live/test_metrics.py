"""The second port of a server with several workers: as Distribution's, for a real Prometheus, over workers' deaths."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from docker_registry.embedded import EmbeddedSwift
from docker_registry.metrics.table import METRICS
from tests.live.distribution2 import Distribution2, storage
from tests.live.nginx import free_address
from tests.live.ours import Ours, write_config
from tests.live.wire import DOCKER_MANIFEST, Client, digest_of
from tests.peers import need

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DEADLINE = 30.0  # s

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def documented(key: str) -> Any:
    """What docs/monitoring.md shows below this key."""
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", (ROOT / "docs" / "monitoring.md").read_text())
    return next(document[key] for document in map(yaml.safe_load, blocks) if key in document)


def until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)
    return found


def scrape(url: str) -> Samples:
    answer = requests.get(url, timeout=DEADLINE)
    answer.raise_for_status()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """The sum over all series with these labels."""
    return sum(
        number for (found, having), number in samples.items() if found == name and set(labels.items()) <= set(having)
    )


def exercise(client: Client) -> None:
    """Each kind of request that Distribution counts, with answers that both give."""
    layer, config = b"layer", b"config"
    for blob in (layer, config):
        client.push_blob("a/b", blob)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(config),
                "digest": digest_of(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "size": len(layer),
                    "digest": digest_of(layer),
                }
            ],
        }
    ).encode()
    digest = digest_of(manifest)
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "manifests/t", {"data": manifest, "headers": {"Content-Type": DOCKER_MANIFEST}}),
        ("GET", "manifests/t", {"headers": {"Accept": DOCKER_MANIFEST}}),
        ("HEAD", "manifests/t", {"headers": {"Accept": DOCKER_MANIFEST}}),
        ("GET", f"manifests/{digest}", {"headers": {"Accept": DOCKER_MANIFEST, "If-None-Match": f'"{digest}"'}}),
        ("GET", "manifests/none", {}),
        ("GET", f"blobs/{digest_of(layer)}", {}),
        ("HEAD", f"blobs/{digest_of(layer)}", {}),
        ("GET", f"blobs/{digest_of(layer)}", {"headers": {"Range": "bytes=0-1"}}),
        ("GET", f"blobs/sha256:{'0' * 64}", {}),
        ("GET", "tags/list", {}),
        ("DELETE", f"blobs/{digest_of(layer)}", {}),
        ("DELETE", f"manifests/{digest}", {}),
    ]
    for method, path, options in asked:
        client.ask(method, f"/v2/a/b/{path}", **options)
    client.ask("POST", f"/v2/c/blobs/uploads/?mount={digest_of(config)}&from=a/b")
    client.ask("GET", "/v2/_catalog")
    client.ask("GET", "/v2/")


def test_dashboards_for_distribution_go_on(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    need("docker-registry")
    debug = {**documented("http")["debug"], "addr": free_address()}
    theirs = Distribution2(tmp_path, storage(swift, container), http={"debug": debug})
    document = json.loads(theirs.config.read_text())
    document["storage"]["cache"] = {"blobdescriptor": "inmemory"}
    theirs.config.write_text(json.dumps(document))
    with theirs, Client(theirs.url) as client:
        exercise(client)
        wanted = scrape(f"http://{debug['addr']}/metrics")
        kinds = re.findall(r"# TYPE (registry_\S+) (\w+)", requests.get(f"http://{debug['addr']}/metrics").text)
    document["http"]["debug"]["addr"] = "127.0.0.1:0"
    document["storage"]["swift"]["container"] = f"{container}-ours"
    theirs.config.write_text(json.dumps(document))
    with Ours(tmp_path, theirs.config) as us, Client(us.url) as client:
        exercise(client)
        found = until(lambda: count_of(scrape(f"{us.debug_url}/metrics"), count_of(wanted)))
    wanted = {series: number for series, number in wanted.items() if series[0].startswith("registry_")}
    # It has an action for each step of its uploads, where ours commits; what it asks of its storage is its own.
    wanted = {series: number for series, number in wanted.items() if "storage_action" not in series[0]}
    assert set(wanted) - set(found) == set()
    exact = ("registry_http_requests_total", "registry_http_response_size_bytes_count")
    assert {series: found[series] for series in wanted if series[0] in exact} == {
        series: number for series, number in wanted.items() if series[0] in exact
    }
    for name, kind in kinds:
        assert METRICS[name].kind == kind
    actions = {dict(labels)["action"] for name, labels in found if name == "registry_storage_action_seconds_count"}
    assert {"GetContent", "PutContent", "List", "Delete"} <= actions


def count_of(samples: Samples, wanted: float | None = None) -> Any:
    """How many requests were counted; with `wanted`, the samples once it is so many."""
    total = value(samples, "registry_http_requests_total")
    return total if wanted is None else samples if total == wanted else None


@pytest.fixture
def several(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[Ours]:
    """Three workers, whose checks look for a file `down`."""
    shown = documented("registry")
    debug = {**shown["debug"], "addr": "127.0.0.1:0"}
    health = {**shown["health"], "file": [{"file": str(tmp_path / "down"), "interval": "1s"}]}
    config = write_config(tmp_path, swift, container, debug=debug, health=health, graceful_timeout="20s")
    with Ours(tmp_path, config, workers=3) as running:
        yield running


def test_counts_outlive_their_workers_and_gauges_do_not(several: Ours, tmp_path: Path) -> None:
    url, metrics = several.url, f"{several.debug_url}/metrics"
    asked = 60
    until(lambda: value(scrape(metrics), "registry_workers") == 3)
    for _ in range(asked):
        assert requests.get(f"{url}/v2/", timeout=DEADLINE).status_code == 200
    until(lambda: value(scrape(metrics), "registry_http_requests_total", handler="base") == asked)
    limit = value(scrape(metrics), "registry_swift_memory_limit_bytes")
    # No scrape, whichever worker answers it, sees a counter that falls, while workers die and are replaced.
    falls: list[tuple[float, float]] = []
    done = threading.Event()

    def watch() -> None:
        last = 0.0
        while not done.is_set():
            try:
                now = value(scrape(metrics), "registry_http_requests_total", handler="base")
            except requests.RequestException:
                continue  # the worker that answered was killed
            if now < last:
                falls.append((last, now))
            last = now
            time.sleep(0.02)  # leaves the machine to the others

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = set(several.workers())
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(set(several.workers()) - before) == 1)
    several.signal(signal.SIGHUP)
    several.wait_for("the config file is read again")
    until(lambda: not before & set(several.workers()) and len(several.workers()) == 3)
    until(lambda: value(scrape(metrics), "registry_workers") == 3)
    done.set()
    watcher.join()
    samples = scrape(metrics)
    assert falls == []
    assert value(samples, "registry_http_requests_total", handler="base") == asked
    assert value(samples, "registry_swift_memory_limit_bytes") == limit
    # The new workers have the checks too.
    down = tmp_path / "down"
    down.touch()
    for page in ("readyz", "debug/health"):  # each worker looks for itself
        until(
            lambda page=page: (
                requests.get(f"{several.debug_url}/{page}", timeout=DEADLINE).json() == {str(down): "file exists"}
            )
        )
    until(lambda: requests.get(f"{url}/v2/", timeout=DEADLINE).status_code == 503)
    down.unlink()
    until(lambda: requests.get(f"{url}/v2/", timeout=DEADLINE).status_code == 200)


def test_who_drains_says_so_until_the_end(several: Ours) -> None:
    url = several.debug_url
    assert requests.get(f"{url}/readyz", timeout=DEADLINE).json() == {}
    with Client(several.url) as client:
        location = client.ask("POST", "/v2/a/blobs/uploads/").headers["Location"]

        def body() -> Iterator[bytes]:
            yield b"begun"
            until(lambda: value(scrape(f"{url}/metrics"), "registry_uploads_in_flight") == 1)
            several.signal(signal.SIGTERM)
            until(lambda: "listening no more" in several.log)
            until(lambda: requests.get(f"{url}/readyz", timeout=DEADLINE).json() == {"server": "it is stopping"})
            assert requests.get(f"{url}/healthz", timeout=DEADLINE).status_code == 200
            samples = scrape(f"{url}/metrics")
            assert value(samples, "registry_uploads_in_flight") == 1
            yield b"ended"

        assert client.ask("PATCH", location, data=body()).status_code == 202
    several.process.wait(DEADLINE)


def test_a_real_prometheus_scrapes_it_and_knows_the_alerts(several: Ours, swift: EmbeddedSwift, tmp_path: Path) -> None:
    prometheus, promtool = need("prometheus"), need("promtool")
    with Client(several.url) as client:
        client.push_image("team/app", "1.0", [b"layer" * 1000])
        client.pull("team/app", "1.0")
    text = requests.get(f"{several.debug_url}/metrics", timeout=DEADLINE).text
    linted = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    # It would have Distribution's gauge of events without `_total`; the name is theirs.
    complaints = [line for line in linted.stderr.splitlines() if "registry_notifications_pending_total" not in line]
    assert complaints == []
    subprocess.run([promtool, "test", "rules", str(DEPLOY / "prometheus-alerts-test.yml")], check=True)
    config = tmp_path / "prometheus.yml"
    target = several.debug_url.removeprefix("http://")
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s"},
                "rule_files": [str(DEPLOY / "prometheus-alerts.yml")],
                "scrape_configs": [{**documented("scrape_configs")[0], "static_configs": [{"targets": [target]}]}],
            }
        )
    )
    address = free_address()
    command = [prometheus, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        child = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:

        def query(expression: str) -> list[dict[str, Any]]:
            try:
                answer = requests.get(f"http://{address}/api/v1/query", params={"query": expression}, timeout=DEADLINE)
            except requests.ConnectionError:
                assert child.poll() is None, (tmp_path / "prometheus.log").read_text()
                return []
            if answer.status_code == 503:
                return []  # it listens before it is ready
            body = answer.json()
            assert body["status"] == "success", (expression, body)
            found: list[dict[str, Any]] = body["data"]["result"]
            return found

        until(lambda: query('registry_repository_bytes_total{direction="push",prefix="team"}'))
        assert query("up")[0]["value"][1] == "1"
        for panel, expression in dashboard_queries():
            metrics = set(re.findall(r"\b(?:registry|process)_\w+", expression))
            assert {re.sub("_(bucket|sum|count)$", "", name) for name in metrics} <= set(METRICS), panel
            query(expression.replace("$job", "registry").replace("$instance", ".*").replace("$__rate_interval", "1m"))
    finally:
        child.terminate()
        child.wait(DEADLINE)


def dashboard_queries() -> list[tuple[str, str]]:
    document = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return [(panel["title"], target["expr"]) for panel in document["panels"] for target in panel["targets"]]
