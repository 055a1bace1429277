"""What hurt users of Distribution 2.x on Swift, planted on a real one: what fsck says of it and does about it."""

from __future__ import annotations

import io
import json
import os
import threading
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UnreachableError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.scan import NoRegistryError, Scan
from docker_registry.maintenance.gc.garbage import Garbage
from docker_registry.maintenance.progress import Quiet
from docker_registry.settings import Settings
from tests.conformance import together
from tests.live.adoption import both, driver_of, in_process
from tests.live.faults import FaultProxy
from tests.live.raw import Raw
from tests.live.settings import driver_config
from tests.live.wire import Client, digest_of
from tests.maintenance.planting import ANY_AGE, Plant, codes, fsck

MIB = 1 << 20
BIG = bytes(range(256)) * (10 * MIB // 1024)  # 2.5 MiB
ANY = {"grace": ANY_AGE, "upload_age": ANY_AGE}


class Place(SimpleNamespace):
    driver: Base
    raw: Raw
    swift: EmbeddedSwift
    container: str
    plant: Plant

    def open(self, **options: object) -> Base:
        config = driver_config(
            self.swift, swift_container=self.container, swift_segment_size=MIB, swift_retries=2, **options
        )
        return fetch("swift")("/reg", config)

    def dynamic(self, content: bytes, folder: str = "2f6/46f6", size: int = MIB) -> str:
        """A blob as Distribution 2.8 writes it; returns the name of its object."""
        name = f"reg/{layout.blob_data(Digest.of(content))}"
        for number, start in enumerate(range(0, len(content), size), 1):
            self.raw.ask("PUT", f"reg/segments/{folder}/{number:016}", data=content[start : start + size])
        self.raw.dynamic(name, f"reg/segments/{folder}")
        self.plant.link(layout.layer_link("app", Digest.of(content)), Digest.of(content))
        return name

    def lose(self, path: str) -> None:
        """Delete an object's data on the disk; its row stays in the listing."""
        name = f"/{self.container}/reg/{path}".encode()
        files = Path(self.swift.opts.data_dir).rglob("*.data")
        [data] = [file for file in files if name in os.getxattr(file, "user.swift.metadata")]
        data.unlink()


@pytest.fixture
def place(swift: EmbeddedSwift, container: str) -> Place:
    """A container with one sound image that has a blob of three segments."""
    place = Place(swift=swift, container=container)
    place.driver = place.open()
    place.plant = Plant(place.driver)
    with in_process(_settings(place)) as client:
        client.push_image("app", "v1", [BIG, b"small"])
    place.raw = Raw(swift, container)
    return place


def _settings(place: Place) -> Settings:
    options = {"swift_container": place.container, "swift_segment_size": MIB}
    config = type(Settings().driver)(place.swift.options(**options))
    return Settings(storage_path="/reg", driver=config, link_ttl=0)


def _pushes(place: Place) -> AbstractContextManager[Client]:
    return in_process(_settings(place))


def test_a_sound_container_costs_a_listing_and_its_manifests(place: Place) -> None:
    place.dynamic(BIG[::-1])
    with place.swift.counting() as requests:
        assert fsck(place.driver) == []
    # 4 listings, a manifest, an SLO's manifest; 2 DLO asked, 1 SLO, the container's count twice
    wanted = {"GET": 4 + 1 + 1, "HEAD": 3 + 2}
    listings = [request for request in requests.requests if "format=json" in request.query]
    assert len(listings) == 4
    assert len(requests) <= sum(wanted.values())


def test_data_that_a_disk_lost_is_damage_though_it_is_listed(place: Place) -> None:
    with _pushes(place) as client:
        manifest = Digest.of(client.push_image("app", "v2", [b"another"]))
    place.lose(layout.blob_data(manifest))
    with _pushes(place) as client:  # one that has not kept the manifest in memory
        assert client.ask("GET", "/v2/app/manifests/v2").status_code == 404
        # Links to the manifest: the tag, its history, the revision.
        assert codes(fsck(place.driver)) == ["dangling-link", "dangling-link", "missing-manifest"]
        client.push_image("app", "v2", [b"another"])
    assert fsck(place.driver) == []
    place.lose(layout.blob_data(Digest.of(b"small")))
    assert fsck(place.driver) == []  # a plain layer is asked for by --deep alone
    assert codes(fsck(place.driver, deep=True)) == ["dangling-link", "missing-reference"]


def test_a_large_object_that_a_disk_lost_is_damage_though_it_is_listed(place: Place) -> None:
    place.lose(layout.blob_data(Digest.of(BIG)))
    findings = fsck(place.driver)
    assert codes(findings) == ["dangling-link", "missing-reference", "orphaned-segments"]
    with Garbage() as garbage:
        list(Scan(place.driver, garbage, 2, Quiet()).run())
        garbage.find(float("inf"), lambda path: True, lambda repository: None)
        assert not list(garbage.links())  # gc keeps the link for what is listed


def test_a_link_that_a_disk_lost_is_found_where_all_is_read(place: Place) -> None:
    place.lose(layout.layer_link("app", Digest.of(b"small")))
    assert fsck(place.driver) == []
    assert codes(fsck(place.driver, deep=True)) == ["unlinked-reference"]


def test_a_dynamic_object_without_a_byte(place: Place) -> None:
    content = b"lost" * 1000
    place.raw.dynamic(f"reg/{layout.blob_data(Digest.of(content))}", "reg/segments/abc/nothing")
    place.plant.link(layout.layer_link("app", Digest.of(content)), Digest.of(content))
    place.plant.blob("app", b"another finding")
    place.driver.remove(layout.blob_data(Digest.of(b"another finding")))
    findings = fsck(place.driver, repair=True, deep=True, **ANY)
    assert codes(findings) == ["dangling-link", "empty-blob"]
    assert all(finding.done for finding in findings)
    with _pushes(place) as client:
        assert client.ask("HEAD", f"/v2/app/blobs/{digest_of(content)}").status_code == 404
        client.push_blob("app", content)
        assert client.blob("app", digest_of(content)) == content
    assert fsck(place.driver, deep=True) == []


@pytest.mark.parametrize(
    ("lost", "detail"), [(1, "from the start to number 2"), (2, "from number 1 to 3"), (3, "a manifest says")]
)
def test_a_dynamic_object_that_lacks_a_segment(place: Place, lost: int, detail: str) -> None:
    content = BIG[::-1]
    name = place.dynamic(content)
    place.plant.image("app", "v2", [content[:10]])  # and a manifest that names the layer
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": digest_of(b"{}"), "size": 2},
        "layers": [{"mediaType": "l", "digest": digest_of(content), "size": len(content)}],
    }
    place.plant.manifest("app", document, "v2")
    place.raw.ask("DELETE", f"reg/segments/2f6/46f6/{lost:016}")
    findings = fsck(place.driver, repair=True, **ANY)
    assert {finding.path for finding in findings} == {name.removeprefix("reg/")}
    assert any(detail in finding.detail for finding in findings)
    assert not any(finding.done for finding in findings)
    assert len(place.raw.names("reg/segments/2f6/")) == 2
    fsck(place.driver, drop_damaged=True, **ANY)
    assert place.raw.names("reg/segments/2f6/") == []
    with _pushes(place) as client:
        client.push_blob("app", content)
        client.pull("app", "v2")
    assert fsck(place.driver, deep=True) == []


def test_a_static_object_that_lacks_a_segment(place: Place) -> None:
    path = layout.blob_data(Digest.of(BIG))
    lost = (place.driver.parts(path) or [])[1].name
    assert place.driver.remove_parts([lost]) == {}
    findings = fsck(place.driver, repair=True, **ANY)
    assert codes(findings) == ["missing-segment"]
    assert (findings[0].path, findings[0].repository, findings[0].done) == (path, "app", "")
    assert lost in findings[0].detail
    assert codes(fsck(place.driver, deep=True)) == ["missing-segment", "unreadable"]
    findings = fsck(place.driver, drop_damaged=True, **ANY)
    assert findings[0].done
    assert list(place.driver.walk_parts()) == []
    with _pushes(place) as client:
        client.push_blob("app", BIG)
        client.pull("app", "v1")
    assert fsck(place.driver, deep=True) == []


def test_segments_that_nothing_owns(place: Place) -> None:
    place.dynamic(BIG[::-1])
    with place.driver.stage() as stage:
        stage.fill(_Stream(BIG))
        parts = stage.keep()
    [finding] = fsck(place.driver, repair=True)
    assert (finding.kind, finding.size) == (Kind.ORPHANED_SEGMENTS, len(BIG))
    assert finding.left.startswith("younger than 7 days: old enough from ")
    [finding] = fsck(place.driver, repair=True, **ANY)
    assert finding.done == f"removed {len(parts)} segments"
    assert fsck(place.driver, deep=True) == []
    assert len(list(place.driver.walk_parts())) == 3 + 3


def test_segments_whose_owner_no_listing_shows_are_not_removed(place: Place) -> None:
    """#2188: clean-up by a stale listing. The owners are asked for by the names that links hold."""
    place.dynamic(BIG[::-1])
    place.driver.put_content("images/abc/layer", b"x")
    with FaultProxy(place.swift.storage_url) as faults:
        driver = place.open(swift_object_storage_url=faults.url)
        faults.hide("/blobs/")
        assert fsck(driver, repair=True, drop_damaged=True, **ANY) == []
        assert faults.spoiled
    assert fsck(place.driver, deep=True) == []


def test_segments_that_a_listing_hides_are_asked_for(place: Place) -> None:
    place.dynamic(BIG[::-1])
    with FaultProxy(place.swift.storage_url) as faults:
        driver = place.open(swift_object_storage_url=faults.url)
        faults.hide("/segments/.*(2|3)$")
        assert fsck(driver, repair=True, drop_damaged=True, deep=True, **ANY) == []
        assert faults.spoiled
    assert fsck(place.driver, deep=True) == []


def test_segments_are_left_alone_while_a_file_does_not_say_what_it_has(place: Place) -> None:
    path = layout.blob_data(Digest.of(BIG))
    with FaultProxy(place.swift.storage_url) as faults:
        driver = place.open(swift_object_storage_url=faults.url)
        faults.answer(503, method="HEAD", path=Digest.of(BIG).hex)
        findings = fsck(driver, repair=True, **ANY)
    assert codes(findings) == ["orphaned-segments", "unreadable"]
    orphans = next(finding for finding in findings if finding.kind is Kind.ORPHANED_SEGMENTS)
    assert (orphans.done, orphans.left) == ("", "not every file could be asked for its segments; run again")
    assert place.driver.stat(path).size == len(BIG)
    assert fsck(place.driver, deep=True) == []


def test_a_504_in_the_middle_of_a_walk_is_retried(place: Place) -> None:
    with FaultProxy(place.swift.storage_url) as faults:
        driver = place.open(swift_object_storage_url=faults.url)
        faults.answer(504, method="GET", path="format=json", times=2, headers={"Retry-After": "0"})
        faults.answer(504, method="GET", path="/blobs/", times=2, headers={"Retry-After": "0"})
        faults.cut(10, method="GET", path="/blobs/", times=1)
        assert fsck(driver, deep=True) == []
        assert len(faults.spoiled) == 5


def test_a_walk_that_cannot_go_on_raises(place: Place) -> None:
    with FaultProxy(place.swift.storage_url) as faults:
        driver = place.open(swift_object_storage_url=faults.url)
        faults.answer(503, method="GET", path="format=json", headers={"Retry-After": "0"})
        with pytest.raises(UnreachableError):
            fsck(driver, repair=True)


def test_two_files_of_the_same_segments_are_never_removed(place: Place) -> None:
    """Distribution 2.8 stopped between writing a blob's manifest and removing its upload's."""
    content = BIG[::-1]
    place.dynamic(content)
    folder = f"{layout.repository('app')}/_uploads/3782672a-108e-43a6-8600-96243cfb4bc3"
    place.raw.dynamic(f"reg/{folder}/data", "reg/segments/2f6/46f6")
    findings = fsck(place.driver, repair=True, drop_damaged=True, **ANY)
    assert codes(findings) == ["shared-segment", "unfinished-upload"]
    assert not any(finding.done for finding in findings)
    with _pushes(place) as client:
        assert client.blob("app", digest_of(content)) == content


def test_an_upload_of_distribution_goes_with_its_segments(place: Place) -> None:
    folder = f"{layout.repository('app')}/_uploads/3782672a-108e-43a6-8600-96243cfb4bc3"
    place.raw.ask("PUT", "reg/segments/abc/def/0000000000000001", data=b"x" * MIB)
    place.raw.dynamic(f"reg/{folder}/data", "reg/segments/abc/def")
    place.driver.put_content(f"{folder}/startedat", b"2020-01-01T00:00:00Z")
    assert fsck(place.driver, repair=True) == []
    [finding] = fsck(place.driver, repair=True, **ANY)
    assert (finding.kind, finding.done) == (Kind.UNFINISHED_UPLOAD, "removed 2 files")
    assert place.raw.names("reg/segments/abc") == []
    assert fsck(place.driver, deep=True) == []


def test_what_distributions_garbage_collection_leaves(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    """It deletes our manifest and leaves the segments; a blob without a byte no longer ends it."""
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        body = ours.push_image("app", "v1", [BIG])
        kept = theirs.push_image("app", "v2", [BIG[::-1]])
        driver, raw = driver_of(distribution), Raw(swift, container)
        raw.dynamic(layout.blob_data(Digest.of(b"lost")), "segments/abc/nothing")
        Plant(driver).link(layout.layer_link("app", Digest.of(b"lost")), Digest.of(b"lost"))
        [finding] = fsck(driver, drop_damaged=True, **ANY)
        assert (finding.kind, bool(finding.done)) == (Kind.EMPTY_BLOB, True)
        theirs.delete_manifest("app", digest_of(body))
        distribution.garbage_collect()
        findings = fsck(driver, repair=True, **ANY)
        assert codes(findings) == ["dangling-link", "orphaned-segments"]
        assert fsck(driver, deep=True) == []
        for client in (theirs, ours):
            assert client.pull("app", "v2") == {digest_of(kept), digest_of(BIG[::-1]), digest_of(b"{}")}


def test_a_referrer_that_distribution_took_is_listed_after_repair(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    with both(swift, container, tmp_path) as (theirs, ours, distribution):
        subject = theirs.push_image("app", "v1", [b"layer"])
        document = {
            **json.loads(subject),
            "artifactType": "application/example",
            "subject": {"mediaType": "m", "digest": digest_of(subject), "size": len(subject)},
        }
        referrer = json.dumps(document).encode()
        theirs.push_manifest("app", "sig", referrer)
        driver = driver_of(distribution)
        assert codes(fsck(driver, repair=True)) == ["missing-referrer"]
        listed = ours.ask("GET", f"/v2/app/referrers/{digest_of(subject)}").json()["manifests"]
        assert [entry["digest"] for entry in listed] == [digest_of(referrer)]
        assert listed[0]["artifactType"] == "application/example"
        assert fsck(driver, deep=True) == []


def test_what_another_application_keeps_among_the_segments_stays(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    """What has a name that one of the two registries gives to segments is removed, and nothing beside it."""
    with both(swift, container, tmp_path, chunksize=MIB, prefix="reg") as (theirs, _, distribution):
        theirs.push_image("app", "v1", [b"kept"])
        driver, raw = driver_of(distribution), Raw(swift, container)
        owned = raw.names("reg/segments/")
        theirs.push_blob("app", BIG)
        raw.ask("DELETE", f"reg/{layout.blob_data(Digest.of(BIG))}")
        with driver.stage() as stage:
            stage.fill(_Stream(BIG))
            stage.keep()
        orphans = sorted(set(raw.names("reg/segments/")) - set(owned))
        folders = sorted({name.rpartition("/")[0] for name in orphans})
        foreign = [name for folder in folders for name in (f"{folder}/note", f"{folder}x/00000001", f"{folder}/1/2")]
        foreign += [
            "reg/segments/a.mp4/00000001",
            f"reg/segments/{'F' * 32}/00000001",
            "reg/segments/abc/def/0000000000000001",
            "reg/segments/backup/2020/0000000000000001",
            "reg/segments2/x",
            f"segments/{'0' * 32}/00000001",
        ]
        for name in foreign:
            raw.ask("PUT", name, data=b"another's")
        findings = fsck(driver, repair=True, drop_damaged=True, **ANY)
        assert {finding.kind for finding in findings} == {
            Kind.DANGLING_LINK,
            Kind.ORPHANED_SEGMENTS,
            Kind.UNKNOWN_FILES,
        }
        removed = [finding for finding in findings if finding.kind is Kind.ORPHANED_SEGMENTS]
        assert len(removed) == len(folders) == 2
        assert all(finding.done for finding in removed)
        assert not set(orphans) & set(raw.names())
        assert set(foreign + owned) <= set(raw.names())


def test_where_no_registry_is_nothing_is_removed(swift: EmbeddedSwift, container: str) -> None:
    raw = Raw(swift, container)
    raw.ask("PUT")
    names = [f"segments/{'0' * 32}/00000001", "segments/film/1", "film"]
    for name in names:
        raw.ask("PUT", name, data=b"another's")
    driver = fetch("swift")("/", driver_config(swift, swift_container=container))
    with pytest.raises(NoRegistryError):
        fsck(driver, repair=True, drop_damaged=True, **ANY)
    assert raw.names() == sorted(names)


class _Stream:
    def __init__(self, data: bytes):
        self._data = data

    def read(self, size: int, /) -> bytes:
        head, self._data = self._data[:size], self._data[size:]
        return head


def test_what_writers_that_meet_leave_behind_is_found(place: Place) -> None:
    blob = layout.blob_data(Digest.of(BIG[::-1]))
    place.plant.link(layout.layer_link("app", Digest.of(BIG[::-1])), Digest.of(BIG[::-1]))
    drivers = [place.open() for _ in range(3)]
    ready = threading.Barrier(len(drivers), timeout=60)

    def push(driver: Base) -> None:
        with driver.stage() as stage:
            stage.fill(io.BytesIO(BIG[::-1]))
            ready.wait()
            stage.commit(blob, immutable=True)

    def overwrite(driver: Base) -> None:
        ready.wait()
        driver.stream_write(blob, io.BytesIO(BIG[::-1]))

    for write in (push, overwrite):
        together(*(partial(write, driver) for driver in drivers))
        # Whoever was first in Swift may have looked, or need not look, before the last one was.
        assert set(codes(fsck(place.driver, repair=True, **ANY))) <= {"orphaned-segments"}
        assert b"".join(place.driver.open(blob)) == BIG[::-1]
        assert {entry.path for entry in place.driver.walk_parts()} == {
            part.name for entry in place.driver.walk() for part in place.driver.parts(entry.path) or ()
        }


def test_segments_of_the_slower_of_two_pushes_are_found(place: Place) -> None:
    blob = layout.blob_data(Digest.of(BIG[::-1]))
    place.plant.link(layout.layer_link("app", Digest.of(BIG[::-1])), Digest.of(BIG[::-1]))

    def push() -> None:
        with place.driver.stage() as stage:
            stage.fill(io.BytesIO(BIG[::-1]))
            stage.commit(blob, immutable=True)

    push()
    place.raw.ask("DELETE", f"reg/{blob}")
    push()  # as one that overlapped: it found nothing there either, and both were told that they are stored
    assert codes(fsck(place.driver, repair=True, **ANY)) == ["orphaned-segments"]
    assert fsck(place.driver, **ANY) == []
    assert b"".join(place.driver.open(blob)) == BIG[::-1]
