"""What each page costs in Swift requests, first and again: the figures of docs/page.md."""

from __future__ import annotations

import json

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.embedded import EmbeddedSwift
from tests.distribution.contents import CONFIG_TYPE, descriptor, image, index, push, push_blob, subject_of
from tests.live.settings import driver_config
from tests.web.pages import mounted, visit

TAGS, PLATFORMS = 30, 3
PAGE, PARTS, ATTACHED = 25, 64, 32  # tags of one page; requests for what they consist of, and what is attached


@pytest.fixture
def driver(swift: EmbeddedSwift, container: str) -> Base:
    return fetch("swift")("/registry", driver_config(swift, swift_container=container))


def cost(swift: EmbeddedSwift, client: Client, path: str) -> list[str]:
    with swift.counting() as requests:
        visit(client, path)
    return [f"{request.method} {request.path}" for request in requests]


def push_images(client: Client) -> bytes:
    """A tag for each of some images, one for several platforms with a signature, a repository of few tags."""
    bodies = []
    for number in range(TAGS):
        config = json.dumps({"os": "linux", "architecture": f"a{number}"}).encode()
        layer = bytes(1024 + number)  # an archive of nothing
        for blob in (config, layer):
            push_blob(client, "app", blob)
        bodies.append(image(layer, config=config))
        assert push(client, "app", f"t{number}", bodies[-1]).status_code == 201
    entries = [
        {**descriptor(body, json.loads(body)["mediaType"]), "platform": {"os": "linux", "architecture": f"a{number}"}}
        for number, body in enumerate(bodies[:PLATFORMS])
    ]
    whole = json.dumps({**json.loads(index()), "manifests": entries}).encode()
    assert push(client, "app", "all", whole).status_code == 201
    push_blob(client, "app", b"{}")
    signature = {**json.loads(image(b"{}")), "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"}
    signature |= {"subject": subject_of(whole), "config": descriptor(b"{}", CONFIG_TYPE)}
    assert push(client, "app", "signature", json.dumps(signature).encode()).status_code == 201
    return whole


def test_what_pages_cost(swift: EmbeddedSwift, driver: Base) -> None:
    push_images(mounted(driver))
    mounted(driver).get("/ui/")  # whatever a driver asks once
    budgets = {
        # path: requests of the first visit, and of the next
        "/ui/": (3, 0),  # the names, one for each repository shown, and whether there is anything of v1
        "/ui/r/app": (1 + PAGE + PARTS + ATTACHED, 0),
        "/ui/untagged/app": (1 + PAGE + 2 * PARTS + ATTACHED, 0),
        "/ui/r/app?sort=size": (1 + TAGS + 1 + PARTS + ATTACHED, 0),
        "/ui/v1": (1, 0),
        "/ui/?sort=size": (3, 0),  # the names, and the two of storage
        "/ui/r/app:all": (8 + PLATFORMS - 1 + 1, 1),  # its other images, and what is attached
        "/ui/r/app:t1": (6, 1),
        "/ui/r/app:t1/diff?to=t2": (10, 2),
        "/ui/r/app:t1/diff?to=t2&files=yes": (14, 2),  # link and data of each layer, here one of each image
        "/ui/storage": (2 + 6, 0),  # one listing of blobs, one of links; what gc and retention have left
        "/ui/delete/app?tag=t1": (2, 1),
    }
    for path, (first, again) in budgets.items():
        client = mounted(driver)
        requests = cost(swift, client, path)
        assert len(requests) <= first, (path, requests)
        requests = cost(swift, client, path)
        assert len(requests) <= again, (path, requests)


def test_no_page_costs_more_for_many_repositories(swift: EmbeddedSwift, driver: Base) -> None:
    client = mounted(driver)
    for number in range(60):
        push_blob(client, f"r{number:03}", b"layer")
    fresh = mounted(driver)
    assert len(cost(swift, fresh, "/ui/")) <= 52
    assert len(cost(swift, fresh, "/ui/")) == 0
