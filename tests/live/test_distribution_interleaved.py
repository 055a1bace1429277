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
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

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

    def whole(self) -> list[tuple[str, bytes]]:
        """Those manifests, by repository, that a registry takes again: all that they name is there."""
        return [
            (name, found[digest])
            for name, found in self.manifests.items()
            for digest in sorted(found)
            if self.is_whole(name, found[digest])
        ]

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

    @initialize(order=st.permutations(("theirs", "ours")))
    def begin(self, order: list[str]) -> None:
        for who, name in zip(order, NAMES, strict=False):
            self.push(who, name, TAGS[0], {0, 2})

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

    @precondition(lambda self: self.model.whole())
    @rule(who=WHO, tag=TAG, data=st.data())
    def retag(self, who: str, tag: str, data: st.DataObject) -> None:
        name, body = data.draw(st.sampled_from(self.model.whole()))
        self.client(who).push_manifest(self.name(name), tag, body)
        self.model.push(name, tag, body)

    @precondition(lambda self: self.model.whole())
    @rule(who=WHO, tag=TAG, data=st.data())
    def push_index(self, who: str, tag: str, data: st.DataObject) -> None:
        name, _ = data.draw(st.sampled_from(self.model.whole()))
        images = [body for at, body in self.model.whole() if at == name and json.loads(body)["mediaType"] == MANIFEST]
        if images:
            body = index(images)
            self.client(who).push_manifest(self.name(name), tag, body)
            self.model.push(name, tag, body)

    @precondition(lambda self: any(self.model.manifests.values()))
    @rule(who=WHO, data=st.data())
    def delete_manifest(self, who: str, data: st.DataObject) -> None:
        pairs = [(name, digest) for name, found in self.model.manifests.items() for digest in sorted(found)]
        name, digest = data.draw(st.sampled_from(pairs))
        self.client(who).delete_manifest(self.name(name), digest)
        self.model.delete(name, digest)

    @precondition(lambda self: any(self.model.blobs.values()))
    @rule(who=WHO, data=st.data())
    def delete_blob(self, who: str, data: st.DataObject) -> None:
        pairs = [(name, digest) for name, found in self.model.blobs.items() for digest in sorted(found)]
        name, digest = data.draw(st.sampled_from(pairs))
        self.client(who).delete_blob(self.name(name), digest)
        self.model.blobs[name].remove(digest)

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
        for name, body in self.model.whole():
            for client in self.pair:
                client.pull(self.name(name), digest_of(body))
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
                max_examples=3,
                stateful_step_count=14,
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
