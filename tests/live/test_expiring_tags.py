"""Tags that expire, on a real Swift: without a job of ours, at no request more, and beside Distribution 2.8."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.expiry import ANNOTATION
from docker_registry.distribution.model import layout
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Expire
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import image, manifest_url, push, push_blob
from tests.live.adoption import both, in_process, settings_of
from tests.live.settings import driver_config

DAY = 86400.0
PATIENCE = 60.0  # s
RULES = (
    Expire(("**",), ("soon",), after=3.0),
    Expire(("**",), ("asked-*",), on_request=True, labels=True),
    Expire(("**",), ("pr-*",), after=DAY, on_request=True),
)


@pytest.fixture
def on_swift(swift: EmbeddedSwift, container: str) -> Base:
    return fetch("swift")("/registry", driver_config(swift, swift_container=container))


@pytest.fixture
def client(on_swift: Base) -> Client:
    client = Client(Registry(on_swift, dataclasses.replace(SETTINGS, expire=RULES, link_ttl=3600.0)))
    push_blob(client, "app", b"{}")
    return client


def test_a_tag_goes_by_itself_unless_it_is_pushed_again(client: Client, on_swift: Base) -> None:
    body = image()
    for tag in ("soon", "kept"):
        assert push(client, "app", tag, body).status_code == 201
    deadline = time.monotonic() + PATIENCE
    while client.get(manifest_url("app", "soon")).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # Whether or not Swift's expirer was here already.
    assert client.get("/v2/app/tags/list").json["tags"] == ["kept"]
    while any("/soon/" in entry.path for entry in on_swift.walk(layout.tags("app"))):
        assert time.monotonic() < deadline, "nothing stays in the storage either"
        time.sleep(0.1)


def test_no_push_costs_a_request_more(client: Client, swift: EmbeddedSwift) -> None:
    body, noted = image(), image(annotations={ANNOTATION: "2d"})

    def cost(tag: str, pushed: bytes) -> int:
        with swift.counting() as requests:
            assert push(client, "app", tag, pushed).status_code == 201
        return len(requests)

    plain = cost("plain", body)
    assert cost("pr-1", body) == cost("pr-2", noted) == cost("asked-1", noted) == plain
    assert cost("asked-2", body) == plain + 1, "the config's labels"
    with swift.counting() as requests:
        assert client.get("/v2/app/tags/list").json["tags"] == ["asked-1", "asked-2", "plain", "pr-1", "pr-2"]
        assert client.get("/v2/app/tags/list?n=2").json["tags"] == ["asked-1", "asked-2"]
    assert len(requests) == 2


def test_distribution_serves_such_tags(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with (
        both(swift, container, tmp_path) as clients,
        in_process(settings_of(clients.distribution, expire=RULES)) as ours,
    ):
        pushed = ours.push_image("app", "pr-1", [b"layer"])
        clients.theirs.push_image("app", "theirs", [b"layer"])
        assert clients.theirs.tags("app") == ours.tags("app") == ["pr-1", "theirs"]
        assert clients.theirs.pull("app", "pr-1") == ours.pull("app", "pr-1")
        # Pushed there, the tag has no end.
        driver = fetch("swift")(
            settings_of(clients.distribution).storage_path, settings_of(clients.distribution).driver
        )
        assert ends(driver) == {"pr-1": True, "theirs": False}
        assert clients.theirs.push_image("app", "pr-1", [b"layer"]) == pushed
        assert ends(driver) == {"pr-1": False, "theirs": False}


def ends(driver: Base) -> dict[str, bool]:
    found = driver.walk_outside(layout.tags("app"), "/index/")
    return {entry.path.split("/")[-3]: entry.expires is not None for entry in found}
