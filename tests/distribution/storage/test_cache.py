"""The cache: its bound, its ages, one load for many, and no stale answer after a write."""

from __future__ import annotations

import gc
import json
import threading
import tracemalloc
from collections.abc import Callable, Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import Manifest, parse_manifest
from docker_registry.distribution.storage import cache as cache_module
from docker_registry.distribution.storage.cache import Cache

DEADLINE = 20.0  # s


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_fact_is_loaded_once() -> None:
    cache, loads = Cache(10_000), []
    for _ in range(3):
        assert cache.fetch("key", lambda: loads.append(1) or "value") == "value"
    assert len(loads) == 1


def test_each_reader_says_how_old_an_answer_may_be() -> None:
    clock = Clock()
    cache = Cache(10_000, clock)
    cache.put("key", "old")
    clock.now += 10
    assert cache.fetch("key", lambda: "new") == "old"
    assert cache.get("key", max_age=9) is None
    assert cache.fetch("key", lambda: "new", max_age=9) == "new"
    assert cache.get("key") == "new"


def test_the_age_counts_from_when_the_question_was_asked() -> None:
    clock = Clock()
    cache = Cache(10_000, clock)

    def slow() -> str:
        clock.now += 10
        return "value"

    cache.fetch("key", slow)
    assert cache.get("key", max_age=9) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3000))))
def test_it_never_holds_more_bytes_than_its_limit(puts: list[tuple[int, int]]) -> None:
    cache = Cache(10_000)
    for key, size in puts:
        cache.put(key, bytes(size))
        assert 0 <= cache.used <= 10_000
    for key, _ in puts:
        cache.forget(key)
    assert cache.used == 0


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = Cache(10_000)
    for key in "abc":
        cache.put(key, key * 2800)
    cache.get("a")
    cache.put("d", "d" * 2800)
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = Cache(10_000)
    cache.put("small", "value")
    assert cache.fetch("large", lambda: "v" * 20_000) == "v" * 20_000
    assert cache.get("large") is None
    assert cache.get("small") == "value"


def _manifest(layers: int, number: int) -> Manifest:
    entries = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{number * 1000 + n:064x}", "size": 9}
        for n in range(layers + 1)
    ]
    document = {"schemaVersion": 2, "config": entries[0], "layers": entries[1:], "annotations": {"n": f"{number:099}"}}
    return parse_manifest(json.dumps(document).encode())


FACTS: dict[str, Callable[[int, Digest], tuple[Hashable, object]]] = {
    "sizes": lambda number, digest: (("size", digest), 1_000_000 + number),
    "links": lambda number, digest: (("link", layout.layer_link("library/app", digest)), digest),
    "manifests without layers": lambda number, digest: (("manifest", digest), _manifest(0, number)),
    "manifests of ten layers": lambda number, digest: (("manifest", digest), _manifest(10, number)),
    "manifests of 300 layers": lambda number, digest: (("manifest", digest), _manifest(300, number)),
}


@pytest.mark.parametrize("limit", [400_000, 700_000])
@pytest.mark.parametrize("kind", FACTS)
def test_what_it_counts_is_what_it_takes(kind: str, limit: int) -> None:
    """Full to its limit, its memory is that limit, give or take how empty its dictionaries are."""
    tracemalloc.start()
    try:
        cache, number = Cache(limit), 0
        before = tracemalloc.get_traced_memory()[0]
        while not number or len(cache._entries) == number:
            key, value = FACTS[kind](number, Digest("sha256", f"{number + 10**9:064x}"))
            cache.put(key, value)
            number += 1
        del key, value
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert cache.used > 0.9 * limit or "300" in kind
    assert 0.7 * cache.used < taken < 1.1 * limit


class Watched(threading.Event):
    """An event that counts who begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.release()
        return super().wait(DEADLINE)


class WatchedFlight(cache_module._Flight):
    def __init__(self, asked: float):
        super().__init__(asked)
        self.landed = Watched()


class Loading:
    """A load that ends when it is told to, and the threads that fetch with it."""

    def __init__(self, cache: Cache):
        self.cache = cache
        self.begun, self.go = threading.Event(), threading.Event()
        self.loads: list[int] = []
        self.results: list[object] = []
        self.threads: list[threading.Thread] = []

    def load(self) -> str:
        self.loads.append(1)
        self.begun.set()
        assert self.go.wait(DEADLINE)
        return "loaded"

    def fetch(self) -> None:
        self.results.append(self.cache.fetch("key", self.load))

    def start(self, count: int) -> None:
        for _ in range(count):
            self.threads.append(threading.Thread(target=self.fetch))
            self.threads[-1].start()
        assert self.begun.wait(DEADLINE)

    def finish(self) -> list[object]:
        self.go.set()
        for thread in self.threads:
            thread.join(DEADLINE)
        return self.results


def test_misses_of_one_key_at_the_same_time_share_one_load() -> None:
    loading = Loading(Cache(10_000))
    loading.start(8)
    assert loading.finish() == ["loaded"] * 8
    assert len(loading.loads) == 1


def test_an_error_reaches_all_who_wait_and_is_forgotten() -> None:
    cache = Cache(10_000)
    with pytest.raises(LookupError):
        cache.fetch("key", lambda: {}["absent"])
    assert cache.fetch("key", lambda: "value") == "value"


@pytest.mark.parametrize("write", ["put", "forget"])
def test_a_load_that_a_write_overtook_is_not_remembered(write: str) -> None:
    cache = Cache(10_000)
    loading = Loading(cache)
    loading.start(1)
    if write == "put":
        cache.put("key", "written")
    else:
        cache.forget("key")
    loading.finish()
    assert cache.get("key") == ("written" if write == "put" else None)


def test_who_comes_after_a_write_does_not_wait_for_the_load_before_it() -> None:
    cache = Cache(10_000)
    loading = Loading(cache)
    loading.start(1)
    cache.forget("key")
    assert cache.fetch("key", lambda: "now") == "now"
    loading.finish()
    assert cache.get("key") == "now"


def test_who_waits_for_a_load_that_was_killed_loads_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_Flight", WatchedFlight)
    cache = Cache(10_000)
    loading = Loading(cache)

    def killed() -> str:
        loading.load()
        raise SystemExit

    def lead() -> None:
        with pytest.raises(SystemExit):
            cache.fetch("key", killed)

    leader = threading.Thread(target=lead)
    leader.start()
    assert loading.begun.wait(DEADLINE)
    waiter = threading.Thread(target=loading.fetch)
    waiter.start()
    assert cache._flights["key"].landed.waits.acquire(timeout=DEADLINE)
    loading.go.set()
    leader.join(DEADLINE)
    waiter.join(DEADLINE)
    assert loading.results == ["loaded"]


class Answers:
    """A load that says which call it is, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun: list[threading.Event] = [threading.Event() for _ in range(5)]
        self.go: list[threading.Event] = [threading.Event() for _ in range(5)]
        self.count = 0

    def load(self) -> int:
        number, self.count = self.count, self.count + 1
        self.begun[number].set()
        assert self.go[number].wait(DEADLINE)
        return number


def test_who_asks_shares_what_was_asked_after_it_came_and_nothing_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_PATIENCE", DEADLINE)
    monkeypatch.setattr(cache_module, "_Flight", WatchedFlight)
    cache, answers, results = Cache(10_000), Answers(), []
    threads = [threading.Thread(target=lambda: results.append(cache.ask("key", answers.load))) for _ in range(9)]
    threads[0].start()
    for number, waiting in ((0, threads[1:]), (1, threads[2:])):
        assert answers.begun[number].wait(DEADLINE)
        if number == 0:
            for thread in waiting:
                thread.start()
        for _ in waiting:
            assert cache._flights["key"].landed.waits.acquire(timeout=DEADLINE)
        answers.go[number].set()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(results) == [0] + [1] * 8
    assert cache.get("key") is None


def test_who_asks_waits_for_a_slow_answer_of_others_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_PATIENCE", 0.01)
    cache, answers = Cache(10_000), Answers()
    slow = threading.Thread(target=lambda: cache.ask("key", answers.load))
    slow.start()
    assert answers.begun[0].wait(DEADLINE)
    answers.go[1].set()
    assert cache.ask("key", answers.load) == 1
    answers.go[0].set()
    slow.join(DEADLINE)


def test_an_answer_that_nothing_is_there_reaches_all_who_ask() -> None:
    cache = Cache(10_000)
    for _ in range(2):
        with pytest.raises(LookupError):
            cache.ask("key", lambda: {}["absent"])
    assert cache.ask("key", lambda: "value") == "value"
