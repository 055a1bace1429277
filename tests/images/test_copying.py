"""Copies between repositories and OCI layouts, against a plain model: digests, bytes and tags are the same after."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UnreachableError, UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.model.digest import Digest
from docker_registry.images.copying import Attached, copy
from docker_registry.images.inside import Inside
from docker_registry.images.layouts import Layout
from docker_registry.images.places import Place, Repository
from docker_registry.settings import Auth, Immutable, Settings
from tests.distribution.contents import image, index, subject_of
from tests.live.images import INDEX, MANIFEST

CONFIG = b"{}"


def digest_of(body: bytes) -> Digest:
    return Digest.of(body)


def push(registry: Inside, name: str, tag: str, *layers: bytes, config: bytes = CONFIG) -> bytes:
    """An image, as a client pushes it; its manifest."""
    body = image(*layers, config=config)
    for blob in (config, *layers):
        Repository(registry, name).put_blob(digest_of(blob), io.BytesIO(blob), len(blob))
    put(registry, name, tag, body, MANIFEST)
    return body


def put(registry: Inside, name: str, reference: object, body: bytes, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    path = f"/v2/{name}/manifests/{reference}"
    registry.call("PUT", path, 201, headers=headers, body=io.BytesIO(body), size=len(body))


def content(place: Place, tag: str) -> dict[Digest, bytes]:
    """Everything that an image consists of, read from a place."""
    found: dict[Digest, bytes] = {}

    def collect(reference: str) -> None:
        stored = place.manifest(reference)
        found[stored.digest] = stored.manifest.body
        for named in stored.manifest.references:
            if named.manifest:
                collect(str(named.digest))
            else:
                with place.blob(named.digest) as (body, size):
                    found[named.digest] = b"".join(iter(lambda: body.read(7), b""))
                    assert len(found[named.digest]) == size

    collect(tag)
    assert all(Digest.of(body) == digest for digest, body in found.items())
    return found


@pytest.fixture
def driver() -> Base:
    return fetch("memory")("/registry", None)


@pytest.fixture
def registry(driver: Base) -> Inside:
    return Inside(Settings(storage="memory"), [driver])


LAYERS = st.lists(st.binary(max_size=40), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(LAYERS, min_size=1, max_size=3), st.booleans())
def test_an_image_is_the_same_wherever_it_is_copied(images: list[list[bytes]], by_way_of_a_layout: bool) -> None:
    registry = Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)])
    bodies = [push(registry, "from/app", f"single-{number}", *layers) for number, layers in enumerate(images)]
    put(registry, "from/app", "all", index(*bodies), INDEX)
    source = Repository(registry, "from/app")
    target: Place = Repository(registry, "to/app")
    with tempfile.TemporaryDirectory() as folder:
        if by_way_of_a_layout:
            layout = Layout(Path(folder) / "image")
            for tag in source.tags():
                copy(source, layout, tag, [tag])
            assert layout.tags() == source.tags()
            # Another registry, so that nothing can be mounted.
            target = Repository(Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)]), "to/app")
            source_of_target: Place = layout
        else:
            source_of_target = source
        for tag in source.tags():
            copy(source_of_target, target, tag, [tag])
        assert target.tags() == source.tags()
        for tag in source.tags():
            assert content(target, tag) == content(source, tag)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=6))
def test_what_is_attached_comes_along_by_way_of_a_layout(attachments: list[tuple[int, bool]]) -> None:
    """Each is attached to the image, to one of its platforms, or to an earlier one; or by a tag, as cosign does it."""
    registry = Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)])
    platforms = [push(registry, "from/app", f"single-{number}", b"layer %d" % number) for number in range(2)]
    subjects = [index(*platforms), *platforms]
    put(registry, "from/app", "all", subjects[0], INDEX)
    model: dict[Digest, set[Digest]] = {}
    tags = {"all"}
    for number, (at, by_tag) in enumerate(attachments):
        subject = subjects[at % len(subjects)]
        if by_tag:
            tags.add(f"sha256-{digest_of(subject).hex}.sig")
            push(registry, "from/app", f"sha256-{digest_of(subject).hex}.sig", b"tagged %d" % number)
            continue
        body = image(b"layer 0", subject=subject_of(subject), artifactType=f"application/x{number}")
        put(registry, "from/app", digest_of(body), body, MANIFEST)
        model.setdefault(digest_of(subject), set()).add(digest_of(body))
        subjects.append(body)
    source = Repository(registry, "from/app")
    target = Repository(Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)]), "to/app")
    with tempfile.TemporaryDirectory() as folder:
        copy(source, Layout(Path(folder)), "all", ["all"], attached=Attached(source))
        copy(source, Layout(Path(folder)), "all", ["all"], attached=Attached(source))
        copy(Layout(Path(folder)), target, "all", ["all"], attached=Attached(Layout(Path(folder))))
    assert {digest_of(body): set(target.referrers(digest_of(body))) for body in subjects} == {
        digest_of(body): model.get(digest_of(body), set()) for body in subjects
    }
    assert set(target.tags()) == tags
    assert all(content(target, tag) == content(source, tag) for tag in tags)


def test_what_is_there_is_not_sent_again(registry: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(registry, "app", "1", b"a", b"b")
    push(registry, "app", "2", b"a", b"c")
    layout = Layout(tmp_path)
    copy(Repository(registry, "app"), layout, "1", ["1"])
    sent: list[Digest] = []
    put_blob = Layout.put_blob

    def note(self: Layout, digest: Digest, body: Readable, size: int) -> None:
        sent.append(digest)
        put_blob(self, digest, body, size)

    monkeypatch.setattr(Layout, "put_blob", note)
    top = copy(Repository(registry, "app"), layout, "2", ["2"])
    assert sent == [digest_of(b"c"), top]


def test_a_copy_that_ended_half_way_goes_on(registry: Inside, driver: Base, tmp_path: Path) -> None:
    push(registry, "app", "1", b"a", b"b", b"c")
    layout = Layout(tmp_path / "image")
    copy(Repository(registry, "app"), layout, "1", ["1"])
    os.unlink(layout.folder / "blobs" / "sha256" / digest_of(b"b").hex)
    target = Repository(Inside(Settings(storage="memory"), [fetch("memory")("/r", None)]), "app")
    with pytest.raises(UsageError, match=f"has no blob {digest_of(b'b')}"):
        copy(layout, target, "1", ["1"])
    assert target.tags() == []  # no tag of half an image
    copy(Repository(registry, "app"), layout, "1", ["1"])
    copy(layout, target, "1", ["1"])
    assert content(target, "1") == content(layout, "1")


@pytest.fixture
def damaged(registry: Inside, tmp_path: Path) -> Layout:
    push(registry, "app", "1", b"a", b"good")
    layout = Layout(tmp_path / "image")
    copy(Repository(registry, "app"), layout, "1", ["1"])
    (layout.folder / "blobs" / "sha256" / digest_of(b"good").hex).write_bytes(b"evil")
    return layout


def test_wrong_bytes_are_never_taken(damaged: Layout) -> None:
    target = Repository(Inside(Settings(storage="memory"), [fetch("memory")("/r", None)]), "app")
    with pytest.raises(UsageError, match=f"^{damaged.folder}: .* was sent with other bytes"):
        copy(damaged, target, "1", ["1"])
    assert target.tags() == []
    assert not target.has_blob(digest_of(b"good"))


def test_wrong_bytes_in_a_layout_are_replaced(damaged: Layout, registry: Inside) -> None:
    copy(Repository(registry, "app"), damaged, "1", ["1"])
    assert digest_of(b"good") in content(damaged, "1")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"manifests": 1}', "\x00", '{"manifests": [{"digest": "sha256:x", "annotations": []}]}']
)
def test_an_index_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        Layout(tmp_path).manifest("")
    assert "\n" not in str(caught.value)


def test_an_immutable_tag_is_not_moved(driver: Base) -> None:
    auth = Auth(immutable=(Immutable(("**",), ("v*",)),))
    registry = Inside(Settings(storage="memory", auth=auth), [driver])
    push(registry, "app", "v1", b"a")
    push(registry, "app", "latest", b"b")
    repository = Repository(registry, "app")
    with pytest.raises(UsageError, match="immutable"):
        copy(repository, repository, "latest", ["v1"])
    copy(repository, repository, "v1", ["v2"])
    assert repository.tags() == ["latest", "v1", "v2"]


def test_a_repository_that_nobody_changes_stays_as_it_is(driver: Base) -> None:
    push(Inside(Settings(storage="memory"), [driver]), "archive/app", "1", b"a")
    registry = Inside(Settings(storage="memory", auth=Auth(read_only=("archive/**",))), [driver])
    push(registry, "app", "1", b"b")
    here, archived = Repository(registry, "app"), Repository(registry, "archive/app")
    with pytest.raises(UsageError, match="archive/app is read-only"):
        copy(here, archived, "1", ["2"])
    with pytest.raises(UsageError, match="archive/app is read-only"):
        registry.call("DELETE", "/v2/archive/app/manifests/1", 202)
    with pytest.raises(UsageError, match="archive/app is read-only"):
        registry.check_writable("archive/app")
    copy(archived, here, "1", ["2"])
    assert (here.tags(), archived.tags()) == (["1", "2"], ["1"])


def test_an_outage_is_told_as_such(registry: Inside, driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    push(registry, "app", "1", b"a")

    def fail(*_args: object, **_options: object) -> bytes:
        raise UnreachableError("no route")

    monkeypatch.setattr(driver, "get_newest", fail)
    with pytest.raises(UsageError, match=r"^app:1: the storage: no route$"):
        copy(Repository(registry, "app"), Repository(registry, "b"), "1", ["1"])


def test_descriptors_are_what_the_specification_wants(registry: Inside, tmp_path: Path) -> None:
    body = push(registry, "app", "1", b"a")
    copy(Repository(registry, "app"), Layout(tmp_path), "1", ["1"])
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((tmp_path / "index.json").read_text())["manifests"]
    assert entry == {
        "mediaType": MANIFEST,
        "digest": str(digest_of(body)),
        "size": len(body),
        "annotations": {"org.opencontainers.image.ref.name": "1"},
    }
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_a_layout_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for read in (lambda layout: layout.manifest("1"), lambda layout: layout.tags()):
        with pytest.raises(UsageError, match=f"^there is no folder {tmp_path}/none$"):
            read(Layout(tmp_path / "none"))
        with pytest.raises(UsageError, match=r"empty is no OCI layout: it has no index\.json"):
            read(Layout(tmp_path / "empty"))


@pytest.mark.parametrize("folder", ["/proc/nowhere", "a file"])
def test_a_folder_that_cannot_be_written_is_told(registry: Inside, tmp_path: Path, folder: str) -> None:
    push(registry, "app", "1", b"a")
    (tmp_path / "a file").write_text("")
    with pytest.raises(UsageError, match="cannot write") as caught:
        copy(Repository(registry, "app"), Layout(tmp_path / folder), "1", ["1"])
    assert "\n" not in str(caught.value)


def test_what_matches_nothing_is_told(registry: Inside) -> None:
    with pytest.raises(UsageError, match="there are no repositories below '/'"):
        registry.matching(Pattern("**"))
    push(registry, "app", "1", b"a")
    registry.looker.forget("app")
    assert registry.matching(Pattern("**")) == ["app"]
    with pytest.raises(UsageError, match="no repository matches b, of 1"):
        registry.matching(Pattern("b"))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v2/a/b/manifests/1.0", "a/b:1.0: "),
        (f"/v2/a/b/manifests/{digest_of(b'')}", f"a/b@{digest_of(b'')}: "),
        (f"/v2/a/b/blobs/{digest_of(b'')}", f"a/b@{digest_of(b'')}: "),
        ("/v2/a/b/tags/list", "a/b: "),
        ("/v2/a/b/blobs/uploads/none", "a/b: "),
    ],
)
def test_an_error_names_the_image(registry: Inside, path: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.call("GET", path, 200)
    assert str(caught.value).startswith(shown)
