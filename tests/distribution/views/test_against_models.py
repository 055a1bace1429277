"""Lists, usage and differences against plain models: dictionaries and sets of what was stored."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.distribution.container import Containers
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_MANIFEST, stored_manifest
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.distribution.views import names
from docker_registry.distribution.views.differences import compare
from docker_registry.distribution.views.images import Layer, config_of, details_of
from docker_registry.distribution.views.listing import list_repository
from docker_registry.distribution.views.usage import measure
from docker_registry.settings import Settings
from tests.distribution.contents import descriptor
from tests.web.pages import Listed

PART = st.sampled_from(["a", "b", "c", "a-b", "a.c", "0", "z9"])
NAME = st.lists(PART, min_size=1, max_size=4).map("/".join)
CONTENT = st.integers(0, 12).map(lambda number: b"content %d" % number)


def registry() -> Containers:
    return Containers(Listed("/", None), (), Settings(secret=b"a secret of the tests"), Parsing())


def every_name(found: tuple[str, ...]) -> list[str]:
    """What somebody sees who opens every folder and every page."""
    seen, folders = [], [""]
    while folders:
        under, after = folders.pop(), ""
        while True:
            page = names.browse(found, under, after)
            assert len(page.entries) <= names.PAGE
            folders += [entry.name for entry in page.entries if entry.below]
            seen += [entry.name for entry in page.entries if not entry.below]
            after = page.after
            if not after:
                break
    return seen


@given(found=st.sets(NAME, max_size=200).map(lambda all_of: tuple(sorted(all_of))))
def test_each_repository_is_found_once_however_many_there_are(found: tuple[str, ...]) -> None:
    assert sorted(every_name(found)) == list(found)


@given(count=st.integers(0, 300), depth=st.integers(0, 2))
def test_large_folders_are_leafed_through(count: int, depth: int) -> None:
    found = tuple(sorted("deep/" * depth + f"app{number}" for number in range(count)))
    assert sorted(every_name(found)) == list(found)


@given(found=st.sets(NAME, max_size=150), text=st.sampled_from(["a", "a b", "/b", "z9 0", "none"]))
def test_search_finds_what_has_all_words(found: set[str], text: str) -> None:
    seen, after = [], ""
    while True:
        page = names.search(sorted(found), text, after)
        seen += [entry.name for entry in page.entries]
        after = page.after
        if not after:
            break
    assert sorted(seen) == sorted(name for name in found if all(word in name for word in text.split()))
    assert page.total == len(seen)


@settings(max_examples=60)
@given(
    tags=st.dictionaries(st.from_regex(r"[a-z][a-z0-9.-]{0,6}", fullmatch=True), CONTENT, max_size=12),
    untagged=st.sets(CONTENT, max_size=5),
    attached=st.dictionaries(CONTENT, st.sets(CONTENT, max_size=3), max_size=4),
)
def test_a_listing_tells_what_tags_mean(
    tags: dict[str, bytes], untagged: set[bytes], attached: dict[bytes, set[bytes]]
) -> None:
    store = registry().default.store
    for content in {*tags.values(), *untagged}:
        store.link_revision("app", Digest.of(content))
    for tag, content in tags.items():
        store.set_tag("app", tag, Digest.of(content))
        store.note_tag("app", tag, Digest.of(content))
    for subject, others in attached.items():
        for other in others:
            store.driver.put_content(layout.referrer("app", Digest.of(subject), Digest.of(other)), b"{}")
    store.set_tag("app/below", "other", Digest.of(b"another repository's"))
    listing = list_repository(store, "app")
    assert {tag.name: tag.digest for tag in listing.tags} == {tag: Digest.of(content) for tag, content in tags.items()}
    assert set(listing.revisions) == {Digest.of(content) for content in {*tags.values(), *untagged}}
    assert {subject: set(found) for subject, found in listing.referrers.items()} == {
        Digest.of(subject): {Digest.of(other) for other in others} for subject, others in attached.items() if others
    }
    assert listing.is_whole
    assert sum(listing.weeks) == len(tags)


@settings(max_examples=60)
@given(
    linked=st.dictionaries(NAME, st.sets(CONTENT, max_size=8), max_size=6),
    loose=st.sets(CONTENT, max_size=4),
    manifests=st.dictionaries(NAME, st.sets(CONTENT, max_size=4), max_size=3),
)
def test_usage_is_that_of_a_plain_count(
    linked: dict[str, set[bytes]], loose: set[bytes], manifests: dict[str, set[bytes]]
) -> None:
    containers = registry()
    store = containers.default.store
    owners: dict[bytes, set[str]] = defaultdict(set)
    for link, repositories in ((store.link_layer, linked), (store.link_revision, manifests)):
        for name, contents in repositories.items():
            for content in contents:
                link(name, Digest.of(content))
                owners[content].add(name)
    stored = {*owners, *loose}
    for content in stored:
        store.driver.put_content(layout.blob_data(Digest.of(content)), content)
    usage = measure(containers)
    assert usage.stored == sum(map(len, stored))
    assert usage.unused == sum(len(content) for content in stored if not owners.get(content))
    assert usage.shared == sum(len(content) for content, names_of in owners.items() if len(names_of) > 1)
    assert {used.name: (used.size, used.alone, used.blobs) for used in usage.repositories} == {
        name: (
            sum(len(content) for content, of in owners.items() if name in of),
            sum(len(content) for content, of in owners.items() if of == {name}),
            sum(1 for of in owners.values() if name in of),
        )
        for name in {name for of in owners.values() for name in of}
    }


def details(contents: list[bytes]):
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": [*map(descriptor, contents)]}
    body = json.dumps(manifest).encode()
    return details_of(Digest.of(body), stored_manifest(body))


@given(before=st.lists(CONTENT, max_size=6), after=st.lists(CONTENT, max_size=6))
def test_differences_of_layers_are_those_of_sets(before: list[bytes], after: list[bytes]) -> None:
    found = compare((details(before), None), (details(after), None))
    had, has = ({str(Digest.of(content)) for content in contents} for contents in (before, after))
    assert {layer.digest for layer in found.shared} == had & has
    assert {layer.digest for layer in found.removed} == had - has
    assert {layer.digest for layer in found.added} == has - had
    assert found.is_nothing == (had == has)
    assert compare((details(before), None), (details(before), None)).is_nothing


@given(empty=st.lists(st.booleans(), max_size=12), count=st.integers(0, 8))
def test_each_layer_is_in_one_step_in_its_order(empty: list[bool], count: int) -> None:
    layers = tuple(Layer(hashlib.sha256(b"%d" % number).hexdigest(), number, "", "") for number in range(count))
    history = [{"created_by": f"step {number}", "empty_layer": flag} for number, flag in enumerate(empty)]
    config = config_of(json.dumps({"history": history}).encode(), layers)
    assert [step.layer for step in config.steps if step.layer] == list(layers)
    assert [step.command for step in config.steps][: len(empty)] == [f"step {number}" for number in range(len(empty))]


def test_a_large_repository_is_listed_as_far_as_is_looked(monkeypatch) -> None:
    from docker_registry.distribution.views import listing

    monkeypatch.setattr(listing, "ROWS", 20)
    store = registry().default.store
    for number in range(30):
        digest = Digest.of(b"%d" % number)
        store.link_revision("app", digest)
        store.set_tag("app", f"t{number:02}", digest)
        store.note_tag("app", f"t{number:02}", digest)
    found = list_repository(store, "app")
    assert not found.is_whole
    assert len(found.tags) == sum(found.weeks) == 10
