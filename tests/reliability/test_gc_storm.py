"""Garbage collection with periods of seconds against random load: listings lag, plain reads are old, requests act late.

Simulated time, over the memory driver; docs/gc.md says what is assumed, and this keeps to no more than that.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import md5
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.core.exceptions import FileNotFoundError, UnreachableError, UnspecifiedError
from docker_registry.core.types import Entry, Stat
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.collection import Terms
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import deletion, publishing, store
from docker_registry.distribution.storage.vetoes import Vetoes
from docker_registry.drivers.memory import Storage, _File
from docker_registry.maintenance.fsck.options import FsckOptions
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.outcome import Clock
from docker_registry.maintenance.progress import Quiet
from docker_registry.maintenance.wrong_place import NoRegistryError
from tests.maintenance.gc.world import World, manifest
from tests.reliability.scale import SEED, WHOLE

TERMS = Terms(
    *(1.0, 1.0),  # copy, veto
    session=8.0,
    lag=10.0,
    late=4.0,
    grace=24.0,
    sweep=3.0,
    door=20.0,
    lease=90.0,
    window=300.0,
)
SEEDS = range(SEED, SEED + (60 if WHOLE else 2))
ACTIONS = 120  # of clients, in one storm
CONTENTS = [b"%d" % number for number in range(7)]
REPOSITORIES, TAGS = ("a", "b"), ("x", "y")
LOST = 0.03  # of the requests that may act late
_DEEPEST = 3  # requests that come between those of another
OLD = 0.3  # of the plain reads of what changed a while ago


class Sea(Storage):
    """The memory driver as a Swift with several replicas and proxies."""

    def __init__(self, storm: Storm):
        super().__init__("/")
        self._storm = storm
        self.clock = storm.now
        self._history: dict[str, list[tuple[float, float, _File | None]]] = {}  # when, when listed, what

    # What changes.

    def _put(self, path: str, file: _File) -> None:
        super()._put(path, file)
        self._note(self._name(path), file)

    def put_content(self, path: str, content: bytes) -> str:
        self._change(path, lambda: self._put(path, _File(bytes(content), self.clock())))
        return path

    def remove_once(self, path: str) -> None:
        self._change(path, lambda: self._drop(path))

    def remove(self, path: str) -> None:
        self._storm.pass_time()
        if not self._drop(path):
            raise FileNotFoundError(path)

    def remove_small(self, path: str) -> None:
        self.remove(path)  # no old replica is asked first whether it is there

    def _drop(self, path: str) -> bool:
        there = self._files.pop(self._name(path), None) is not None
        self._note(self._name(path), None)
        return there

    def _note(self, name: str, file: _File | None) -> None:
        now = self.clock()
        listed = now + self._storm.random.uniform(0, TERMS.lag)
        self._history.setdefault(name, []).append((now, listed, file))

    def _change(self, path: str, act: Callable[[], object]) -> None:
        """A request that works, or is not answered and acts later, if at all."""
        self._storm.pass_time()
        # A tag that moves late is not garbage collection's: docs/reliability.md.
        if "/tags/" not in path and self._storm.random.random() < LOST:
            if self._storm.random.random() < 0.7:
                self._storm.later(act)
            raise UnreachableError("no answer")
        act()

    # What is read.

    def _file(self, path: str) -> _File:
        self._storm.pass_time()
        return super()._file(path)

    def get_content(self, path: str) -> bytes:
        self._storm.pass_time()
        return self._perhaps_old(path).content

    def get_newest(self, path: str) -> bytes:
        return self._file(path).content

    def stat(self, path: str, newest: bool = False) -> Stat:
        file = self._file(path) if newest else self._perhaps_old(path)
        return Stat(len(file.content), file.modified)

    def get_size(self, path: str) -> int:
        return self.stat(path).size

    def _perhaps_old(self, path: str) -> _File:
        changes = self._history.get(self._name(path), [])
        found = changes[-1][2] if changes else None
        if len(changes) > 1 and changes[-1][0] > self.clock() - TERMS.lag and self._storm.random.random() < OLD:
            found = changes[-2][2]
        if found is None:
            raise FileNotFoundError(path)
        return found

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        self._storm.pass_time()
        now, folder = self.clock(), path.strip("/") + "/" if path else ""
        rows = []
        for name, changes in sorted(self._history.items()):
            seen = [file for _, listed, file in changes if listed <= now]
            if name.startswith(folder) and seen and seen[-1] is not None:
                content, modified, _ = seen[-1]
                rows.append(Entry(name, len(content), modified, md5(content, usedforsecurity=False).hexdigest()))
        return iter(rows)


class Storm(World):
    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int, veto: bool = True):
        super().__init__(monkeypatch)
        self.random = random.Random(seed)
        self.terms = TERMS
        self.calm = False
        self.depth = 0
        self.flights: list[tuple[float, Callable[[], object]]] = []
        self.driver = self.sea = Sea(self)
        self.workers = [self.registry(self.sea) for _ in range(_DEEPEST + 1)]
        self.live: dict[tuple[str, str], tuple[bytes, ...]] = {}  # what a tag means
        self.whole: set[tuple[str, tuple[bytes, ...]]] = set()  # images by digest, with a tag or without
        self.turns: Counter[tuple[str, str]] = Counter()  # how often a tag was pushed
        self.pushed: set[tuple[str, tuple[bytes, ...]]] = set()
        self.counts = dict.fromkeys(("acknowledged", "refused", "removed", "runs"), 0)
        for module in (publishing, deletion, store):
            monkeypatch.setattr(module, "gather", self.gather)
        if not veto:
            monkeypatch.setattr(Vetoes, "check", lambda self, path: False)

    def gather(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        """What goes side by side, one after another in any order, so that a seed always gives the same storm."""
        calls = list(calls)
        results: list[Any] = [None] * len(calls)
        errors = []
        for k in self.random.sample(range(len(calls)), len(calls)):
            try:
                results[k] = calls[k]()
            except (UnspecifiedError, RegistryError) as error:
                errors.append(error)
        for error in errors:
            raise error
        return results

    # Time.

    def pass_time(self, most: float = 0.1) -> None:
        """What takes time, and what comes between."""
        self.time += self.random.uniform(0, most)
        due = [act for at, act in self.flights if at <= self.time]
        self.flights = [flight for flight in self.flights if flight[0] > self.time]
        for act in due:
            act()
        if not self.calm and self.depth < _DEEPEST and self.random.random() < 0.02:
            self.something()

    def later(self, act: Callable[[], object]) -> None:
        self.flights.append((self.time + self.random.uniform(0, TERMS.late), act))

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.pass_time(min(1.0, end - self.time + 0.01))

    # What happens.

    def something(self) -> None:
        self.depth += 1
        try:
            what = self.random.choice((self.push_image, self.push_image, self.mount_image, *[self.delete_image] * 4))
            what(self.workers[self.depth])  # a worker waits for no request that it is interrupted in itself
        finally:
            self.depth -= 1

    def an_image(self) -> tuple[str, str, tuple[bytes, ...]]:
        layers = tuple(sorted(self.random.sample(CONTENTS, self.random.choice((1, 2)))))
        return self.random.choice(REPOSITORIES), self.random.choice(TAGS), layers

    def push_image(self, client: Client) -> None:
        name, tag, layers = self.an_image()
        skips = self.random.random() < 0.3  # a client that was told before that the layers are there
        status = 201 if skips else self.blobs(name, layers, client)
        self.finish_push(name, tag, layers, client, status)

    def blobs(self, name: str, layers: tuple[bytes, ...], client: Client) -> int:
        return max(self.push_blob(name, content, client) for content in (*layers, b"{}"))

    def mount_image(self, client: Client) -> None:
        name, tag, layers = self.an_image()
        source = self.random.choice(REPOSITORIES)
        status = max(self.mount(name, source, content, client) for content in (*layers, b"{}"))
        self.finish_push(name, tag, layers, client, 0 if status in (201, 202) else status)

    def finish_push(self, name: str, tag: str, layers: tuple[bytes, ...], client: Client, status: int) -> None:
        self.pushed.add((name, layers))
        if status >= 500:
            self.counts["refused"] += 1
            return
        self.live.pop((name, tag), None)  # nobody knows what the tag means until there is an answer
        self.turns[name, tag] += 1
        turn = self.turns[name, tag]
        status = self.push_manifest(name, tag, list(layers), client)
        assert status in (201, 400, 404, 500, 503), status
        if status == 201:
            self.live[name, tag] = layers
            self.whole.add((name, layers))
            self.counts["acknowledged"] += 1
        if turn != self.turns[name, tag]:
            self.live.pop((name, tag), None)  # it was pushed twice at a time, and may mean either

    def delete_image(self, client: Client) -> None:
        name, _, layers = self.an_image()
        self.forget(name, layers)
        before = dict(self.live)
        client.delete(f"/v2/{name}/manifests/{Digest.of(manifest(list(layers)))}")
        self.forget(name, layers)  # pushed meanwhile: whichever came last
        # A tag that was pushed meanwhile may have been moved just before it was removed: docs/manifests.md.
        self.live = {key: value for key, value in self.live.items() if key[0] != name or before.get(key) == value}

    def forget(self, name: str, layers: tuple[bytes, ...]) -> None:
        self.whole.discard((name, layers))
        self.live = {key: value for key, value in self.live.items() if (key[0], value) != (name, layers)}

    def collect(self) -> None:
        clock = Clock(self.now, self.sleep)
        options = FsckOptions(repair=True, grace=1e6, upload_age=1e6, workers=1)
        with Collector(self.sea, options, Quiet(), TERMS, lambda repository: None, clock, self.now) as job:
            try:
                for _ in job.run():
                    self.counts["removed"] += 1
            except (UnreachableError, NoRegistryError):
                pass
            self.counts["runs"] += 1

    def check(self) -> None:
        """Whatever was acknowledged is there, by name, for the newest."""
        calm, self.calm = self.calm, True
        there = {name for name, changes in self.sea._history.items() if changes[-1][2] is not None}
        untagged = [key for key in self.live if layout.tag_current(*key) not in there]
        assert not untagged, untagged
        for name, layers in self.whole:
            digest = Digest.of(manifest(list(layers)))
            needed = [layout.revision_link(name, digest), layout.blob_data(digest)]
            for content in (*layers, b"{}"):
                needed += [layout.layer_link(name, Digest.of(content)), layout.blob_data(Digest.of(content))]
            lost = [path for path in needed if path not in there]
            assert not lost, (name, layers, lost)
        self.calm = calm

    def run(self) -> None:
        for _ in range(ACTIONS):
            self.something()
            self.pass_time(12.0)
            if self.random.random() < 0.3:
                self.collect()
            self.check()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_acknowledged_is_lost_and_nothing_is_left_for_ever(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    storm = Storm(monkeypatch, seed)
    storm.run()
    assert storm.counts["acknowledged"] > 20
    assert storm.counts["removed"] > 5, storm.counts
    print(seed, storm.counts)
    storm.calm = True
    storm.sleep(60.0)
    # What was not answered is deleted, so that all that is left is known.
    kept = {(name, layers) for (name, _), layers in storm.live.items()}
    for name, layers in storm.pushed - kept:
        url = f"/v2/{name}/manifests/{Digest.of(manifest(list(layers)))}"
        while storm.workers[0].delete(url).status_code not in (202, 404):
            pass
        storm.forget(name, layers)
    for _ in range(60):
        storm.sleep(20.0)
        storm.collect()
    storm.check()
    needed = {layout.blob_data(Digest.of(content)) for _, layers in kept for content in (*layers, b"{}")}
    needed |= {layout.blob_data(Digest.of(manifest(list(layers)))) for _, layers in kept}
    left = {name for name in storm.sea._files if name.endswith("/data")}
    assert left == needed


def test_a_registry_that_does_not_veto_loses_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the storm is seen to blow."""
    lost = 0
    for seed in range(20):
        try:
            Storm(monkeypatch, seed, veto=False).run()
        except AssertionError:
            lost += 1
            break
    assert lost
