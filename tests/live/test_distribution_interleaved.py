"""Distribution 2.8 and ours take turns on one container, at random, and agree after every step."""

from __future__ import annotations

import itertools
import json
import random
import re
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from docker_registry.embedded import EmbeddedSwift
from tests.live.adoption import MIB, driver_of, in_process, settings_of
from tests.live.distribution2 import Distribution2, storage
from tests.live.wire import MANIFEST, Client, digest_of, index
from tests.maintenance.planting import codes, fsck
from tests.peers import need

LAYERS = [random.Random(seed).randbytes(size) for seed, size in enumerate((10, 1000, MIB + 1, 2 * MIB + 5))]
NAMES = ("app", "app/sub", "other")
TAGS = ("v1", "v2", "latest")
CONFIG = b'{"config": 1}'
_ELIGIBLE = re.compile(r"eligible for deletion: (sha256:[0-9a-f]{64})")
_runs = itertools.count(1)

WHO = st.sampled_from(("theirs", "ours"))
NAME = st.sampled_from(NAMES)
TAG = st.sampled_from(TAGS)


class Pair(NamedTuple):
    theirs: Client
    ours: Client


class Model:
    """What both must show: blobs, manifests and tags by repository."""

    def __init__(self) -> None:
        self.blobs: dict[str, set[str]] = {}
        self.manifests: dict[str, dict[str, bytes]] = {}
        self.tags: dict[str, dict[str, str]] = {}

    def push(self, name: str, tag: str | None, body: bytes) -> None:
        self.manifests.setdefault(name, {})[digest_of(body)] = body
        if tag:
            self.tags.setdefault(name, {})[tag] = digest_of(body)

    def delete(self, name: str, digest: str) -> None:
        del self.manifests[name][digest]
        self.tags[name] = {tag: at for tag, at in self.tags.get(name, {}).items() if at != digest}

    def needed(self) -> set[str]:
        """Every digest that a garbage collection must keep."""
        kept = set()
        for manifests in self.manifests.values():
            for digest, body in manifests.items():
                kept |= {digest, *_named(body)}
        return kept

    def is_whole(self, name: str, body: bytes) -> bool:
        here = self.blobs.get(name, set()) | set(self.manifests.get(name, {}))
        return all(
            digest in here and (digest not in self.manifests[name] or self.is_whole(name, self.manifests[name][digest]))
            for digest in _named(body)
        )


def _named(body: bytes) -> list[str]:
    content = json.loads(body)
    descriptors = [*content.get("layers", []), *content.get("manifests", []), content.get("config")]
    return [descriptor["digest"] for descriptor in descriptors if descriptor]


class Turns(RuleBasedStateMachine):
    pair: Pair
    needed: set[str]  # over all runs

    def __init__(self) -> None:
        super().__init__()
        self.run = f"run{next(_runs)}"
        self.model = Model()

    def client(self, who: str) -> Client:
        return getattr(self.pair, who)  # type: ignore[no-any-return]

    def name(self, name: str) -> str:
        return f"{self.run}/{name}"

    @rule(who=WHO, name=NAME, tag=TAG, layers=st.sets(st.sampled_from(range(len(LAYERS))), min_size=1))
    def push(self, who: str, name: str, tag: str, layers: set[int]) -> None:
        chosen = [LAYERS[number] for number in sorted(layers)]
        body = self.client(who).push_image(self.name(name), tag, chosen, CONFIG)
        self.model.blobs.setdefault(name, set()).update(map(digest_of, [*chosen, CONFIG]))
        self.model.push(name, tag, body)

    @rule(who=WHO, source=NAME, into=NAME, layer=st.sampled_from(LAYERS))
    def mount(self, who: str, source: str, into: str, layer: bytes) -> None:
        digest = digest_of(layer)
        query = f"mount={digest}&from={self.name(source)}"
        status = self.client(who).ask("POST", f"/v2/{self.name(into)}/blobs/uploads/?{query}").status_code
        there = digest in self.model.blobs.get(source, set())
        assert status == (201 if there else 202)
        if there:
            self.model.blobs.setdefault(into, set()).add(digest)

    def images(self, name: str) -> list[bytes]:
        """Those manifests that a registry takes again: all that they name is there."""
        return [body for body in self.model.manifests.get(name, {}).values() if self.model.is_whole(name, body)]

    @rule(who=WHO, name=NAME, tag=TAG, data=st.data())
    def retag(self, who: str, name: str, tag: str, data: st.DataObject) -> None:
        if images := self.images(name):
            body = data.draw(st.sampled_from(images))
            self.client(who).push_manifest(self.name(name), tag, body)
            self.model.push(name, tag, body)

    @rule(who=WHO, name=NAME, tag=TAG)
    def push_index(self, who: str, name: str, tag: str) -> None:
        images = [body for body in self.images(name) if json.loads(body)["mediaType"] == MANIFEST]
        if images:
            body = index(images)
            self.client(who).push_manifest(self.name(name), tag, body)
            self.model.push(name, tag, body)

    @rule(who=WHO, name=NAME, data=st.data())
    def delete_manifest(self, who: str, name: str, data: st.DataObject) -> None:
        if manifests := self.model.manifests.get(name):
            digest = data.draw(st.sampled_from(sorted(manifests)))
            self.client(who).delete_manifest(self.name(name), digest)
            self.model.delete(name, digest)

    @rule(who=WHO, name=NAME, data=st.data())
    def delete_blob(self, who: str, name: str, data: st.DataObject) -> None:
        if blobs := self.model.blobs.get(name):
            digest = data.draw(st.sampled_from(sorted(blobs)))
            self.client(who).delete_blob(self.name(name), digest)
            blobs.remove(digest)

    @precondition(lambda self: self.model.blobs)
    @rule(who=WHO, name=NAME)
    def leave_an_upload(self, who: str, name: str) -> None:
        client = self.client(who)
        client.patch(client.start_upload(self.name(name)), LAYERS[1])

    @invariant()
    def they_agree(self) -> None:
        for client in self.pair:
            for name in NAMES:
                full = self.name(name)
                manifests = self.model.manifests.get(name, {})
                tags = self.model.tags.get(name, {})
                assert client.tags(full) == sorted(tags), (client.url, name)
                for tag, digest in tags.items():
                    assert client.manifest(full, tag) == manifests[digest], (client.url, name, tag)
                for digest, body in manifests.items():
                    assert client.manifest(full, digest) == body
                for layer in (*LAYERS, CONFIG):
                    there = digest_of(layer) in self.model.blobs.get(name, set())
                    answer = client.ask("HEAD", f"/v2/{full}/blobs/{digest_of(layer)}")
                    assert (answer.status_code, there) in ((200, True), (404, False)), (client.url, name)
                    assert not there or int(answer.headers["Content-Length"]) == len(layer)

    def teardown(self) -> None:
        for name, manifests in self.model.manifests.items():
            for digest, body in manifests.items():
                if self.model.is_whole(name, body):
                    for client in self.pair:
                        client.pull(self.name(name), digest)
        self.needed |= self.model.needed()


def test_they_agree_after_every_step_and_distribution_can_go_on_alone(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    need("docker-registry")
    distribution = Distribution2(tmp_path, storage(swift, container, chunksize=MIB))
    with (
        distribution,
        Client(distribution.url) as theirs,
        in_process(settings_of(distribution, link_ttl=0)) as ours,
    ):
        machine = type("Turns", (Turns,), {"pair": Pair(theirs, ours), "needed": set()})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=6,
                stateful_step_count=12,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert machine.needed
        eligible = set(_ELIGIBLE.findall(distribution.garbage_collect("--dry-run")))
        assert eligible & machine.needed == set()
        distribution.garbage_collect()
        damage = [code for code in codes(fsck(driver_of(distribution))) if code.startswith("missing")]
        assert not damage
