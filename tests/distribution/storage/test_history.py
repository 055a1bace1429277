"""What tags meant, and bringing it back, against a plain model: the list of all that happened."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.distribution.app import Registry
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.grammar import Tag
from docker_registry.distribution.storage.history import KEPT, How, meanings
from docker_registry.distribution.storage.restoring import restore
from docker_registry.drivers import memory
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import image, index, manifest_url, push, push_blob, subject_of

BODIES = [image(annotations={"n": str(number)}) for number in range(3)]
DIGESTS = [Digest.of(body) for body in BODIES]
INDEX = index(*BODIES[:2])
TAGS = ("a", "a-b")


class World:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.driver = memory.Storage("/registry")
        self.driver.clock = lambda: self.now
        registry = Registry(self.driver, SETTINGS)
        self.store = registry.context.containers.default.store
        self.store.clock = lambda: self.now
        self.client = Client(registry)
        push_blob(self.client, "app", b"{}")

    def push(self, tag: str, body: bytes) -> None:
        assert push(self.client, "app", tag, body).status_code == 201

    def told(self) -> set[tuple[str, Digest | None, How]]:
        found = list(meanings(self.store, "app"))
        assert len(found) == len(set(found))
        return {(each.tag, each.digest, each.how) for each in found}

    def current(self) -> dict[str, Digest]:
        answers = {tag: self.client.get(manifest_url("app", tag)) for tag in TAGS}
        return {
            tag: Digest.parse(answer.headers["Docker-Content-Digest"])
            for tag, answer in answers.items()
            if answer.status_code == 200
        }


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["push", "restore"]), st.sampled_from(TAGS), st.integers(0, 2)),
        st.tuples(st.just("untag"), st.sampled_from(TAGS), st.just(0)),
        st.tuples(st.just("delete"), st.just(""), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.just(""), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_any_history_is_told_and_can_be_undone(taken: list[tuple[str, str, int]]) -> None:
    world = World()
    now: dict[str, int] = {}
    before: dict[str, set[int]] = {tag: set() for tag in TAGS}  # what a tag meant until it was moved
    deleted: dict[tuple[str, int], float] = {}
    pushed: set[int] = set()  # manifests whose bytes the storage has
    for verb, tag, number in taken:
        world.now += 1
        if verb == "wait":
            world.now += KEPT / 2
        elif verb == "delete":
            status = world.client.delete(manifest_url("app", DIGESTS[number])).status_code
            assert status in (202, 404)
            for each in [each for each, meant in now.items() if meant == number]:
                deleted[each, number] = world.now
                before[each] = set()
                del now[each]
            for meant in before.values():
                meant.discard(number)
        elif verb == "untag":
            assert world.client.delete(manifest_url("app", tag)).status_code == (202 if tag in now else 404)
            if tag in now:
                deleted[tag, now.pop(tag)] = world.now
            before[tag] = set()
        else:
            if verb == "push":
                world.push(tag, BODIES[number])
                pushed.add(number)
            elif number in pushed:
                restore(world.store, "app", Tag(tag), DIGESTS[number])
            else:
                with pytest.raises(RegistryError, match="cannot be brought back"):
                    restore(world.store, "app", Tag(tag), DIGESTS[number])
                continue
            before[tag] = (before[tag] | {now.get(tag, number)}) - {number}
            now[tag] = number
        remembered = {key for key, when in deleted.items() if when + KEPT > world.now}
        assert world.current() == {tag: DIGESTS[number] for tag, number in now.items()}
        assert world.told() == {
            *((tag, DIGESTS[number], How.CURRENT) for tag, number in now.items()),
            *((tag, DIGESTS[number], How.MOVED) for tag, numbers in before.items() for number in numbers),
            *((tag, DIGESTS[number], How.DELETED) for tag, number in remembered),
        }


def test_an_index_comes_back_with_the_images_that_were_deleted_too() -> None:
    world = World()
    for number in (0, 1):
        world.push(str(DIGESTS[number]), BODIES[number])
    world.push("multi", INDEX)
    for digest in (Digest.of(INDEX), *DIGESTS[:2]):
        assert world.client.delete(manifest_url("app", digest)).status_code == 202
    restore(world.store, "app", Tag("multi"), Digest.of(INDEX))
    for reference in ("multi", *DIGESTS[:2]):
        assert world.client.get(manifest_url("app", reference)).status_code == 200


def test_a_referrer_comes_back_into_the_list_of_its_subject() -> None:
    world = World()
    world.push("image", BODIES[0])
    signature = image(subject=subject_of(BODIES[0]))
    world.push("signature", signature)
    url = f"/v2/app/referrers/{DIGESTS[0]}"
    world.client.delete(manifest_url("app", Digest.of(signature)))
    assert world.client.get(url).json["manifests"] == []
    restore(world.store, "app", Tag("signature"), Digest.of(signature))
    assert [entry["digest"] for entry in world.client.get(url).json["manifests"]] == [str(Digest.of(signature))]


def test_what_lost_a_layer_is_not_promised_again() -> None:
    world = World()
    layer = push_blob(world.client, "app", b"layer")
    body = image(b"layer")
    world.push("a", body)
    world.client.delete(manifest_url("app", Digest.of(body)))
    world.driver.remove(layout.blob_data(layer))  # as a collector does, which leaves the link for a moment
    world.now += 60
    fresh = Registry(world.driver, SETTINGS).context.containers.default.store
    with pytest.raises(RegistryError, match="lacks the blob"):
        restore(fresh, "app", Tag("a"), Digest.of(body))
    assert world.current() == {}


def test_a_restored_manifest_that_is_damaged_is_refused() -> None:
    world = World()
    world.push("a", BODIES[0])
    world.driver.put_content(layout.blob_data(DIGESTS[0]), json.dumps({}).encode())
    fresh = Registry(world.driver, SETTINGS).context.containers.default.store
    with pytest.raises(RegistryError, match="gone, or damaged"):
        restore(fresh, "app", Tag("b"), DIGESTS[0])


def test_what_a_tag_meant_when_it_expired_is_not_told_and_comes_back_by_digest() -> None:
    world = World()
    world.push("a", BODIES[0])
    end = world.now + 60
    restore(world.store, "app", Tag("a"), DIGESTS[0], lambda _: {Tag("a"): end})
    world.push(str(DIGESTS[1]), BODIES[1])
    restore(world.store, "app", Tag("b"), DIGESTS[0])
    restore(world.store, "app", Tag("b"), DIGESTS[1], lambda _: {Tag("b"): end})
    assert {(tag, how) for tag, _, how in world.told()} == {("a", How.CURRENT), ("b", How.CURRENT), ("b", How.MOVED)}
    world.now = end + 1
    assert world.told() == {("b", DIGESTS[0], How.MOVED)}
    restore(world.store, "app", Tag("a"), DIGESTS[0])
    assert world.told() == {("a", DIGESTS[0], How.CURRENT), ("b", DIGESTS[0], How.MOVED)}
