"""Tags that expire, against a plain model: a dictionary of tags with what they mean and when they end."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.http import parse_date
from werkzeug.test import Client, TestResponse

from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.expiry import ANNOTATION, HEADER, parse_time
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers import memory
from docker_registry.settings import Auth, Expire, Immutable
from tests.core.v1_driver import Storage as V1Storage
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import image, index, manifest_url, push, push_blob, subject_of

DAY = 86400.0
RULES = (
    Expire(("ci/**",), ("pr-*",), after=7 * DAY),
    Expire(("ci/**",), ("nightly*",), after=14 * DAY, on_request=True),
    Expire(("scratch/**",), ("*",), labels=True, on_request=True),
)
IMMUTABLE = Auth(immutable=(Immutable(("scratch/**",), ("v*",)),))


class Clocked:
    """A registry over a memory, both by one clock."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.5
        self.driver = memory.Storage("/registry")
        self.driver.clock = lambda: self.now
        registry = Registry(self.driver, dataclasses.replace(SETTINGS, expire=RULES, auth=IMMUTABLE, page_size_max=3))
        registry.context.containers.default.store.clock = lambda: self.now
        self.client = Client(registry)

    def push(self, name: str, tag: str, body: bytes, **headers: str) -> TestResponse:
        for data in (b"{}", LABELLED):
            push_blob(self.client, name, data)
        response = push(self.client, name, tag, body, headers=headers)
        assert response.status_code == 201, response.text
        return response

    def meaning(self, name: str, tag: str) -> str | None:
        response = self.client.get(manifest_url(name, tag))
        assert response.status_code in (200, 404)
        return response.headers.get("Docker-Content-Digest")

    def tags(self, name: str) -> Iterator[str]:
        """Page by page."""
        last = ""
        while found := self.client.get(f"/v2/{name}/tags/list?n=2&last={last}").json["tags"]:
            yield from found
            last = found[-1]


LABELLED = json.dumps({"config": {"Labels": {ANNOTATION: "3d", "other": "1"}}}).encode()
BODIES = {
    "plain": image(),
    "noted": image(annotations={ANNOTATION: "2d"}),
    "never": image(annotations={ANNOTATION: "Never"}),
    "labelled": image(config=LABELLED),
}
WISHES = {"plain": None, "noted": 2 * DAY, "never": None, "labelled": 3 * DAY}


def lasts(name: str, tag: str, body: str, header: str | None) -> float | None:
    """What the rules above mean, written down once more."""
    if name.startswith("ci/") and tag.startswith("pr-"):
        return 7 * DAY
    asked = {"1h": 3600.0, None: WISHES[body] if body != "labelled" or name.startswith("scratch/") else None}[header]
    if name.startswith("ci/") and tag.startswith("nightly"):
        return min(14 * DAY, asked or 14 * DAY)
    return asked if name.startswith("scratch/") and not tag.startswith("v") else None


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("push"),
            st.sampled_from(["pr-1", "pr-2", "nightly", "v1", "x"]),
            st.sampled_from(sorted(BODIES)),
            st.sampled_from([None, "1h"]),
        ),
        st.tuples(st.just("delete"), st.sampled_from(["pr-1", "nightly", "x"])),
        st.tuples(st.just("wait"), st.sampled_from([3599.0, 2.0, DAY, 5 * DAY])),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["ci/app", "scratch/app", "prod/app"]), STEPS)
@example(
    "ci/app", [("push", "nightly", "noted", None), ("push", "nightly", "plain", "1h"), ("wait", 3599.0), ("wait", 2.0)]
)
def test_any_sequence_leaves_what_the_model_has(name: str, steps: list[tuple[Any, ...]]) -> None:
    world, model = Clocked(), dict[str, tuple[str, float]]()
    world.push(name, "anchor", BODIES["plain"])
    world.client.delete(manifest_url(name, "anchor"))  # the repository is there, whatever follows
    for step in steps:
        if step[0] == "wait":
            world.now += step[1]
        elif step[0] == "delete":
            there = step[1] in model
            assert world.client.delete(manifest_url(name, step[1])).status_code == (
                403 if there and name.startswith("scratch/") and step[1].startswith("v") else 202 if there else 404
            )
            model.pop(step[1], None)
        else:
            _, tag, body, header = step
            seconds = lasts(name, tag, body, header)
            digest = str(Digest.of(BODIES[body]))
            if name.startswith("scratch/") and tag.startswith("v") and model.get(tag, (digest, 0))[0] != digest:
                continue  # immutable
            response = world.push(name, tag, BODIES[body], **({HEADER: header} if header else {}))
            model[tag] = digest, world.now + seconds if seconds else float("inf")
            told = parse_date(response.headers.get("X-Expires-At"))
            assert (told.timestamp() if told else None) == (int(world.now + seconds) if seconds else None)
        model = {tag: (digest, end) for tag, (digest, end) in model.items() if end > world.now}
        # The list first: a tag that was asked for is not listed any more.
        assert list(world.tags(name)) == sorted(model)
        assert {tag: world.meaning(name, tag) for tag in ("pr-1", "pr-2", "nightly", "v1", "x")} == {
            tag: model[tag][0] if tag in model else None for tag in ("pr-1", "pr-2", "nightly", "v1", "x")
        }


def test_a_tag_takes_nothing_else_along() -> None:
    world = Clocked()
    world.push("ci/app", "pr-1", BODIES["plain"])
    signature = image(subject=subject_of(BODIES["plain"]))
    world.push("ci/app", "pr-2", signature)
    ends = {entry.expires for entry in world.driver.walk(layout.tags("ci/app"))}
    assert ends == {world.now + 7 * DAY}, "of the tag, and of its history"
    world.now += 7 * DAY
    digest = Digest.of(BODIES["plain"])
    assert (world.meaning("ci/app", "pr-1"), world.meaning("ci/app", str(digest))) == (None, str(digest))
    listed = world.client.get(f"/v2/ci/app/referrers/{digest}").json["manifests"]
    assert [entry["digest"] for entry in listed] == [str(Digest.of(signature))]
    assert list(world.tags("ci/app")) == []
    assert world.client.delete(manifest_url("ci/app", digest)).status_code == 202


def test_an_index_asks_for_itself_by_its_annotation() -> None:
    world = Clocked()
    world.push("scratch/app", "child", BODIES["labelled"])
    world.push("scratch/app", "both", index(BODIES["labelled"], annotations={ANNOTATION: "1d"}))
    world.push("scratch/app", "kept", index(BODIES["labelled"]))
    world.now += DAY
    assert list(world.tags("scratch/app")) == ["child", "kept"]


def test_several_tags_of_one_push_end_each_at_its_time() -> None:
    world = Clocked()
    push_blob(world.client, "ci/app", b"{}")
    body = BODIES["plain"]
    url = f"{manifest_url('ci/app', Digest.of(body))}?tag=pr-1&tag=nightly&tag=v1"
    response = world.client.put(url, data=body)
    told = parse_date(response.headers["X-Expires-At"])
    assert told is not None
    assert told.timestamp() == int(world.now + 7 * DAY)
    world.now += 7 * DAY
    assert list(world.tags("ci/app")) == ["nightly", "v1"]
    world.now += 7 * DAY
    assert list(world.tags("ci/app")) == ["v1"]


def test_a_header_that_says_no_time_is_refused_where_it_would_count() -> None:
    world = Clocked()
    for name, status in (("scratch/app", 400), ("prod/app", 201)):
        push_blob(world.client, name, b"{}")
        response = push(world.client, name, "x", BODIES["plain"], headers={HEADER: "soon"})
        assert response.status_code == status
        assert list(world.tags(name)) == (["x"] if status == 201 else [])


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"{",
        b"[]",
        b'{"config": 1}',
        b'{"config": {"Labels": []}}',
        b'{"config": {"Labels": {"quay.expires-after": 3}}}',
    ],
)
def test_a_config_without_a_proper_label_asks_for_nothing(config: bytes) -> None:
    world = Clocked()
    push_blob(world.client, "scratch/app", config)
    assert push(world.client, "scratch/app", "x", image(config=config)).status_code == 201
    world.now += 3660 * DAY
    assert list(world.tags("scratch/app")) == ["x"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h", 3600), (" 2W ", 14 * DAY), ("90 m", 5400), ("5s", 60), ("999999999w", 3650 * DAY), ("0d", 60)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "never", "1", "1h30m", "-1d", "1.5d", "1y", "٣d", "1d\n2d"])
def test_what_is_no_time(text: str) -> None:
    assert parse_time(text) is None


def test_a_storage_whose_files_stay_is_refused() -> None:
    settings_ = dataclasses.replace(SETTINGS, storage="attic", expire=RULES)
    with pytest.raises(ConfigError, match=r"registry\.expire: storage attic has no files that vanish"):
        Registry(V1Storage("/", None), settings_)


def test_no_rule_reads_no_config() -> None:
    reads = itertools.count()

    class Counting(memory.Storage):
        def open(self, *args: Any, **more: Any) -> Any:
            next(reads)
            return super().open(*args, **more)

    client = Client(Registry(Counting("/"), dataclasses.replace(SETTINGS, expire=RULES)))
    for name in ("ci/app", "prod/app"):
        push_blob(client, name, LABELLED)
        assert push(client, name, "nightly", BODIES["labelled"]).status_code == 201
    assert next(reads) == 0
