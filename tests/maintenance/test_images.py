"""fsck's list of the images that do not pull, against a client that pulls them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnreachableError
from docker_registry.core.types import Part
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_INDEX
from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.settings import Settings
from tests.maintenance.planting import ANY_AGE, UPLOAD, Plant, codes, descriptor, fsck, image, images

LAYERS = [b"one", b"two"]


@pytest.fixture
def plant() -> Plant:
    return Plant(Storage("/registry"))


def index(**platforms: Digest) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": image([])["mediaType"],
                "digest": str(digest),
                "size": SIZES[digest],
                "platform": {"os": "linux", "architecture": name},
            }
            for name, digest in platforms.items()
        ],
    }


SIZES: dict[Digest, int] = {}  # of the manifests that were planted


def planted(driver: Base) -> None:
    """Two repositories that share layers: images with and without tags, an index, and an index of that."""
    plant = Plant(driver)
    for name in ("app", "deep/er"):
        for tag, layers in (("v1", LAYERS), ("v2", [b"two", b"three"]), ("", [b"four"])):
            digest = plant.image(name, tag, layers)
            SIZES[digest] = driver.stat(layout.blob_data(digest)).size
    amd, arm = (plant.manifest("app", image([b"one"], annotations={"a": name})) for name in ("amd64", "arm64"))
    for digest in (amd, arm):
        SIZES[digest] = driver.stat(layout.blob_data(digest)).size
    multi = plant.manifest("app", index(amd64=amd, arm64=arm), "multi")
    SIZES[multi] = driver.stat(layout.blob_data(multi)).size
    plant.manifest("app", index(all=multi), "nested")


class Puller:
    """Pulls as clients do: a tag by HEAD, then everything by its digest, sizes and digests compared."""

    def __init__(self, driver: Base):
        self._client = Client(Registry(driver, Settings(secret=b"only for tests", link_ttl=0)))

    def pulls_tag(self, name: str, tag: str) -> bool:
        answer = self._client.head(f"/v2/{name}/manifests/{tag}")
        return answer.status_code == 200 and self.pulls(name, answer.headers["Docker-Content-Digest"])

    def pulls(self, name: str, digest: str, size: int | None = None) -> bool:
        content = self._get(name, "manifests", digest, size)
        if content is None:
            return False
        document = json.loads(content)
        blobs = [*filter(None, [document.get("config")]), *document.get("layers", [])]
        return all(self._get(name, "blobs", blob["digest"], blob["size"]) is not None for blob in blobs) and all(
            self.pulls(name, child["digest"], child["size"]) for child in document.get("manifests", [])
        )

    def _get(self, name: str, kind: str, digest: str, size: int | None) -> bytes | None:
        answer = self._client.get(f"/v2/{name}/{kind}/{digest}")
        right = answer.status_code == 200 and str(Digest.of(answer.data)) == digest
        return answer.data if right and size in (None, len(answer.data)) else None


# How a file may be spoiled, and what is left of it.
SPOILED = {"gone": None, "empty": b"", "cut": b"{", "other": b"sha256:" + b"0" * 64}
SOUND = Storage("/registry")
planted(SOUND)
# The links that say what a tag once meant are nobody's who pulls.
FILES = sorted(entry.path for entry in SOUND.walk() if "/index/" not in entry.path)
IMAGES = {
    **{f"{name}:{tag}": (name, tag) for name in ("app", "deep/er") for tag in ("v1", "v2")},
    **{f"app:{tag}": ("app", tag) for tag in ("multi", "nested")},
}
UNTAGGED = {
    f"{name}@{digest}": (name, str(digest))
    for name in ("app", "deep/er")
    for digest in [Digest.of(json.dumps(image([b"four"])).encode())]
}


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(FILES), st.sampled_from(sorted(SPOILED)), max_size=3))
def test_the_list_is_what_a_client_cannot_pull(spoiled: dict[str, str]) -> None:
    driver = Storage("/registry")
    driver._files = dict(SOUND._files)
    for path, how in spoiled.items():
        left = SPOILED[how]
        if left is None:
            driver.remove(path)
        else:
            driver.put_content(path, left)
    puller = Puller(driver)
    wanted = {name for name, (repository, tag) in IMAGES.items() if not puller.pulls_tag(repository, tag)}
    # What was deleted whole, link and all, is no image any more.
    gone = {path for path, how in spoiled.items() if how == "gone"}
    wanted -= {name for name, image in IMAGES.items() if layout.tag_current(*image) in gone}
    for name, (repository, digest) in UNTAGGED.items():
        parsed = Digest.parse(digest)
        deleted = gone & {layout.revision_link(repository, parsed), layout.blob_data(parsed)}
        if not deleted and not puller.pulls(repository, digest):
            wanted.add(name)
    found = images(driver, deep=True)
    # An image of an index that is damaged itself may be told apart from it.
    assert {name for name in found if name in IMAGES or name in UNTAGGED} == wanted
    assert bool(found) <= any(finding.kind.severity.value == "damage" for finding in fsck(driver, deep=True))


def test_a_layer_without_its_link_is_damage(plant: Plant) -> None:
    digest = plant.image("app", "v1", LAYERS)
    plant.manifest("app", image([b"two"]), "fine")
    plant.image("other", "v1", LAYERS)
    plant.driver.remove(layout.layer_link("app", Digest.of(b"one")))
    [finding] = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert (finding.kind, finding.repository, finding.settled) == (Kind.UNLINKED_REFERENCE, "app", False)
    assert images(plant.driver) == {
        "app:v1": (f"{Digest.of(b'one')} does not belong to the repository", "push the image again")
    }
    plant.driver.remove(layout.tag_current("app", "v1"))
    assert list(images(plant.driver)) == [f"app@{digest}"]


def test_a_layer_that_only_a_manifest_s_link_names_does_not_pull(plant: Plant) -> None:
    plant.image("app", "v1", LAYERS)
    plant.driver.remove(layout.layer_link("app", Digest.of(b"one")))
    plant.link(layout.revision_link("app", Digest.of(b"one")), Digest.of(b"one"))
    assert "app:v1" in images(plant.driver)


def test_a_tag_whose_manifest_left_the_repository(plant: Plant) -> None:
    digest = plant.image("app", "v1", LAYERS)
    plant.driver.remove(layout.revision_link("app", digest))
    assert codes(fsck(plant.driver)) == ["unlinked-tag"]
    assert images(plant.driver) == {"app:v1": (f"{digest} does not belong to the repository", Kind.UNLINKED_TAG.advice)}
    plant.link(layout.layer_link("app", digest), digest)  # where Distribution 2.1 put it
    assert fsck(plant.driver) == []


def test_an_index_names_the_platforms_that_are_missing(plant: Plant) -> None:
    planted(plant.driver)
    amd, arm = (Digest.of(json.dumps(image([b"one"], annotations={"a": name})).encode()) for name in ("amd64", "arm64"))
    plant.driver.remove(layout.blob_data(arm))
    plant.driver.remove(layout.revision_link("app", amd))
    found = images(plant.driver)
    assert found["app:multi"][0].split("; ") == [
        f"{amd} does not belong to the repository (linux/amd64)",
        f"{arm} is not there (linux/arm64)",
    ]
    assert set(found) == {"app:multi", "app:nested"}


def test_a_blob_of_another_size_breaks_those_images_that_say_so(plant: Plant) -> None:
    plant.image("app", "right", [b"one"])
    wrong = {**image([]), "layers": [{**descriptor(b"one"), "size": 4}]}
    plant.manifest("app", wrong, "wrong")
    assert list(images(plant.driver)) == ["app:wrong"]


def test_what_a_repair_mended_pulls_and_what_it_hid_does_not(plant: Plant) -> None:
    plant.image("app", "link", [b"one"])
    plant.image("app", "blob", [b"two"])
    plant.driver.put_content(layout.layer_link("app", Digest.of(b"one")), b"?")
    plant.driver.put_content(layout.blob_data(Digest.of(b"two")), b"")
    assert set(images(plant.driver)) == {"app:blob", "app:link"}
    found = images(plant.driver, repair=True, grace=ANY_AGE)
    assert found == {"app:blob": (f"{Digest.of(b'two')} has no bytes", "push the image again")}


def test_of_many_causes_some_are_told(plant: Plant) -> None:
    layers = [bytes([number]) for number in range(10)]
    plant.image("app", "v1", layers)
    for layer in layers:
        plant.driver.remove(layout.blob_data(Digest.of(layer)))
    [(why, _)] = images(plant.driver).values()
    assert why.count("is not there") == 3
    assert why.endswith("and 7 more")


def test_what_cannot_be_read_and_is_of_no_image_breaks_none(plant: Plant) -> None:
    plant.image("app", "v1", LAYERS)
    plant.image("app", "v2", [b"two"])
    bad = {f"{layout.repository('app')}/_uploads/{UPLOAD}/data", layout.tag_current("app", "v2")}

    class Failing(Storage):
        def parts(self, path: str) -> list[Part] | None:
            if path in bad:
                raise UnreachableError("GET: 503")
            return super().parts(path)

        def get_content(self, path: str) -> bytes:
            if path in bad:
                raise UnreachableError("GET: 503")
            return super().get_content(path)

    driver = Failing("/registry")
    driver._files = plant.driver._files  # type: ignore[attr-defined]
    for path in bad:
        driver.put_content(path, b"")
    assert codes(fsck(driver)) == ["unreadable", "unreadable"]
    assert images(driver) == {"app:v2": ("its manifest cannot be read", "see what the storage says, run again")}
