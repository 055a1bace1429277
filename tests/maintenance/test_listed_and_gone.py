"""What a listing has and nobody gets, as after a lost disk: fsck judges it like what is not listed at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docker_registry.core.types import Entry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers import memory
from docker_registry.maintenance.fsck.findings import Finding
from docker_registry.maintenance.fsck.scan import Scan
from docker_registry.maintenance.gc.garbage import Garbage
from docker_registry.maintenance.progress import Quiet
from tests.maintenance.planting import ANY_AGE, Plant, codes, fsck, images

LAYERS = [b"one", b"two"]
EVERYTHING = {"deep": True, "repair": True, "drop_damaged": True, "grace": ANY_AGE, "upload_age": ANY_AGE}


class Stale(memory.Storage):
    """Listings go on having what was lost."""

    def __init__(self) -> None:
        super().__init__("/registry")
        self.rows: dict[str, Entry] = {}

    def lose(self, *paths: str) -> None:
        self.rows.update({entry.path: entry for entry in super().walk() if entry.path in paths})
        for path in paths:
            self.remove(path)

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        there = {entry.path: entry for entry in super().walk(path)}
        rows = {name: row for name, row in self.rows.items() if name.startswith(path or "")}
        yield from (rows | there).values()


@pytest.fixture
def driver() -> Stale:
    return Stale()


@pytest.fixture
def digest(driver: Stale) -> Digest:
    """A manifest of two layers, app:v1."""
    return Plant(driver).image("app", "v1", LAYERS)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return sorted((finding.kind.code, finding.path) for finding in findings)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("what", ["manifest", "index", "image of an index"])
def test_a_manifest_is_judged_as_if_no_listing_had_it(driver: Stale, digest: Digest, what: str, deep: bool) -> None:
    index = Plant(driver).manifest("app", _index(driver, digest), "multi")
    lost = layout.blob_data(index if what == "index" else digest)
    if what == "image of an index":
        driver.remove(layout.tag_current("app", "v1"))
    driver.lose(lost)
    found, broken = fsck(driver, deep=deep), images(driver, deep=deep)
    driver.rows.clear()
    assert told(found) == told(fsck(driver, deep=deep))
    assert broken == images(driver, deep=deep)
    assert broken
    assert {"missing-manifest", "missing-reference"} & set(codes(found))


def test_a_layer_is_found_gone_where_blobs_are_read(driver: Stale, digest: Digest) -> None:
    driver.lose(layout.blob_data(Digest.of(b"one")))
    assert fsck(driver) == []  # nothing asks for it
    assert codes(fsck(driver, deep=True)) == ["dangling-link", "missing-reference"]
    assert images(driver, deep=True)["app:v1"][0] == f"{Digest.of(b'one')} is not there"


def test_a_layer_that_looked_wrong_is_found_gone_when_it_is_asked_for(driver: Stale, digest: Digest) -> None:
    path = layout.blob_data(Digest.of(b"one"))
    driver.lose(path)
    driver.rows[path] = driver.rows[path]._replace(size=2)
    assert codes(fsck(driver)) == ["dangling-link", "missing-reference"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (layout.layer_link("app", Digest.of(b"one")), "unlinked-reference"),
        (layout.revision_link("app", Digest.of(b"v1")), "unlinked-tag"),
    ],
)
def test_a_link_is_found_gone_where_blobs_are_read(driver: Stale, digest: Digest, path: str, code: str) -> None:
    driver.lose(path.replace(Digest.of(b"v1").hex, digest.hex))
    assert codes(fsck(driver, deep=True)) == [code]


def test_what_nobody_leads_to_is_nothing(driver: Stale, digest: Digest) -> None:
    """As when a client deleted an image between the listing and the question."""
    links = [entry.path for entry in driver.walk(layout.REPOSITORIES)]
    blobs = [layout.blob_data(each) for each in (digest, *map(Digest.of, (*LAYERS, b"{}")))]
    driver.lose(*links, *blobs)
    assert fsck(driver, **EVERYTHING) == []


def test_what_a_repair_removed_is_not_told_again_as_gone(driver: Stale) -> None:
    Plant(driver).image("app", "v1", LAYERS)
    driver.put_content(layout.blob_data(Digest.of(b"one")), b"other")
    assert codes(fsck(driver, **EVERYTHING)) == ["wrong-size"]


def test_gc_keeps_all_layers_of_a_repository_whose_manifest_is_gone(driver: Stale, digest: Digest) -> None:
    Plant(driver).manifest("app", _index(driver, digest), "multi")
    driver.remove(layout.tag_current("app", "v1"))
    driver.remove(layout.revision_link("app", digest))
    driver.lose(layout.blob_data(digest))
    with Garbage() as garbage:
        list(Scan(driver, garbage, 2, Quiet()).run())
        garbage.find(float("inf"), lambda path: True, lambda repository: None)
        assert garbage.opaque() == 1
        assert not list(garbage.links())
        assert not list(garbage.data())


def _index(driver: Stale, digest: Digest) -> dict[str, object]:
    data = driver.get_content(layout.blob_data(digest))
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": "m", "digest": str(digest), "size": len(data)}],
    }
