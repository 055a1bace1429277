"""Every interleaving of two or three writers of one repository, request by request, with lost answers.

The real code runs over a storage that stops before each request to a link and
asks which process goes on, and how: the request is answered, or fails, or acts
and its answer is lost (and the driver asks again, or gives up). A plain read
may be answered by a replica that missed the last write, and a listing too.
Each writer is a replica of its own: they share nothing but the storage.

What is left must be what some order of the acknowledged calls leaves, with or
without those that failed. See docs/manifests.md, "Two at a time".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import permutations, product
from typing import Any, NamedTuple

import pytest
from greenlet import getcurrent, greenlet

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError, UnreachableError
from docker_registry.core.types import Entry, Stat
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.grammar import Tag
from docker_registry.distribution.model.manifest import OCI_INDEX, parse_manifest
from docker_registry.distribution.storage import deletion, publishing, store
from docker_registry.distribution.storage.cache import Cache
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.distribution.storage.store import Store

REPOSITORY = "app"
Files = dict[str, bytes]


def _body(number: int, **more: Any) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"n": str(number)}, **more}
    ).encode()


SUBJECT = Digest.of(b"the subject")
ONE = _body(1)
TWO = _body(2)
SIGNATURE = _body(3, subject={"mediaType": OCI_INDEX, "digest": str(SUBJECT), "size": 11})
NAMES = {Digest.of(body): name for body, name in ((ONE, "one"), (TWO, "two"), (SIGNATURE, "signature"))}
MANIFESTS = {
    name: (digest, parse_manifest(body))
    for (digest, name), body in zip(NAMES.items(), (ONE, TWO, SIGNATURE), strict=True)
}
TAGS = ("t", "u")


class Storage(Base):
    """Files as two versions, now and before; `ask` says how the next request goes."""

    def __init__(self, now: Files, before: Files, ask: Callable[[str, str], str] | None = None):
        super().__init__()
        self.now, self.before, self.ask = now, before, ask

    def _request(self, kind: str, path: str, act: Callable[[], Any]) -> Any:
        if self.ask is None or not path.startswith(layout.manifests(REPOSITORY)):
            return act()
        while True:
            how = self.ask(kind, path)
            if how == "fails":
                raise UnreachableError("no answer")
            if how == "old":
                return self._read(self.before, path)
            if how == "lags":
                return self._rows(self.before, path)
            try:
                answer = act()
            except FileNotFoundError:
                if how == "answered":
                    raise
            if how == "answered":
                return answer
            if how == "lost":
                raise UnreachableError("no answer")
            # how == "again": the answer was lost, and the driver repeats the request

    def _read(self, files: Files, path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    def _rows(self, files: Files, path: str) -> list[Entry]:
        return [Entry(name, len(files[name]), None) for name in sorted(files) if name.startswith(path + "/")]

    def get_content(self, path: str) -> bytes:
        return self._request("read", path, lambda: self._read(self.now, path))

    def get_newest(self, path: str) -> bytes:
        return self._request("look", path, lambda: self._read(self.now, path))

    def get_size(self, path: str) -> int:
        return len(self.now[path])

    def stream_read(self, path: str, bytes_range: Any = None) -> Iterator[bytes]:
        yield self.get_content(path)

    def stat(self, path: str, newest: bool = False) -> Stat:
        return Stat(len(self._read(self.now, path)), None)

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        yield from self._request("list", str(path), lambda: self._rows(self.now, str(path)))

    def put_content(self, path: str, content: bytes) -> str:
        self._request("write", path, lambda: self._change(path, content))
        return path

    def remove(self, path: str) -> None:
        self._request("remove", path, lambda: self._change(path, None))

    def _change(self, path: str, content: bytes | None) -> None:
        there = self.now.get(path)
        self.before.pop(path, None)
        if there is not None:
            self.before[path] = there
        if content is not None:
            self.now[path] = content
        elif self.now.pop(path, None) is None:
            raise FileNotFoundError(path)


# What each request may meet beside an answer.
TROUBLES = {
    "read": ("fails", "old"),
    "look": ("fails",),
    "list": ("fails", "lags"),
    "write": ("fails", "lost", "again"),
    "remove": ("fails", "lost", "again"),
}


class State(NamedTuple):
    """What a client sees, and what the plain model keeps."""

    manifests: frozenset[str]
    tags: frozenset[tuple[str, str]]


class Call(NamedTuple):
    """One call of a client: what it does to the storage and, in `model`, to the plain state."""

    verb: str
    tag: str
    manifest: str

    def run(self, storage: Store) -> bool:
        digest, manifest = MANIFESTS[self.manifest] if self.manifest else (Digest.of(b""), None)
        if self.verb == "put":
            assert manifest
            publishing.publish(storage, REPOSITORY, digest, manifest, [Tag(self.tag)] if self.tag else [])
            return True
        if self.verb == "delete":
            return deletion.delete_manifest(storage, REPOSITORY, digest)
        return deletion.delete_tag(storage, REPOSITORY, self.tag)

    def model(self, state: State, outcome: object) -> Iterator[State]:
        """What may be true after it; nothing where the outcome was not possible."""
        manifests, tags = state
        if self.verb == "put":
            after = State(manifests | {self.manifest}, self._without(tags, tag=self.tag))
            if self.tag:
                after = State(after.manifests, after.tags | {(self.tag, self.manifest)})
            yield after
            if outcome is None:  # it failed somewhere
                yield state
                yield State(manifests | {self.manifest}, tags)
        elif self.verb == "delete":
            if outcome is not False:
                yield State(manifests - {self.manifest}, self._without(tags, manifest=self.manifest))
            if outcome is None:
                removable = [pair for pair in tags if pair[1] == self.manifest]
                for kept in product((False, True), repeat=len(removable)):
                    gone = {pair for pair, keep in zip(removable, kept, strict=True) if not keep}
                    yield State(manifests, tags - gone)
            if outcome is False and self.manifest not in manifests:
                yield state
        else:
            if outcome is not False or self.tag not in dict(tags):
                yield State(manifests, self._without(tags, tag=self.tag))
            if outcome is None:
                yield state

    @staticmethod
    def _without(tags: frozenset[tuple[str, str]], tag: str = "", manifest: str = "") -> frozenset[tuple[str, str]]:
        return frozenset(pair for pair in tags if pair[0] != tag and pair[1] != manifest)


def put(manifest: str, tag: str = "") -> Call:
    return Call("put", tag, manifest)


def delete(manifest: str) -> Call:
    return Call("delete", "", manifest)


def untag(tag: str) -> Call:
    return Call("untag", tag, "")


class End(NamedTuple):
    files: Files
    outcomes: tuple[Any, ...]  # of each call: what it returned, or None where it failed
    order: tuple[int, ...]  # in which the calls ended
    trace: list[str]


class Run:
    """One beginning, and the calls as greenlets that stop before each request."""

    def __init__(self, files: Files, calls: list[Call], run: Callable[[Call, Store], bool]):
        self.now, self.before = dict(files), dict(files)
        self.outcomes: list[Any] = [None] * len(calls)
        self.answers: list[list[Any]] = [[] for _ in calls]
        self.order: list[int] = []
        self.trace: list[str] = []
        self.waiting: dict[int, tuple[str, str]] = {}
        self._main = getcurrent()
        self._greenlets = [greenlet(lambda i=i, call=call: self._body(i, call, run)) for i, call in enumerate(calls)]
        for i in range(len(calls)):
            self._resume(i, None)

    def _body(self, i: int, call: Call, run: Callable[[Call, Store], bool]) -> None:
        storage = Storage(self.now, self.before, lambda kind, path: self._main.switch(kind, path))
        try:
            self.outcomes[i] = run(call, Store(storage, Cache(1_000_000), 5.0, 1_000_000, Parsing()))
        except (UnreachableError, RegistryError) as error:
            self.trace.append(f"{call} fails: {error}")

    def _resume(self, i: int, how: str | None) -> None:
        request = self._greenlets[i].switch(how) if how else self._greenlets[i].switch()
        if self._greenlets[i].dead:
            self.waiting.pop(i, None)
            self.order.append(i)
        else:
            self.waiting[i] = request

    def step(self, i: int, how: str) -> None:
        kind, path = self.waiting[i]
        self.trace.append(f"{i}: {kind} {path.removeprefix(layout.manifests(REPOSITORY))}: {how}")
        self.answers[i].append((path, how, self._told(kind, path, self.before if how in ("old", "lags") else self.now)))
        self._resume(i, how)

    def _told(self, kind: str, path: str, files: Files) -> object:
        """All that an answer tells."""
        if kind == "list":
            return tuple(name for name in files if name.startswith(path + "/"))
        return None if kind == "write" else path in files if kind == "remove" else files.get(path)

    def state(self, left: int) -> object:
        """All that what follows can depend on."""
        old = frozenset(self.before.items()) if left else None
        return frozenset(self.now.items()), old, tuple(map(tuple, self.answers)), tuple(self.order), left

    def close(self) -> None:
        for each in self._greenlets:
            each.throw()


def ends(files: Files, calls: list[Call], run: Callable[[Call, Store], bool], troubles: int) -> Iterator[End]:
    """Every way in which the calls can end, with up to `troubles` requests in trouble."""
    seen: set[object] = set()
    waiting: list[tuple[tuple[tuple[int, str], ...], int]] = [((), troubles)]
    while waiting:
        prefix, left = waiting.pop()
        current = Run(files, calls, run)
        for step in prefix:
            current.step(*step)
        key = current.state(left)
        if key not in seen:
            seen.add(key)
            if not current.waiting:
                yield End(current.now, tuple(current.outcomes), tuple(current.order), current.trace)
            for i, (kind, _) in current.waiting.items():
                waiting.append(((*prefix, (i, "answered")), left))
                if left:
                    waiting += [((*prefix, (i, how)), left - 1) for how in TROUBLES[kind]]
        current.close()


def seen_by_a_client(files: Files) -> State:
    reader = Store(Storage(files, {}), Cache(1_000_000), 5.0, 1_000_000, Parsing())
    manifests = {name for digest, name in NAMES.items() if reader.revision(REPOSITORY, digest)}
    tags = set()
    for tag in TAGS:
        meaning = reader.tag(REPOSITORY, tag)
        if meaning and reader.tagged_manifest(REPOSITORY, meaning):
            tags.add((tag, NAMES[meaning]))
    return State(frozenset(manifests), frozenset(tags))


def begin(*calls: Call) -> Files:
    files: Files = {}
    for call in calls:
        call.run(Store(Storage(files, {}), Cache(1_000_000), 5.0, 1_000_000, Parsing()))
    return files


def possible(start: State, calls: list[Call], end: End) -> Iterator[State]:
    """What some order of the calls leaves, as they ended."""
    for order in permutations(range(len(calls))):
        states = [start]
        for i in order:
            states = [after for state in states for after in calls[i].model(state, end.outcomes[i])]
        yield from states


def faults(
    files: Files,
    calls: list[Call],
    look: Callable[[Files], State] = seen_by_a_client,
    run: Callable[[Call, Store], bool] = Call.run,
    troubles: int = 1,
) -> Iterator[str]:
    start = look(files)
    for end in ends(files, calls, run, troubles):
        found = look(end.files)
        told = f"{found} after {end.outcomes}: " + "; ".join(end.trace)
        if found not in possible(start, calls, end):
            yield f"no order explains {told}"
        unlisted = [name for name in found.manifests if name == "signature" and not _is_listed(end.files)]
        if unlisted and None not in end.outcomes:
            yield f"a referrer is not listed: {told}"
        last = calls[end.order[-1]]
        if _meet_over_one_manifest(calls) and None not in end.outcomes and last.verb == "put":
            wanted = {(last.tag, last.manifest)} if last.tag else set()
            if last.manifest not in found.manifests or not wanted <= found.tags:
                yield f"acknowledged last, and gone: {told}"


def _meet_over_one_manifest(calls: list[Call]) -> bool:
    return sorted(call.verb for call in calls) == ["delete", "put"] and len({call.manifest for call in calls}) == 1


def _is_listed(files: Files) -> bool:
    return layout.referrer(REPOSITORY, SUBJECT, MANIFESTS["signature"][0]) in files


@pytest.fixture(autouse=True, params=[1, -1], ids=["in order", "reversed"])
def one_after_the_other(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes side by side goes in one order, and in the other."""

    def gather(calls: Any) -> list[Any]:
        calls = list(calls)
        results = [call() for call in calls[:: request.param]]
        return results[:: request.param]

    for module in (deletion, publishing, store):
        monkeypatch.setattr(module, "gather", gather)


PAIRS = [
    ([put("one", "t")], [put("one", "u"), delete("one")]),
    ([put("one", "t")], [put("one", "t"), delete("one")]),
    ([put("one", "t")], [put("one"), delete("one")]),
    ([], [put("one", "t"), delete("one")]),
    ([put("signature")], [put("signature"), delete("signature")]),
    ([put("signature", "t")], [put("signature", "u"), delete("signature")]),
    ([put("one", "t")], [put("two", "t"), put("one", "t")]),
    ([put("one", "t")], [put("two", "t"), untag("t")]),
    ([put("one", "t")], [delete("one"), untag("t")]),
    ([put("one", "t")], [delete("one"), delete("one")]),
    ([put("one", "t"), put("two", "u")], [delete("one"), delete("two")]),
]

TRIPLES = [
    ([put("one", "t")], [put("one", "u"), delete("one"), put("one")]),
    ([put("one", "t")], [put("one", "t"), delete("one"), untag("t")]),
]


@pytest.mark.parametrize(("before", "calls"), PAIRS)
def test_two_at_a_time(before: list[Call], calls: list[Call]) -> None:
    assert next(faults(begin(*before), calls), None) is None


@pytest.mark.parametrize(("before", "calls"), TRIPLES)
def test_three_at_a_time(before: list[Call], calls: list[Call]) -> None:
    assert next(faults(begin(*before), calls, troubles=0), None) is None


# The search sees what is wrong: each of these was, or could have been, the code.


def test_it_sees_a_reader_that_follows_a_tag_alone() -> None:
    def look(files: Files) -> State:
        reader = Store(Storage(files, {}), Cache(1_000_000), 5.0, 1_000_000, Parsing())
        meanings = {tag: reader.tag(REPOSITORY, tag) for tag in TAGS}
        tags = frozenset((tag, NAMES[meaning]) for tag, meaning in meanings.items() if meaning)
        return State(seen_by_a_client(files).manifests, tags)

    assert any(
        "no order explains" in fault for fault in faults(begin(put("one", "t")), [put("one", "u"), delete("one")], look)
    )


def test_it_sees_a_delete_that_takes_the_link_first() -> None:
    def run(call: Call, storage: Store) -> bool:
        if call.verb != "delete":
            return call.run(storage)
        digest = MANIFESTS[call.manifest][0]
        found = storage.remove_link(layout.revision_link(REPOSITORY, digest))
        deletion._untag(storage, REPOSITORY, digest)
        return found

    assert any(
        "no order explains" in fault
        for fault in faults(begin(put("one", "t")), [put("one", "t"), delete("one")], run=run)
    )


def test_it_sees_a_push_that_does_not_look_again() -> None:
    def run(call: Call, storage: Store) -> bool:
        if call.verb == "put":
            storage.read_link = lambda path: MANIFESTS[call.manifest][0]  # type: ignore[method-assign]
        return call.run(storage)

    calls = [put("one", "u"), delete("one")]
    assert any("acknowledged last" in fault for fault in faults(begin(put("one", "t")), calls, run=run))


def test_it_sees_a_referrer_written_beside_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(call: Call, storage: Store) -> bool:
        if call.verb == "put":
            digest, manifest = MANIFESTS[call.manifest]
            entry = json.dumps(manifest.descriptor(digest)).encode()
            storage.driver.overwrite(layout.referrer(REPOSITORY, SUBJECT, digest), entry)
            storage.link_revision(REPOSITORY, digest)
            return True
        return call.run(storage)

    calls = [put("signature"), delete("signature")]
    assert any("not listed" in fault for fault in faults(begin(put("signature")), calls, run=run))


def test_what_is_left_open_a_delete_that_overtakes_a_tag_moving_away() -> None:
    """Nothing in Swift compares and removes: docs/manifests.md says what then happens, and to do."""
    calls = [put("two", "t"), delete("one")]
    found = list(faults(begin(put("one", "t")), calls, troubles=0))
    assert found
    assert all("State(manifests=frozenset({'two'}), tags=frozenset())" in fault for fault in found)
