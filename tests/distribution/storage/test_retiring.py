"""Retention's removal of a tag beside every interleaving of a push, a delete, or another such removal.

The races of `test_races`, with times: each write has one, and HEAD tells it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docker_registry.core.types import Stat
from docker_registry.distribution.storage import deletion, publishing, store
from docker_registry.distribution.storage.cache import Cache
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.distribution.storage.store import Store
from docker_registry.distribution.storage.tags import ListedTag
from tests.distribution.storage import test_races as races
from tests.distribution.storage.test_races import REPOSITORY, Call, Files, State, begin, delete, ends, put, untag

BEFORE = 1000.0  # s, when everything was written that is there at first


class Written(bytes):
    """What a file holds, and when it was written: before all of this, or during it."""

    when = BEFORE

    def __eq__(self, other: object) -> bool:
        return bytes(self) == other and self.when == getattr(other, "when", BEFORE)

    def __hash__(self) -> int:
        return hash((bytes(self), self.when))


class Storage(races.Storage):
    """Times are told, and a file is removed by one request that no layer repeats."""

    def stat(self, path: str, newest: bool = False) -> Stat:
        content = self._request("look", path, lambda: self._read(self.now, path))
        return Stat(len(content), getattr(content, "when", BEFORE))

    def put_content(self, path: str, content: bytes) -> str:
        written = Written(content)
        written.when = BEFORE + 1
        return super().put_content(path, written)

    def remove_once(self, path: str) -> None:
        self.remove(path)


@pytest.fixture(autouse=True)
def with_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(races, "Storage", Storage)
    monkeypatch.setitem(races.TROUBLES, "remove", ("fails", "lost"))  # `remove_once` is never sent again

    def in_order(calls: list[object]) -> list[object]:
        return [call() for call in calls]  # type: ignore[operator]

    for module in (deletion, publishing, store):
        monkeypatch.setattr(module, "gather", in_order)


def reader(files: Files) -> Store:
    return Store(races.Storage(files, {}), Cache(1_000_000), 5.0, 1_000_000, Parsing())


class Retire(Call):
    """Removes a tag that a listing showed to mean `manifest`, pushed a while ago."""

    def run(self, storage: Store) -> bool:
        return deletion.retire_tag(storage, REPOSITORY, ListedTag(self.tag, None, BEFORE, None))

    def model(self, state: State, outcome: object) -> Iterator[State]:
        yield state
        if outcome is not False:  # None: it failed somewhere, and may have acted
            yield State(state.manifests, self._without(state.tags, tag=self.tag))


def retire(tag: str) -> Call:
    return Retire("retire", tag, "")


def old(*calls: Call) -> Files:
    return {path: bytes(content) for path, content in begin(*calls).items()}


def lost_pushes(files: Files, calls: list[Call], troubles: int = 1) -> Iterator[tuple[str, list[str]]]:
    """Pushes that were acknowledged, and whose tag is gone though nobody was asked to delete it."""
    for end in ends(files, calls, lambda call, storage: call.run(storage), troubles):
        found = dict(races.seen_by_a_client(end.files).tags)
        for call, outcome in zip(calls, end.outcomes, strict=True):
            if call.verb == "put" and call.tag and outcome and call.tag not in found:
                yield call.tag, end.trace


def is_the_gap(trace: list[str]) -> bool:
    """Whether the tag was written between the last look at it and its removal: nothing in Swift compares."""
    steps = [step.split(" ", 1) for step in trace if "tags/t/current" in step]
    retiring = next(who for who, what in steps if what.startswith("remove"))
    mine = [i for i, (who, _) in enumerate(steps) if who == retiring]
    look, removal = mine[-2:]
    return any(who != retiring and what.startswith("write") for who, what in steps[look + 1 : removal])


@pytest.mark.parametrize(("pushed", "troubles"), [("one", 0), ("two", 1)])
def test_a_push_of_the_tag_is_lost_in_the_gap_of_two_requests_only(pushed: str, troubles: int) -> None:
    lost = list(lost_pushes(old(put("one", "t")), [put(pushed, "t"), retire("t")], troubles))
    assert lost, "the gap that docs/retention.md names"
    assert all(is_the_gap(trace) for _, trace in lost)


def test_it_sees_a_removal_that_does_not_look_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "_SAME", 1e9)
    lost = lost_pushes(old(put("one", "t")), [put("one", "t"), retire("t")], troubles=0)
    assert any(not is_the_gap(trace) for _, trace in lost)


def test_it_sees_a_removal_that_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(races.TROUBLES, "remove", ("again",))
    lost = lost_pushes(old(put("one", "t")), [put("two", "t"), retire("t")])
    assert any(any(step.endswith("current/link: again") for step in trace) for _, trace in lost)


@pytest.mark.parametrize(
    ("before", "calls"),
    [
        ([put("one", "t")], [put("two", "u"), retire("t")]),
        ([put("one", "t"), put("one", "u")], [put("one"), retire("t")]),
        ([put("one", "t")], [delete("one"), retire("t")]),
        ([put("one", "t")], [untag("t"), retire("t")]),
        ([put("one", "t")], [retire("t"), retire("t")]),
        ([], [put("one", "t"), retire("t")]),
    ],
)
def test_beside_anything_else_an_order_explains_what_is_left(before: list[Call], calls: list[Call]) -> None:
    files = old(*before)
    start = races.seen_by_a_client(files)
    for end in ends(files, calls, lambda call, storage: call.run(storage), troubles=0 if calls[0].tag == "u" else 1):
        found = races.seen_by_a_client(end.files)
        assert found in races.possible(start, calls, end), end.trace
