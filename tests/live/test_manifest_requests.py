"""What each call may cost in requests to Swift: manifests, tags, the catalog and referrers. See docs/design.md.

`cold` is a registry that has just started, `warm` one that has just served
the same. Token, container and /info requests are not counted.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from docker_registry.concurrency.workers import gather
from docker_registry.core.driver import Base, fetch
from docker_registry.core.types import Stat
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import image, manifest_url, push, push_blob, push_image, subject_of
from tests.live.settings import driver_config

# Long enough that a slow machine does not turn what is warm into what is cold.
PATIENT = dataclasses.replace(SETTINGS, link_ttl=3600.0)
REFERENCES = 11
LAYERS = [bytes([number]) * 100 for number in range(REFERENCES - 1)]
BODY = image(*LAYERS)
DIGEST = Digest.of(BODY)
DEADLINE = 30.0  # s

Calls = Callable[[Callable[[], TestResponse]], int]


@pytest.fixture
def on_swift(swift: EmbeddedSwift, container: str) -> Base:
    return fetch("swift")("/registry", driver_config(swift, swift_container=container))


@pytest.fixture
def warm(on_swift: Base) -> Client:
    """A registry that has just taken an image, all but its manifest."""
    client = Client(Registry(on_swift, PATIENT))
    for data in (b"{}", *LAYERS):
        push_blob(client, "app", data)
    return client


@pytest.fixture
def cold(on_swift: Base) -> Client:
    return Client(Registry(on_swift, PATIENT))


@pytest.fixture
def cost(swift: EmbeddedSwift) -> Calls:
    """How many requests a call makes; it must succeed or be a 404."""

    def count(call: Callable[[], TestResponse]) -> int:
        with swift.counting() as requests:
            response = call()
        assert response.status_code < 300 or response.status_code == 404, response.text
        return len(requests)

    return count


def test_a_push_of_a_manifest_by_a_registry_that_took_its_blobs(warm: Client, cost: Calls) -> None:
    assert cost(lambda: push(warm, "app", "v1", BODY)) <= 5
    assert cost(lambda: push(warm, "app", "v1", BODY)) <= 5


def test_a_push_of_a_manifest_whose_blobs_were_seen_but_not_taken(warm: Client, cold: Client, cost: Calls) -> None:
    for data in (b"{}", *LAYERS):
        assert cold.head(f"/v2/app/blobs/{Digest.of(data)}").status_code == 200
    assert cost(lambda: push(cold, "app", "v1", BODY)) <= 5 + REFERENCES


def test_a_push_of_a_manifest_by_another_registry(warm: Client, cold: Client, cost: Calls) -> None:
    assert cost(lambda: push(cold, "app", "v1", BODY)) <= 2 * REFERENCES + 5


def test_moving_a_tag_costs_no_more_than_setting_it(warm: Client, cost: Calls) -> None:
    push(warm, "app", "latest", image())
    assert cost(lambda: push(warm, "app", "latest", BODY)) <= 5


def test_a_push_by_digest_and_of_a_referrer(warm: Client, cost: Calls) -> None:
    assert cost(lambda: push(warm, "app", DIGEST, BODY)) <= 2
    assert cost(lambda: push(warm, "app", "sig", image(subject=subject_of(BODY)))) <= 6


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["v1", DIGEST])
def test_a_pull_of_a_manifest(warm: Client, cold: Client, cost: Calls, method: str, reference: object) -> None:
    push(warm, "app", "v1", BODY)
    url = manifest_url("app", reference)
    assert cost(lambda: cold.open(url, method=method)) <= (3 if reference == "v1" else 2)
    assert cost(lambda: cold.open(url, method=method)) <= 1
    assert cost(lambda: warm.open(url, method=method)) <= 1


def test_a_pull_of_what_is_not_there(warm: Client, cost: Calls) -> None:
    assert cost(lambda: warm.get(manifest_url("app", "absent"))) <= 1
    assert cost(lambda: warm.get(manifest_url("app", Digest.of(b"absent")))) <= 2


def test_a_tag_and_its_manifest_pulled_together(warm: Client, cold: Client, cost: Calls) -> None:
    push(warm, "app", "v1", BODY)
    assert cost(lambda: cold.head(manifest_url("app", "v1"))) <= 3
    assert cost(lambda: cold.get(manifest_url("app", DIGEST))) <= 1


def test_lists(warm: Client, cold: Client, cost: Calls) -> None:
    for tag in ("v1", "v1.0", "v1-rc", "latest"):
        push(warm, "app", tag, BODY)
    push_image(warm, "app/below", "v1")
    assert cost(lambda: cold.get("/v2/app/tags/list")) <= 1
    assert cost(lambda: cold.get("/v2/app/tags/list?n=2")) <= 1
    assert cost(lambda: cold.get("/v2/_catalog")) <= 1
    assert cost(lambda: cold.get("/v2/app/tags/list?last=zzz")) <= 2
    assert cost(lambda: cold.get("/v2/absent/tags/list")) <= 2


def test_a_page_reads_on_in_growing_steps(on_swift: Base, cold: Client, cost: Calls) -> None:
    """Behind 300 tags that begin with `a-` may come `a`, which belongs before them."""
    paths = [layout.tag_current("app", f"a-{number}") for number in range(300)]
    gather([partial(on_swift.overwrite, path, str(DIGEST).encode()) for path in paths])
    assert cost(lambda: cold.get("/v2/app/tags/list?n=2")) <= 2  # 103 rows, then 412
    assert cost(lambda: cold.get("/v2/app/tags/list?n=2&last=a-1")) <= 1


def test_referrers(warm: Client, cold: Client, cost: Calls) -> None:
    url = f"/v2/app/referrers/{DIGEST}"
    assert cost(lambda: cold.get(url)) <= 2
    for number in range(3):
        body = image(subject=subject_of(BODY), annotations={"n": str(number)})
        push(warm, "app", Digest.of(body), body)
    assert cost(lambda: cold.get(url)) <= 2 + 2 * 3
    assert cost(lambda: warm.get(url)) <= 2 + 3


# What a count does not show: which requests go side by side, and in what order they end.


class Recorded(Base):
    """A memory whose reads, and writes of links, wait for each other; it notes the order in which writes end."""

    def __init__(self, reads_together: int, links_together: int):
        super().__init__()
        self.inner = fetch("memory")("/registry", None)
        self.reads = threading.Barrier(reads_together, timeout=DEADLINE)
        self.links = threading.Barrier(links_together, timeout=DEADLINE)
        self.written: list[str] = []

    def get_content(self, path: str) -> bytes:
        if "/_layers/" in path:
            self.reads.wait()
        return self.inner.get_content(path)

    def stat(self, path: str) -> Stat:
        self.reads.wait()
        return self.inner.stat(path)

    def put_content(self, path: str, content: bytes) -> str:
        if not path.endswith("/data"):
            self.links.wait()
        self.written.append(path)
        return self.inner.put_content(path, content)

    def walk(self, path: str | None = None) -> Iterator[Any]:
        return self.inner.walk(path)


def test_all_references_are_asked_for_side_by_side_and_the_tag_comes_last() -> None:
    references = 4
    layers = LAYERS[: references - 1]
    driver = Recorded(reads_together=2 * references, links_together=2)
    for data in (b"{}", *layers):
        digest = Digest.of(data)
        driver.inner.put_content(layout.blob_data(digest), data)
        driver.inner.put_content(layout.layer_link("app", digest), str(digest).encode())
    body = image(*layers, subject=subject_of(BODY))
    digest = Digest.of(body)
    assert push(Client(Registry(driver, PATIENT)), "app", "v1", body).status_code == 201
    assert driver.written[0] == layout.blob_data(digest)
    assert set(driver.written[1:3]) == {
        layout.revision_link("app", digest),
        layout.tag_index_link("app", "v1", digest),
    }
    assert set(driver.written[3:]) == {layout.referrer("app", DIGEST, digest), layout.tag_current("app", "v1")}
