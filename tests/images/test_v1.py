"""Images of the v1 protocol, planted as docker-registry stores them: shown, and made into OCI images."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import BytesRange
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.views.v1 import old_names
from docker_registry.drivers.memory import Storage
from docker_registry.images.inside import Inside
from docker_registry.images.places import Repository
from docker_registry.images.v1 import OldRepository
from docker_registry.settings import Settings
from tests.images.test_copying import content, digest_of

Layer = tuple[bytes, bool]  # a tar file, and whether it is packed


class Counting(Storage):
    """Notes of which layers the bytes were read."""

    def __init__(self, path: str | None = None, config: Any = None):
        super().__init__(path, config)
        self.read: list[str] = []

    def stream_read(self, path: str, bytes_range: BytesRange | None = None) -> Iterator[bytes]:
        if path.endswith("/layer") and bytes_range is None:
            self.read.append(path.split("/")[1])
        return super().stream_read(path, bytes_range)


def nothing(_: int) -> contextlib.AbstractContextManager[Callable[[], None]]:
    return contextlib.nullcontext(lambda: None)


@pytest.fixture
def driver() -> Counting:
    return Counting("/registry")


@pytest.fixture
def registry(driver: Counting) -> Inside:
    return Inside(Settings(storage="memory"), [driver])


def plant(driver: Base, name: str, tag: str, layers: list[Layer], **fields: Any) -> list[str]:
    """The ids, the base first; the same layers on the same layers have the same ids."""
    ids: list[str] = []
    for tar, packed in layers:
        image = digest_of(tar + "".join(ids).encode() + bytes([packed])).hex
        parent = {"parent": ids[-1]} if ids else {}
        ids.append(image)
        document = {"id": image, "created": "2014-10-01T00:00:00.5Z", **parent, **fields}
        driver.put_json(driver.image_json_path(image), document)
        driver.put_json(driver.image_ancestry_path(image), ids[::-1])
        driver.put_content(driver.image_layer_path(image), gzip.compress(tar) if packed else tar)
    driver.put_content(driver.tag_path(*name.split("/"), tag), ids[-1].encode())
    return ids


def layers_of(target: Repository, tag: str) -> list[bytes]:
    whole = {str(digest): body for digest, body in content(target, tag).items()}
    document = json.loads(target.manifest(tag).manifest.body)
    layers = [gzip.decompress(whole[layer["digest"]]) for layer in document["layers"]]
    config = json.loads(whole[document["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [str(digest_of(layer)) for layer in layers]
    assert len(config["history"]) == len(layers)
    return layers


LAYERS = st.lists(
    st.tuples(st.binary(max_size=40).map(lambda tar: b"tar" + tar), st.booleans()), min_size=1, max_size=5
)


@settings(max_examples=40, deadline=None)
@given(st.lists(LAYERS, min_size=1, max_size=3))
def test_an_image_of_v1_becomes_one_with_the_same_layers(images: list[list[Layer]]) -> None:
    driver = fetch("memory")("/registry", None)
    registry = Inside(Settings(storage="memory"), [driver])
    for number, layers in enumerate(images):
        plant(driver, "team/app", str(number), layers)
    old = OldRepository(registry, "team/app")
    target = Repository(registry, "new/app")
    for tag in old.tags():
        old.make(target, tag, [tag], nothing)
    assert target.tags() == [str(number) for number in range(len(images))]
    for number, layers in enumerate(images):
        assert layers_of(target, str(number)) == [tar for tar, _ in layers]


def test_each_layer_is_read_once(registry: Inside, driver: Counting) -> None:
    base: list[Layer] = [(b"tar base", True), (b"tar more", False)]
    ids = plant(driver, "team/app", "1", base)
    top = plant(driver, "team/other", "1", [*base, (b"tar top", True)])[-1]
    OldRepository(registry, "team/app").make(Repository(registry, "new/app"), "1", ["1"], nothing)
    assert sorted(driver.read) == sorted(ids)
    driver.read.clear()
    OldRepository(registry, "team/app").make(Repository(registry, "new/app"), "1", ["1"], nothing)
    OldRepository(registry, "team/other").make(Repository(registry, "new/other"), "1", ["1"], nothing)
    assert driver.read == [top]
    assert layers_of(Repository(registry, "new/other"), "1") == [b"tar base", b"tar more", b"tar top"]


def test_a_note_about_another_layer_does_not_count(registry: Inside, driver: Counting) -> None:
    (image,) = plant(driver, "team/app", "1", [(b"tar one", False)])
    old = OldRepository(registry, "team/app")
    old.make(Repository(registry, "new/app"), "1", ["1"], nothing)
    driver.put_content(driver.image_layer_path(image), b"tar other")
    old.make(Repository(registry, "new/app"), "1", ["2"], nothing)
    assert layers_of(Repository(registry, "new/app"), "2") == [b"tar other"]


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b'{"digest": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_note_does_not_count(registry: Inside, driver: Counting, note: bytes) -> None:
    (image,) = plant(driver, "team/app", "1", [(b"tar one", False)])
    driver.put_content(f"images/{image}/_oci", note)
    OldRepository(registry, "team/app").make(Repository(registry, "new/app"), "1", ["1"], nothing)
    assert layers_of(Repository(registry, "new/app"), "1") == [b"tar one"]


def test_a_note_whose_blob_is_gone_does_not_count(registry: Inside, driver: Counting) -> None:
    plant(driver, "team/app", "1", [(b"tar one", False)])
    old = OldRepository(registry, "team/app")
    old.make(Repository(registry, "new/app"), "1", ["1"], nothing)
    driver.remove("files")
    fresh = Inside(Settings(storage="memory"), [driver])
    OldRepository(fresh, "team/app").make(Repository(fresh, "new/app"), "1", ["1"], nothing)
    assert layers_of(Repository(fresh, "new/app"), "1") == [b"tar one"]


def test_what_its_json_says_is_in_the_config(registry: Inside, driver: Counting) -> None:
    fields = {
        "architecture": "arm",
        "os": "linux",
        "author": "Ada",
        "comment": "x",
        "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
        "container_config": {"Cmd": ["/bin/sh", "-c", "make"]},
    }
    plant(driver, "team/app", "1", [(b"tar", True)], **fields)
    target = Repository(registry, "new/app")
    OldRepository(registry, "team/app").make(target, "1", ["1"], nothing)
    document = json.loads(target.manifest("1").manifest.body)
    config = json.loads(content(target, "1")[Digest.parse(document["config"]["digest"])])
    assert config["config"] == fields["config"]
    assert (config["architecture"], config["os"], config["author"]) == ("arm", "linux", "Ada")
    assert config["created"] == "2014-10-01T00:00:00.5Z"
    step = {"created": "2014-10-01T00:00:00.5Z", "created_by": "/bin/sh -c make", "author": "Ada", "comment": "x"}
    assert config["history"] == [step]


@pytest.mark.parametrize("fields", [{"created": "yesterday"}, {"created": 1, "config": [], "author": {}, "os": None}])
def test_what_no_client_could_read_is_left_out(registry: Inside, driver: Counting, fields: dict[str, Any]) -> None:
    plant(driver, "team/app", "1", [(b"tar", True)], **fields)
    target = Repository(registry, "new/app")
    OldRepository(registry, "team/app").make(target, "1", ["1"], nothing)
    document = json.loads(target.manifest("1").manifest.body)
    config = json.loads(content(target, "1")[Digest.parse(document["config"]["digest"])])
    assert set(config) <= {"architecture", "os", "created", "rootfs", "history"}
    assert "yesterday" not in json.dumps(config)


def test_names_and_tags_are_listed(registry: Inside, driver: Counting) -> None:
    for name, tag in (("team/app", "1"), ("team/app", "v1_0"), ("library/base", "latest")):
        plant(driver, name, tag, [(b"tar", True)])
    driver.put_json(driver.repository_tag_json_path("team", "app", "1"), {})
    driver.put_json(driver.index_images_path("team", "app"), [])
    assert old_names(driver) == ["library/base", "team/app"]
    assert OldRepository(registry, "team/app").tags() == ["1", "v1_0"]
    assert OldRepository(registry, "base").tags() == ["latest"]


def break_json(driver: Base, image: str) -> None:
    driver.put_content(driver.image_json_path(image), b"{")


def break_ancestry(driver: Base, image: str) -> None:
    driver.put_json(driver.image_ancestry_path(image), ["../../x"])


def break_tag(driver: Base, image: str) -> None:
    driver.put_content(driver.tag_path("team", "app", "1"), b"../x")


def lose_layer(driver: Base, image: str) -> None:
    driver.remove(driver.image_layer_path(image))


def leave_half(driver: Base, image: str) -> None:
    driver.put_content(driver.image_mark_path(image), b"true")


def cut_layer(driver: Base, image: str) -> None:
    driver.put_content(driver.image_layer_path(image), gzip.compress(b"tar" * 99)[:-3])


@pytest.mark.parametrize("damage", [break_json, break_ancestry, break_tag, lose_layer, leave_half, cut_layer])
def test_damage_is_told_in_a_line(registry: Inside, driver: Counting, damage: Callable[[Base, str], None]) -> None:
    (image,) = plant(driver, "team/app", "1", [(b"tar", True)])
    damage(driver, image)
    target = Repository(registry, "new/app")
    with pytest.raises(UsageError) as caught:
        OldRepository(registry, "team/app").make(target, "1", ["1"], nothing)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="there is no repository"):
        target.tags()
