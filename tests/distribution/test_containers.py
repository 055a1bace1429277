"""Repositories in containers of their own: any life of a registry against dictionaries, and what keeps them apart."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UnreachableError
from docker_registry.core.quota import QuotaError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import ContainerRule, DriverConfig, Settings
from tests.distribution.conftest import SETTINGS
from tests.distribution.pushing import Push, blob_url
from tests.live.settings import driver_config

OCI = "application/vnd.oci.image.manifest.v1+json"
# Overlapping on purpose: the first that matches counts.
RULES = {"special": ("team/special", "team/special/**"), "team": ("team/**", "*/shared"), "web": ("web-*", "web.*/**")}
NAMES = ["team", "team/app", "team/special", "team/special/x", "x/shared", "web-1", "web.1/a", "web", "web/a", "zoo/b"]


def home(name: str) -> str:
    """The model of routing: a plain loop."""
    for container, patterns in RULES.items():
        if any(Pattern(pattern).matches(name) for pattern in patterns):
            return container
    return "default"


def with_rules(settings: Settings = SETTINGS) -> Settings:
    rules = (ContainerRule(name, patterns, "/", DriverConfig(), name) for name, patterns in RULES.items())
    return dataclasses.replace(settings, containers=tuple(rules))


def registry_over(drivers: dict[str, Base], settings: Settings | None = None) -> Registry:
    return Registry(drivers["default"], settings or with_rules(), [drivers[name] for name in RULES])


@pytest.fixture(params=["memory", "swift"])
def drivers(request: pytest.FixtureRequest) -> dict[str, Base]:
    if request.param == "memory":
        return in_memory()
    swift, container = request.getfixturevalue("swift"), request.getfixturevalue("container")
    return {
        name: fetch("swift")("/", driver_config(swift, swift_container=f"{container}-{name}"))
        for name in (*RULES, "default")
    }


def in_memory() -> dict[str, Base]:
    return {name: fetch("memory")("/", None) for name in (*RULES, "default")}


@pytest.fixture
def client(drivers: dict[str, Base]) -> Client:
    return Client(registry_over(drivers))


def push_blob(client: Client, name: str, data: bytes) -> Digest:
    digest, push = Digest.of(data), Push(client, name)
    push.stream(data)
    push.close(digest)
    return digest


def push_image(client: Client, name: str, tag: str, data: bytes) -> Digest:
    config, layer = push_blob(client, name, b"{}"), push_blob(client, name, data)
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": {"mediaType": "application/json", "digest": str(config), "size": 2},
            "layers": [{"mediaType": "application/octet-stream", "digest": str(layer), "size": len(data)}],
        }
    ).encode()
    answer = client.put(f"/v2/{name}/manifests/{tag}", data=body, content_type=OCI)
    assert answer.status_code == 201, answer.text
    return Digest.of(body)


def catalog(client: Client, n: int) -> list[str]:
    """All repositories, page by page."""
    names: list[str] = []
    url: str | None = f"/v2/_catalog?n={n}"
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        names += answer.json["repositories"]  # type: ignore[index]
        url = answer.headers["Link"].split(">")[0][1:] if "Link" in answer.headers else None
    return names


class Model:
    """What a registry of several containers has to show."""

    def __init__(self) -> None:
        self.blobs: set[tuple[str, Digest]] = set()  # of a repository
        self.stored: set[tuple[str, Digest]] = set()  # in a container
        self.tags: dict[str, dict[str, Digest]] = {}

    def check(self, client: Client, drivers: dict[str, Base], contents: list[bytes]) -> None:
        digests = [Digest.of(content) for content in contents]
        for name in NAMES:
            for digest in digests:
                there = (name, digest) in self.blobs
                assert client.head(blob_url(name, digest)).status_code == (200 if there else 404)
            tags = client.get(f"/v2/{name}/tags/list")
            assert (tags.json["tags"] if tags.status_code == 200 else []) == sorted(self.tags.get(name, {}))  # type: ignore[index]
            for tag, manifest in self.tags.get(name, {}).items():
                assert client.get(f"/v2/{name}/manifests/{tag}").headers["Docker-Content-Digest"] == str(manifest)
        known = sorted({name for name, _ in self.blobs} | set(self.tags))
        for n in (1, 3, 100):
            assert catalog(client, n) == known
        for container, driver in drivers.items():
            stored = {digest for digest in digests if driver.exists(layout.blob_data(digest))}
            assert stored == {digest for where, digest in self.stored if where == container and digest in digests}


CONTENTS = [b"one", b"two", b"three"]
NAME, CONTENT, TAG = st.sampled_from(NAMES), st.sampled_from(CONTENTS), st.sampled_from(["v1", "v2"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("blob"), NAME, CONTENT),
        st.tuples(st.just("image"), NAME, TAG, CONTENT),
        st.tuples(st.just("mount"), NAME, NAME, CONTENT),
        st.tuples(st.just("delete blob"), NAME, CONTENT),
        st.tuples(st.just("delete tag"), NAME, TAG),
    ),
    max_size=12,
)


def live(client: Client, model: Model, step: Any) -> None:
    deed, name, *rest = step
    if deed == "blob":
        digest = push_blob(client, name, rest[0])
        model.blobs.add((name, digest))
        model.stored.add((home(name), digest))
    elif deed == "image":
        manifest = push_image(client, name, *rest)
        for content in (b"{}", rest[1]):
            model.blobs.add((name, Digest.of(content)))
            model.stored.add((home(name), Digest.of(content)))
        model.tags.setdefault(name, {})[rest[0]] = manifest
    elif deed == "mount":
        source, digest = rest[0], Digest.of(rest[1])
        answer = client.post(f"/v2/{name}/blobs/uploads/?mount={digest}&from={source}")
        mounted = (source, digest) in model.blobs and home(source) == home(name)
        assert answer.status_code == (201 if mounted else 202)
        if mounted:
            model.blobs.add((name, digest))
    elif deed == "delete blob":
        digest = Digest.of(rest[0])
        there = (name, digest) in model.blobs
        assert client.delete(blob_url(name, digest)).status_code == (202 if there else 404)
        model.blobs.discard((name, digest))
    else:
        there = rest[0] in model.tags.get(name, {})
        assert client.delete(f"/v2/{name}/manifests/{rest[0]}").status_code == (202 if there else 404)
        model.tags.get(name, {}).pop(rest[0], None)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_any_life_is_that_of_the_model(steps: list[Any]) -> None:
    drivers, model = in_memory(), Model()
    client = Client(registry_over(drivers, with_rules(dataclasses.replace(SETTINGS, link_ttl=0))))
    for step in steps:
        live(client, model, step)
    # A repository without blobs and tags may still have links to manifests: then it is listed.
    for name in model.tags:
        model.blobs.add((name, Digest.of(b"that of its manifest")))
    model.check(client, drivers, CONTENTS)


def test_a_life_over_swift(drivers: dict[str, Base]) -> None:
    client, model = Client(registry_over(drivers, with_rules(dataclasses.replace(SETTINGS, link_ttl=0)))), Model()
    for number, name in enumerate(NAMES):
        live(client, model, ("image", name, "v1", CONTENTS[number % 3]))
        live(client, model, ("mount", name, "team/app", CONTENTS[1]))
        live(client, model, ("mount", name, "zoo/b", CONTENTS[0]))
    live(client, model, ("delete tag", "team/special", "v1"))
    live(client, model, ("delete blob", "web", CONTENTS[1]))
    model.check(client, drivers, CONTENTS)


def test_a_blob_of_one_container_is_not_seen_in_another(client: Client) -> None:
    digest = push_blob(client, "team/app", b"layer")
    assert client.head(blob_url("zoo/b", digest)).status_code == 404
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": {"mediaType": "application/json", "digest": str(digest), "size": 5},
            "layers": [],
        }
    )
    answer = client.put("/v2/zoo/b/manifests/v1", data=manifest, content_type=OCI)
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "MANIFEST_BLOB_UNKNOWN")  # type: ignore[index]


@pytest.mark.parametrize("ways", [("stream",), ("chunk",)])
def test_an_upload_does_not_follow_a_repository_to_another_container(
    drivers: dict[str, Base], ways: tuple[str, ...]
) -> None:
    """Rules may change between its requests: what is safe in one container is not in the other."""
    before, after = Client(Registry(drivers["default"], SETTINGS)), Client(registry_over(drivers))
    for first, then in ((before, after), (after, before)):
        push = Push(first, "team/app")
        getattr(push, ways[0])(b"layer")
        push.client = then
        push.close(Digest.of(b"layer"), expected=404)
        push.client = first
        push.close(Digest.of(b"layer"))


def test_what_is_known_of_one_container_is_not_believed_of_another() -> None:
    drivers = in_memory()
    digest = push_blob(Client(registry_over(drivers)), "zoo/b", b"layer")
    drivers["default"].remove(layout.blob_data(digest))
    client = Client(registry_over(drivers))
    push_blob(client, "team/app", b"layer")
    assert client.head(blob_url("zoo/b", digest)).status_code == 404


PART = st.text(alphabet="ab", min_size=1, max_size=2)
WORD = st.builds(lambda first, sign, then: first + sign + then, PART, st.sampled_from([".", "-", "_", "/"]), PART)


@settings(max_examples=100)
@given(names=st.sets(st.one_of(PART, WORD, st.builds("{}/{}".format, WORD, WORD)), max_size=25), n=st.integers(1, 30))
def test_the_catalog_is_one_list_in_lexical_order(names: set[str], n: int) -> None:
    rules = {"special": ("a*/**",), "team": ("*b", "b.*/**"), "web": ("*-*/**",)}
    apart = tuple(ContainerRule(name, patterns, "/", DriverConfig(), name) for name, patterns in rules.items())
    drivers = in_memory()
    registry = registry_over(drivers, dataclasses.replace(SETTINGS, containers=apart))
    for name in names:
        layer = layout.layer_link(name, Digest.of(b""))
        registry.context.containers.of(name).driver.put_content(layer, str(Digest.of(b"")).encode())
    assert catalog(Client(registry), n) == sorted(names)


def test_an_upload_goes_on_on_another_replica(drivers: dict[str, Base]) -> None:
    push = Push(Client(registry_over(drivers)), "team/app")
    push.chunk(b"lay")
    push.client = Client(registry_over(drivers))
    push.chunk(b"er")
    push.close(Digest.of(b"layer"))


def test_what_lies_where_no_rule_leads_is_not_listed(drivers: dict[str, Base]) -> None:
    push_image(Client(Registry(drivers["default"], SETTINGS)), "team/app", "v1", b"layer")
    client = Client(registry_over(drivers))
    assert catalog(client, 10) == []
    mount = f"/v2/zoo/b/blobs/uploads/?mount={Digest.of(b'layer')}&from=team/app"
    assert client.post(mount).status_code == 202
    push_image(client, "team/app", "v2", b"layer")
    assert catalog(client, 10) == ["team/app"]
    assert client.get("/v2/team/app/tags/list").json["tags"] == ["v2"]  # type: ignore[index]


def test_a_full_container_is_named_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    drivers = in_memory()

    def full(*_: Any) -> None:
        raise QuotaError("413: Upload exceeds quota")

    monkeypatch.setattr(drivers["team"], "overwrite", full)
    monkeypatch.setattr(drivers["team"], "put_content", full)
    client = Client(registry_over(drivers))
    digest, push = Digest.of(b"layer"), Push(client, "team/app")
    answer = push.call("PUT", 403, f"digest={digest}", data=b"layer")
    error = answer.json["errors"][0]  # type: ignore[index]
    assert (error["code"], "the container team is used up" in error["message"]) == ("DENIED", True)
    push_image(client, "zoo/b", "v1", b"layer")


def test_an_outage_of_one_container_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drivers = in_memory()
    client = Client(registry_over(drivers))
    manifest = push_image(client, "zoo/b", "v1", b"layer")

    def away(*_: Any, **__: Any) -> Iterator[str]:
        raise UnreachableError("no answer")

    for method in ("get_content", "list_prefixes", "overwrite"):
        monkeypatch.setattr(drivers["team"], method, away)
    assert client.get("/v2/team/app/manifests/v1").status_code == 503
    assert client.get("/v2/zoo/b/manifests/v1").headers["Docker-Content-Digest"] == str(manifest)
    # A list that lacks a region's repositories would be taken for whole.
    assert client.get("/v2/_catalog").status_code == 503


def test_each_container_is_asked_once_for_the_catalog(swift: EmbeddedSwift, container: str) -> None:
    drivers: dict[str, Base] = {
        name: fetch("swift")("/", driver_config(swift, swift_container=f"{container}-{name}"))
        for name in (*RULES, "default")
    }
    client = Client(registry_over(drivers))
    for name in NAMES:
        push_blob(client, name, b"layer")
    with swift.counting() as requests:
        assert len(catalog(client, 100)) == len(NAMES)
    assert len(requests) == len(drivers)
