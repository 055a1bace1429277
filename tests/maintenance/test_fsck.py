"""Every kind of finding that needs no segments, planted over the memory driver."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import pytest

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError, UnreachableError, UnspecifiedError
from docker_registry.core.types import Entry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.fsck import Fsck, FsckOptions
from docker_registry.maintenance.fsck.options import DAY
from docker_registry.maintenance.fsck.report import TextReport
from docker_registry.maintenance.progress import Quiet
from tests.maintenance.planting import ANY_AGE, UPLOAD, Plant, codes, descriptor, fsck, image

LAYERS = [b"one", b"two"]


@pytest.fixture
def driver() -> Storage:
    return Storage("/registry")


@pytest.fixture
def plant(driver: Storage) -> Plant:
    """A storage with one sound image."""
    plant = Plant(driver)
    plant.image("app", "v1", LAYERS)
    return plant


def everything(driver: Base) -> dict[str, bytes]:
    return {entry.path: driver.get_content(entry.path) for entry in driver.walk()}


def test_nothing_is_found_in_a_sound_storage(plant: Plant) -> None:
    subject = plant.image("deep/er/app", "latest", [b"one", b""])
    child = plant.manifest("app", image(LAYERS, annotations={"a": "b"}))
    plant.manifest(
        "app",
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{"mediaType": "m", "digest": str(child), "size": len(_data(plant, child))}],
        },
        "multi",
    )
    plant.image("deep/er/app", "sig", [b"signature"], subject={"mediaType": "m", "digest": str(subject), "size": 1})
    foreign = {**descriptor(b"elsewhere"), "urls": ["https://example.com/"]}
    plant.manifest("app", {**image(LAYERS), "layers": [foreign]}, "foreign")
    before = everything(plant.driver)
    assert fsck(plant.driver, deep=True, repair=True, drop_damaged=True, grace=ANY_AGE, upload_age=ANY_AGE) == []
    assert everything(plant.driver) == before


def test_what_was_looked_at_is_counted(plant: Plant) -> None:
    job = Fsck(plant.driver, FsckOptions(deep=True), Quiet())
    assert list(job.run()) == []
    summary = job.summary
    assert (summary.repositories, summary.blobs, summary.manifests, summary.files) == (1, 4, 1, 10)
    assert summary.bytes_hashed == len(b"onetwo{}")


def test_a_link_to_a_blob_that_is_gone(plant: Plant) -> None:
    digest = plant.blob("app", b"unused")
    plant.driver.remove(layout.blob_data(digest))
    [finding] = fsck(plant.driver, repair=True)
    assert (finding.kind, finding.path) == (Kind.DANGLING_LINK, layout.layer_link("app", digest))
    assert finding.left.startswith("younger than 7 days: old enough from ")
    assert plant.driver.exists(finding.path)
    [finding] = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert finding.done == "removed the link"
    assert fsck(plant.driver) == []


def test_a_dangling_link_is_put_back_when_a_push_brings_its_blob_meanwhile(plant: Plant) -> None:
    digest = plant.blob("app", b"unused")
    path = layout.layer_link("app", digest)
    plant.driver.remove(layout.blob_data(digest))

    class Pushing(Storage):
        """Between the question and the removal, a client pushes the blob: data, then link."""

        def remove(self, path: str) -> None:
            Plant(self).blob("app", b"unused")
            super().remove(path)

    driver = Pushing("/registry")
    driver._files = plant.driver._files
    [finding] = fsck(driver, repair=True, grace=ANY_AGE)
    assert (finding.done, finding.left) == ("", "what it links to is there again")
    assert driver.get_content(path) == str(digest).encode()


def test_a_tag_whose_manifest_is_gone(plant: Plant) -> None:
    digest = plant.image("app", "v2", [b"three"])
    plant.driver.remove(layout.blob_data(digest))
    findings = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert codes(findings) == ["dangling-link", "dangling-link", "missing-manifest"]
    missing = next(finding for finding in findings if finding.kind is Kind.MISSING_MANIFEST)
    assert missing.detail == f"app:v2 is {digest}"
    assert plant.driver.exists(layout.tag_current("app", "v2"))
    assert not plant.driver.exists(layout.revision_link("app", digest))


def test_a_tag_whose_manifest_was_deleted_from_the_repository(plant: Plant) -> None:
    digest = plant.image("app", "v1", [b"layer"])
    plant.driver.remove(layout.revision_link("app", digest))
    (finding,) = fsck(plant.driver)
    assert (finding.kind, finding.repository, finding.digest) == (Kind.UNLINKED_TAG, "app", str(digest))
    assert not finding.settled
    (young,) = fsck(plant.driver, repair=True)
    assert "younger" in young.left
    (mended,) = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert "removed the tag" in mended.done
    assert not plant.driver.exists(layout.tag_current("app", "v1"))
    assert plant.driver.exists(layout.blob_data(digest))


def test_a_dead_tag_is_put_back_when_a_push_brings_its_manifest_meanwhile(plant: Plant) -> None:
    digest = plant.image("app", "v1", [b"layer"])
    link, tag = layout.revision_link("app", digest), layout.tag_current("app", "v1")
    plant.driver.remove(link)
    remove = plant.driver.remove_many

    def pushed_meanwhile(paths: Iterable[str]) -> dict[str, UnspecifiedError]:
        plant.link(link, digest)
        return remove(paths)

    plant.driver.remove_many = pushed_meanwhile
    (finding,) = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert "again" in finding.left
    assert plant.driver.get_content(tag) == str(digest).encode()


def test_a_manifest_whose_layer_is_gone(plant: Plant) -> None:
    plant.driver.remove(layout.blob_data(Digest.of(b"one")))
    findings = fsck(plant.driver)
    assert codes(findings) == ["dangling-link", "missing-reference"]
    missing = next(finding for finding in findings if finding.kind is Kind.MISSING_REFERENCE)
    assert missing.repository == "app"
    assert str(Digest.of(b"one")) in missing.detail


def test_an_index_whose_image_is_gone(plant: Plant) -> None:
    gone = Digest.of(b"gone")
    plant.manifest(
        "app", {"schemaVersion": 2, "manifests": [{"mediaType": "m", "digest": str(gone), "size": 4}]}, "multi"
    )
    [finding] = fsck(plant.driver)
    assert finding.kind is Kind.MISSING_REFERENCE
    assert finding.detail == f"names the manifest {gone}"


@pytest.mark.parametrize("content", [b"", b"sha256:", b"\xff\xfe", str(Digest.of(b"other")).encode()])
def test_a_link_that_does_not_hold_its_digest(plant: Plant, content: bytes) -> None:
    path = layout.layer_link("app", Digest.of(b"one"))
    plant.driver.put_content(path, content)
    [finding] = fsck(plant.driver, repair=True)
    assert (finding.kind, finding.path) == (Kind.DAMAGED_LINK, path)
    assert finding.done == f"wrote {Digest.of(b'one')}"
    assert fsck(plant.driver) == []


def test_a_damaged_tag_is_for_a_person_to_mend(plant: Plant) -> None:
    plant.driver.put_content(layout.tag_current("app", "v1"), b"?")
    [finding] = fsck(plant.driver, repair=True, drop_damaged=True, grace=ANY_AGE)
    assert finding.kind is Kind.DAMAGED_LINK
    assert finding.left
    assert plant.driver.get_content(layout.tag_current("app", "v1")) == b"?"


def test_a_link_of_another_algorithm_may_hold_the_digest_that_distribution_keeps(plant: Plant) -> None:
    stored = plant.blob("app", b"layer")
    alias = Digest.of(b"layer", "sha512")
    plant.link(layout.layer_link("app", alias), stored)
    plant.manifest("app", {**image([]), "layers": [{"mediaType": "m", "digest": str(alias), "size": 5}]}, "v2")
    assert fsck(plant.driver, deep=True) == []
    plant.driver.remove(layout.layer_link("app", stored))
    assert fsck(plant.driver) == []
    plant.driver.remove(layout.blob_data(stored))
    assert codes(fsck(plant.driver)) == ["dangling-link", "missing-reference"]


def test_an_empty_blob_is_hidden_so_that_it_can_be_pushed_again(plant: Plant) -> None:
    digest = Digest.of(b"one")
    plant.driver.put_content(layout.blob_data(digest), b"")
    plant.blob("app", b"")  # the one blob that has no bytes
    [finding] = fsck(plant.driver, repair=True, deep=True, grace=ANY_AGE)
    assert (finding.kind, finding.repository) == (Kind.EMPTY_BLOB, "app")
    assert "removed 1 link " in finding.done
    assert not plant.driver.exists(layout.layer_link("app", digest))
    plant.blob("app", b"one")
    assert fsck(plant.driver) == []


def test_a_blob_of_the_wrong_size(plant: Plant) -> None:
    digest = Digest.of(b"one")
    plant.driver.put_content(layout.blob_data(digest), b"on")
    [finding] = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert finding.kind is Kind.WRONG_SIZE
    assert finding.detail == "has 2 bytes, a manifest says 3"
    assert not finding.done
    [finding] = fsck(plant.driver, drop_damaged=True)
    assert finding.left.startswith("younger than 7 days: old enough from ")
    [finding] = fsck(plant.driver, drop_damaged=True, grace=ANY_AGE)
    assert "so that the next push stores it anew" in finding.done
    assert not plant.driver.exists(layout.blob_data(digest))
    assert not plant.driver.exists(layout.layer_link("app", digest))


def test_what_is_left_for_its_age_goes_when_that_was_said(plant: Plant) -> None:
    now = time.time()
    digest = Digest.of(b"one")
    plant.driver.clock = lambda: now - 3 * DAY  # type: ignore[attr-defined]
    plant.driver.put_content(layout.blob_data(digest), b"on")
    [finding] = fsck(plant.driver, drop_damaged=True, grace=7 * DAY, least_grace=2 * DAY)
    assert not finding.done
    assert abs(finding.old_at - (now + 4 * DAY)) < 60
    full, least = re.findall(r"from (\d{4}-\d\d-\d\d \d\d:\d\d) ", finding.left)
    assert datetime.fromisoformat(full) - datetime.fromisoformat(least) == timedelta(days=5)
    assert abs(datetime.fromisoformat(full) - datetime.fromtimestamp(now + 4 * DAY)) < timedelta(minutes=2)
    assert "with --grace 2 from" in finding.left
    [again] = fsck(plant.driver, drop_damaged=True, grace=2 * DAY, least_grace=2 * DAY)
    assert again.done


def test_the_advice_for_young_damage_does_not_lead_back_to_itself(plant: Plant) -> None:
    plant.driver.put_content(layout.blob_data(Digest.of(b"one")), b"on")
    first, then = (Fsck(plant.driver, FsckOptions(drop_damaged=drop), Quiet()) for drop in (False, True))
    for job, expected in (
        (first, "run with --drop-damaged, then push"),
        (then, "run this again when it is old enough"),
    ):
        said = io.StringIO()
        with job:
            report = TextReport(said)
            for finding in job.run():
                report.tell(finding)
            report.end(job.summary, job.images())
        advice = [line.partition("What to do: ")[2] for line in said.getvalue().splitlines() if "What to do" in line]
        assert len(advice) == 2  # for the kind, and for the image
        assert all(line.startswith(expected) for line in advice), advice
    assert "a push before that mends only a manifest" in advice[0]


def test_only_deep_finds_other_bytes_of_the_same_size(plant: Plant) -> None:
    digest = Digest.of(b"one")
    plant.driver.put_content(layout.blob_data(digest), b"One")
    assert fsck(plant.driver) == []
    [finding] = fsck(plant.driver, deep=True)
    assert (finding.kind, finding.digest, finding.repository) == (Kind.WRONG_CONTENT, str(digest), "app")
    [finding] = fsck(plant.driver, deep=True, drop_damaged=True, grace=ANY_AGE)
    assert not plant.driver.exists(finding.path)


def test_a_sound_blob_is_not_dropped_whatever_was_found_before(plant: Plant) -> None:
    class Flickering(Storage):
        """Gives wrong bytes once."""

        spoiled = False

        def stream_read(self, path: str, bytes_range: object = None) -> Iterator[bytes]:
            for chunk in super().stream_read(path, bytes_range):  # type: ignore[arg-type]
                if path == layout.blob_data(Digest.of(b"one")) and not self.spoiled:
                    self.spoiled, chunk = True, b"One"
                yield chunk

    driver = Flickering("/registry")
    driver._files = plant.driver._files
    [finding] = fsck(driver, deep=True, drop_damaged=True, grace=ANY_AGE)
    assert finding.left == "read again, it is sound"
    assert fsck(driver, deep=True) == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"[]", Kind.DAMAGED_MANIFEST),
        (b"{", Kind.DAMAGED_MANIFEST),
        (b'{"layers": [{"size": 1}]}', Kind.DAMAGED_MANIFEST),
        (b'{"layers": [{"digest": "sha256:x", "size": 1}]}', Kind.DAMAGED_MANIFEST),
        (b" " * (4 * 1024 * 1024 + 1), Kind.DAMAGED_MANIFEST),
    ],
)
def test_a_manifest_that_cannot_be_understood(plant: Plant, content: bytes, kind: Kind) -> None:
    digest = plant.data(content)
    plant.link(layout.revision_link("app", digest), digest)
    [finding] = fsck(plant.driver, repair=True, drop_damaged=True, grace=ANY_AGE)
    assert (finding.kind, finding.digest, finding.done) == (kind, str(digest), "")


def test_a_manifest_with_other_bytes(plant: Plant) -> None:
    digest = plant.image("other", "v1", [b"three"])
    plant.driver.put_content(layout.blob_data(digest), b"{}")
    [finding] = fsck(plant.driver, drop_damaged=True)
    assert (finding.kind, finding.repository) == (Kind.WRONG_CONTENT, "other")
    assert "younger than 7 days" in finding.left
    [finding] = fsck(plant.driver, drop_damaged=True, grace=ANY_AGE)
    assert finding.done
    assert not plant.driver.exists(layout.blob_data(digest))


def test_a_manifest_without_a_byte(plant: Plant) -> None:
    digest = plant.image("other", "v1", [b"three"])
    plant.driver.put_content(layout.blob_data(digest), b"")
    [finding] = fsck(plant.driver, repair=True, deep=True, grace=ANY_AGE)
    assert (finding.kind, finding.repository, finding.digest) == (Kind.EMPTY_BLOB, "other", str(digest))


def test_an_entry_that_a_list_of_referrers_lacks(plant: Plant) -> None:
    subject = str(Digest.of(json.dumps(image(LAYERS)).encode()))
    digest = plant.image(
        "app",
        "sig",
        [b"signature"],
        artifactType="a/b",
        subject={"mediaType": "m", "digest": subject, "size": 1},
    )
    path = layout.referrer("app", Digest.parse(subject), digest)
    entry = plant.driver.get_json(path)
    plant.driver.remove(path)
    [finding] = fsck(plant.driver, repair=True)
    assert (finding.kind, finding.done) == (Kind.MISSING_REFERRER, "wrote the entry")
    assert plant.driver.get_json(path) == entry
    assert fsck(plant.driver) == []


def test_an_entry_of_a_referrer_that_is_gone(plant: Plant) -> None:
    subject, digest = Digest.of(b"subject"), Digest.of(b"referrer")
    plant.driver.put_json(layout.referrer("app", subject, digest), {})
    [finding] = fsck(plant.driver, repair=True, grace=ANY_AGE)
    assert (finding.kind, finding.done) == (Kind.DANGLING_LINK, "removed the link")


def test_a_blob_without_a_link_is_waste_and_stays(plant: Plant) -> None:
    digest = plant.data(b"early")
    [finding] = fsck(plant.driver, repair=True, drop_damaged=True, grace=ANY_AGE)
    assert (finding.kind, finding.digest, finding.done) == (Kind.UNLINKED_BLOB, str(digest), "")
    assert plant.driver.exists(layout.blob_data(digest))


def test_content_that_only_another_repository_links(plant: Plant) -> None:
    plant.image("other", "v1", [b"three"])
    plant.driver.remove(layout.layer_link("other", Digest.of(b"three")))
    plant.blob("app", b"three")
    [finding] = fsck(plant.driver, repair=True)
    assert finding.kind is Kind.UNLINKED_REFERENCE
    assert (finding.repository, finding.done) == ("other", "")
    assert not finding.settled, "a pull of the image ends in a 404"


def test_an_upload_of_distribution_that_nobody_went_on_with(plant: Plant) -> None:
    folder = f"{layout.repository('app')}/_uploads/3782672a-108e-43a6-8600-96243cfb4bc3"
    for name in ("data", "startedat", "hashstates/sha256/0"):
        plant.driver.put_content(f"{folder}/{name}", b"x")
    assert fsck(plant.driver, repair=True, grace=ANY_AGE) == []
    [finding] = fsck(plant.driver, repair=True, upload_age=ANY_AGE)
    assert (finding.kind, finding.path, finding.done) == (Kind.UNFINISHED_UPLOAD, folder, "removed 3 files")
    assert fsck(plant.driver) == []


def test_what_is_left_of_a_session(plant: Plant) -> None:
    plant.driver.put_content(layout.session_file(UPLOAD, "name"), b"[]")
    plant.driver.put_content(layout.session_file(UPLOAD, "door"), b"")
    [finding] = fsck(plant.driver, repair=True, upload_age=ANY_AGE)
    assert (finding.kind, finding.done) == (Kind.UNFINISHED_UPLOAD, "removed 2 files")
    assert fsck(plant.driver) == []


def test_files_of_others_are_counted_and_left_alone(plant: Plant) -> None:
    for path in ("images/abc/layer", "repositories/library/app/tag_v1"):  # docker-registry's own
        plant.driver.put_content(path, b"v1")
    for path in ("backup/a", "backup/b/c", f"{layout.BLOBS}/sha256/xx/data", f"{layout.repository('x')}/_new/y"):
        plant.driver.put_content(path, b"?")
    findings = fsck(plant.driver, repair=True, drop_damaged=True, grace=ANY_AGE, upload_age=ANY_AGE)
    assert codes(findings) == ["unknown-files"] * 3
    assert next(finding for finding in findings if finding.path == "backup").detail == "2 files, left alone"
    assert plant.driver.get_content("images/abc/layer") == b"v1"


def test_what_a_listing_lacks_is_asked_for_by_name(plant: Plant) -> None:
    class Lagging(Storage):
        def walk(self, path: str | None = None) -> Iterator[Entry]:
            return (entry for entry in super().walk(path) if not entry.path.startswith(layout.BLOBS))

    driver = Lagging("/registry")
    driver._files = plant.driver._files
    assert fsck(driver, repair=True, drop_damaged=True, grace=ANY_AGE) == []
    driver.remove(layout.blob_data(Digest.of(b"one")))
    assert codes(fsck(driver)) == ["dangling-link", "missing-reference"]


def test_what_was_deleted_since_it_was_listed_is_no_finding(plant: Plant) -> None:
    class Ahead(Storage):
        def walk(self, path: str | None = None) -> Iterator[Entry]:
            yield from super().walk(path)
            for digest in ("1" * 64, "2" * 64):
                gone = Digest.parse(f"sha256:{digest}")
                yield Entry(layout.blob_data(gone), 0, time.time())
                yield Entry(layout.layer_link("gone", gone), 71, time.time())

    driver = Ahead("/registry")
    driver._files = plant.driver._files
    assert fsck(driver, deep=True, repair=True, grace=ANY_AGE) == []


def test_an_outage_of_one_file_is_reported_and_the_job_goes_on(plant: Plant) -> None:
    bad = {layout.layer_link("app", Digest.of(b"one")), layout.blob_data(Digest.of(b"two"))}

    class Failing(Storage):
        def get_content(self, path: str) -> bytes:
            if path in bad:
                raise UnreachableError(f"GET {path}: 503")
            return super().get_content(path)

    driver = Failing("/registry")
    driver._files = plant.driver._files
    Plant(driver).blob("app", b"unused")
    driver.remove(layout.blob_data(Digest.of(b"unused")))
    findings = fsck(driver, deep=True)
    assert codes(findings) == ["dangling-link", "unreadable", "unreadable"]
    assert {finding.path for finding in findings if finding.kind is Kind.UNREADABLE} == bad


def test_a_repair_that_the_storage_refuses_is_told(plant: Plant) -> None:
    class Sealed(Storage):
        def remove(self, path: str) -> None:
            raise UnreachableError("DELETE: 503")

    driver = Sealed("/registry")
    driver._files = plant.driver._files
    driver.put_content(layout.layer_link("app", Digest.of(b"gone")), str(Digest.of(b"gone")).encode())
    [finding] = fsck(driver, repair=True, grace=ANY_AGE)
    assert (finding.done, finding.left) == ("", "the storage would not: DELETE: 503")


def test_a_storage_that_cannot_be_listed_ends_the_job(plant: Plant) -> None:
    class Down(Storage):
        def walk(self, path: str | None = None) -> Iterator[Entry]:
            raise UnreachableError("GET: 503")

    with pytest.raises(UnreachableError):
        fsck(Down("/registry"), repair=True)


def _data(plant: Plant, digest: Digest) -> bytes:
    try:
        return plant.driver.get_content(layout.blob_data(digest))
    except FileNotFoundError:
        raise AssertionError(f"{digest} was not planted") from None
