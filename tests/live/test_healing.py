"""Pushing a blob heals whatever lies under its name, and costs no request more where nothing is damaged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.distribution.pushing import Push, pull
from tests.live.raw import Raw
from tests.live.settings import driver_config

SEGMENT = 4096
SMALL = bytes(range(250)) * 4
LARGE = SMALL * 12

Heal = Callable[[bytes], None]


@pytest.fixture
def driver(swift: EmbeddedSwift, container: str) -> Base:
    return fetch("swift")("/", driver_config(swift, swift_container=container, swift_segment_size=SEGMENT))


@pytest.fixture
def client(driver: Base) -> Client:
    return Client(Registry(driver, Settings(secret=b"a secret of the tests", link_ttl=0)))


@pytest.fixture
def raw(swift: EmbeddedSwift, container: str, driver: Base) -> Raw:
    driver.put_content("warm", b"")
    return Raw(swift, container)


def push(client: Client, data: bytes, way: str) -> None:
    session = Push(client)
    if way == "streamed":
        session.stream(data)
    elif way == "chunked":
        session.chunk(data[: len(data) // 2])
        session.chunk(data[len(data) // 2 :])
    session.close(Digest.of(data), data if way == "in the PUT" else b"")


@pytest.mark.parametrize("way", ["streamed", "chunked", "in the PUT"])
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:-1], lambda data: data[:-1] + b"?", lambda data: bytes(len(data))],
    ids=["empty", "shorter", "one byte", "zeros"],
)
def test_a_push_heals_what_is_damaged(
    client: Client, driver: Base, raw: Raw, content: bytes, damage: Callable[[bytes], bytes], way: str
) -> None:
    digest = Digest.of(content)
    raw.ask("PUT", layout.blob_data(digest), data=damage(content))
    push(client, content, way)
    assert pull(client, "some/repo", digest) == content
    owned = {part.name for part in driver.parts(layout.blob_data(digest)) or ()}
    assert {entry.path for entry in driver.walk_parts()} - owned == set()


@pytest.mark.parametrize(("content", "requests"), [(SMALL, 3), (LARGE, 7)], ids=["small", "large"])
def test_what_is_sound_stays_and_costs_no_more(
    swift: EmbeddedSwift, client: Client, driver: Base, raw: Raw, content: bytes, requests: int
) -> None:
    push(client, content, "streamed")
    before = driver.stat(layout.blob_data(Digest.of(content))).modified
    with swift.counting() as count:
        push(client, content, "streamed")
    # Three segments; the refused PUT and the look at why; the manifest and the end of the segments; the link.
    assert len(count) <= requests + (2 if content == LARGE else 0), count
    assert driver.stat(layout.blob_data(Digest.of(content))).modified == before


def test_what_distribution_wrote_in_segments_stays(client: Client, driver: Base, raw: Raw) -> None:
    path = layout.blob_data(Digest.of(SMALL))
    for number in range(2):
        raw.ask("PUT", f"segments/2f6/46f6/{number:016}", data=SMALL[number * 500 : number * 500 + 500])
    raw.dynamic(path, "segments/2f6/46f6")
    push(client, SMALL, "streamed")
    assert driver.parts_prefix(path) == "2f6/46f6"
    assert pull(client, "some/repo", Digest.of(SMALL)) == SMALL
