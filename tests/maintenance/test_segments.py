"""Who owns which segments, over a memory driver that has some: what no real Swift does on demand."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest

from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.core.types import Entry, Part
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.scan import gap
from tests.maintenance.planting import ANY_AGE, UPLOAD, Plant, codes, fsck

ONE, TWO = "1" * 32, "2" * 32  # folders of segments
ANY = {"grace": ANY_AGE, "upload_age": ANY_AGE}


class Segmented(Storage):
    """`owners` says of which segments a file consists; `hidden` is what the first listing lacks."""

    def __init__(self) -> None:
        super().__init__("/registry")
        self.segments: dict[str, int] = {}
        self.owners: dict[str, list[str]] = {}
        self.hidden: set[str] = set()

    def write(self, path: str, content: bytes, folder: str) -> None:
        self.put_content(path, content)
        names = [f"{folder}/{number:08}" for number in range(2)]
        self.segments |= dict.fromkeys(names, len(content) // 2)
        self.owners[path] = names

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        hidden, self.hidden = self.hidden, set()
        return (entry for entry in super().walk(path) if entry.path not in hidden)

    def walk_parts(self) -> Iterator[Entry]:
        for name, size in sorted(self.segments.items()):
            yield Entry(name, size, time.time())

    def parts(self, path: str) -> list[Part] | None:
        self.stat(path)
        names = self.owners.get(path)
        return names and [Part(name, self.segments.get(name, 0)) for name in names]

    def remove_parts(self, names: Iterable[str]) -> dict[str, UnspecifiedError]:
        for name in names:
            self.segments.pop(name, None)
        return {}


@pytest.fixture
def driver() -> Segmented:
    """With one sound image."""
    driver = Segmented()
    Plant(driver).image("other", "v1", [b"sound"])
    return driver


def test_segments_of_a_file_that_only_the_second_listing_has(driver: Segmented) -> None:
    # docker-registry's own files are named by nothing that is asked for: only a listing shows them.
    driver.write("images/abc/layer", b"layer!", ONE)
    driver.segments[f"{TWO}/00000000"] = 5
    driver.hidden = {"images/abc/layer"}
    [finding] = fsck(driver, repair=True, **ANY)
    assert (finding.path, finding.done) == (TWO, "removed 1 segment")
    assert set(driver.segments) == {f"{ONE}/00000000", f"{ONE}/00000001"}


def test_segments_beside_those_that_a_file_owns_stay(driver: Segmented) -> None:
    driver.write("images/abc/layer", b"layer!", ONE)
    driver.segments[f"{ONE}/00000009"] = 5
    assert fsck(driver, repair=True, **ANY) == []
    assert f"{ONE}/00000009" in driver.segments


def test_an_upload_that_ends_during_the_walk_keeps_all_segments(driver: Segmented) -> None:
    upload = f"{layout.repository('app')}/_uploads/{UPLOAD}/data"
    driver.write(upload, b"layer!", ONE)

    class Finished(Segmented):
        def parts(self, path: str) -> list[Part] | None:
            raise FileNotFoundError(path)

    finished = Finished()
    finished._files, finished.segments = driver._files, driver.segments
    findings = fsck(finished, repair=True, **ANY)
    assert codes(findings) == ["orphaned-segments", "unfinished-upload"]
    assert not any(finding.done for finding in findings)
    assert set(driver.segments) == {f"{ONE}/00000000", f"{ONE}/00000001"}


def test_a_damaged_blob_that_shares_its_segments_is_not_removed(driver: Segmented) -> None:
    digest = Plant(driver).blob("app", b"layer!")
    path = layout.blob_data(digest)
    driver.write(path, b"Layer!", ONE)
    driver.write("images/abc/layer", b"Layer!", ONE)
    findings = fsck(driver, deep=True, drop_damaged=True, **ANY)
    assert codes(findings) == ["shared-segment", "wrong-content"]
    damaged = next(finding for finding in findings if finding.kind is Kind.WRONG_CONTENT)
    assert (damaged.done, damaged.left) == ("", "another file consists of the same segments")
    assert driver.exists(path)


def test_a_segment_that_the_listing_lacks_but_that_can_be_read(driver: Segmented) -> None:
    path = layout.blob_data(Plant(driver).blob("app", b"layer!"))
    driver.write(path, b"layer!", ONE)
    driver.write("images/abc/layer", b"sound!", TWO)
    sizes = dict(driver.segments)

    class Lagging(Segmented):
        def parts(self, path: str) -> list[Part] | None:
            names = self.owners.get(path)
            return names and [Part(name, sizes[name]) for name in names]

    lagging = Lagging()
    lagging._files, lagging.owners = driver._files, driver.owners
    lagging.segments = {name: size for name, size in sizes.items() if name.startswith(TWO)}
    assert fsck(lagging, deep=True, repair=True, drop_damaged=True, **ANY) == []
    lagging.put_content(path, b"lay")  # and now the second half cannot be read
    [finding] = fsck(lagging)
    assert finding.kind is Kind.MISSING_SEGMENT
    assert f"{ONE}/00000001" in finding.detail


def test_a_blob_that_comes_while_its_link_is_looked_at(driver: Segmented) -> None:
    digest = Plant(driver).blob("app", b"late")
    link, data = layout.layer_link("app", digest), layout.blob_data(digest)
    driver.remove(data)

    class Pushing(Segmented):
        """A push brings the blob after the link was read so many times."""

        def __init__(self, reads: int):
            super().__init__()
            self.reads = reads
            self.removed: list[str] = []

        def get_content(self, path: str) -> bytes:
            self.reads -= path == link
            if not self.reads:
                self.put_content(data, b"late")
            return super().get_content(path)

        def remove(self, path: str) -> None:
            self.removed.append(path)
            super().remove(path)

    for reads, findings in ((1, 0), (2, 0), (3, 1)):
        pushing = Pushing(reads)
        pushing._files = dict(driver._files)
        assert len(fsck(pushing, repair=True, **ANY)) == findings
        assert pushing.removed == []
        assert pushing.get_content(link) == str(Digest.of(b"late")).encode()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], ""),
        ([1], ""),
        ([1, 2, 3], ""),
        ([0, 2, 3], ""),  # a plain object, and what was appended to it
        ([0, 1], ""),
        ([2, 3], "the start to number 2"),
        ([1, 3, 4], "number 1 to 3"),
        ([0, 3], "number 0 to 3"),
    ],
)
def test_gaps_in_distributions_numbering(numbers: list[int], expected: str) -> None:
    assert gap([f"2f6/46f6/{number:016}" for number in numbers]) == expected
    assert gap([f"2f6/46f6/{number}" for number in numbers]) == ""  # another way of numbering
