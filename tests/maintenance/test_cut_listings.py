"""Listings that end too early: on a server that cuts them and says so nowhere, fsck removes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click import Command
from click.testing import CliRunner

from docker_registry.commands.fsck import fsck as command
from docker_registry.commands.gc import gc
from docker_registry.core.driver import Base
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.http import connection
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.fsck import Fsck, FsckOptions
from docker_registry.maintenance.progress import Quiet
from tests.drivers.mock_gateway import MockGateway
from tests.drivers.mock_swift import MockSwift
from tests.maintenance.planting import ANY_AGE, UPLOAD, Plant, fsck
from tests.maintenance.test_places import THEIRS

ANY = {"grace": ANY_AGE, "upload_age": ANY_AGE}
SEGMENT = 1000
SMALL = 1210  # blobs, more than a page has


class Cutting(MockSwift):
    """Says that it is OpenStack's Swift, and ends every listing after `cut` rows."""

    cut = 10**9

    def _rows(self, container: str, prefix: str, delimiter: str | None, marker: str) -> Iterator[dict[str, Any]]:
        rows = list(super()._rows(container, prefix, delimiter, ""))[: self.cut]
        yield from (row for row in rows if row.get("name", row.get("subdir", "")) > marker)


class Hiding(MockSwift):
    """Leaves out of its listings whatever has a text in its name; it counts what it has."""

    hidden: tuple[str, ...] = ()
    only_prefixed = False  # whether a listing of the whole container tells the truth
    only_undelimited = False  # whether a listing of folders does

    def _rows(self, container: str, prefix: str, delimiter: str | None, marker: str) -> Iterator[dict[str, Any]]:
        rows = super()._rows(container, prefix, delimiter, marker)
        if self.only_prefixed and not prefix:
            return rows
        if self.only_undelimited and delimiter:
            return rows
        return (row for row in rows if not any(text in row.get("name", row.get("subdir", "")) for text in self.hidden))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[MockSwift], Base]:
    def make(swift: MockSwift) -> Base:
        monkeypatch.setattr(connection, "http_connection", swift.http_connection)
        return Storage("/reg", swift.options(swift_segment_size=SEGMENT))

    return make


def last(content: bytes) -> bytes:
    """Content whose digest sorts behind nearly all others."""
    return next(b"%s%d" % (content, i) for i in range(100000) if Digest.of(b"%s%d" % (content, i)).hex.startswith("ff"))


def fill(driver: Base, swift: MockSwift, small: int) -> list[str]:
    """Many small blobs, then a static and a dynamic one of segments; returns the paths of these two."""
    plant = Plant(driver)
    for i in range(small):
        plant.blob("app", b"%d" % i)
    ours, theirs = last(b"o" * 3 * SEGMENT), last(b"t" * 1500)
    paths = [layout.blob_data(Digest.of(content)) for content in (ours, theirs)]
    with driver.stage() as stage:
        stage.fill(Bytes(ours))
        stage.commit(paths[0])
    folder = f"reg/segments/{THEIRS[:3]}/{THEIRS[3:]}"
    for number, start in enumerate(range(0, len(theirs), SEGMENT), 1):
        swift.put(f"{folder}/{number:016d}", theirs[start : start + SEGMENT])
    swift.put(f"reg/{paths[1]}", b"", {"x-object-manifest": f"box/{folder}"})
    return paths


class Bytes:
    def __init__(self, content: bytes):
        self._content = content

    def read(self, size: int) -> bytes:
        content, self._content = self._content[:size], self._content[size:]
        return content


def orphan(driver: Base) -> None:
    with driver.stage() as stage:
        stage.fill(Bytes(b"x" * 2 * SEGMENT))
        stage.keep()


def test_a_gateway_whose_pages_are_short_is_walked_whole(connect: Callable[[MockSwift], Base]) -> None:
    swift = MockGateway(most=1000)
    driver = connect(swift)
    paths = fill(driver, swift, SMALL)
    orphan(driver)
    findings = [finding for finding in fsck(driver, repair=True, **ANY) if finding.kind is Kind.ORPHANED_SEGMENTS]
    assert [finding.done for finding in findings] == ["removed 2 segments"]
    for path in paths:
        with driver.open(path) as reader:
            assert Digest.of(b"".join(reader)).hex in path
    assert sum(1 for _ in driver.walk_parts()) == 4 + 1 + 2


@pytest.mark.parametrize("cut", [20, 100])
def test_nothing_is_removed_by_a_listing_that_was_cut(connect: Callable[[MockSwift], Base], cut: int) -> None:
    swift = Cutting(rows=10000)
    driver = connect(swift)
    paths = fill(driver, swift, 100)
    driver.put_content(f"{layout.repository('app')}/_uploads/{UPLOAD}/data", b"x")
    # A listing goes in order of names, so the owners are cut off before their segments are.
    swift.cut = cut
    before = swift.names()
    findings = fsck(driver, repair=True, drop_damaged=True, **ANY)
    assert swift.names() == before
    left = [finding for finding in findings if finding.kind is Kind.ORPHANED_SEGMENTS]
    assert left
    for finding in left:
        assert f"not all files were seen: the listing of container box ends after {cut} of" in finding.left
    assert all(driver.stat(path).size for path in paths)


@pytest.mark.parametrize("hidden", ["/repositories/", "/_manifests/", "/_layers/", "/blobs/"])
@pytest.mark.parametrize("only_prefixed", [False, True])
@pytest.mark.parametrize("repair", [False, True])
def test_what_a_listing_hides_is_not_called_sound(
    connect: Callable[[MockSwift], Base], hidden: str, only_prefixed: bool, repair: bool
) -> None:
    swift = Hiding(rows=10000)
    driver = connect(swift)
    Plant(driver).image("app", "v1", [b"one", b"two"])
    before = swift.names()
    swift.hidden, swift.only_prefixed = (hidden,), only_prefixed
    with Fsck(driver, FsckOptions(repair=repair, grace=ANY_AGE), Quiet()) as job:
        findings = list(job.run())
    assert swift.names() == before
    # Blobs that a prefixed listing hides are asked for by the names that links have, and none is missed.
    is_missed = not (only_prefixed and hidden == "/blobs/")
    assert bool(job.summary.unseen) == is_missed, findings
    if is_missed:
        why = "the first of two listings lacks" if only_prefixed else "the listing of container box ends after"
        assert why in job.summary.unseen


@pytest.mark.parametrize("asked", [command, gc])
def test_a_registry_that_only_one_listing_shows_is_not_the_wrong_place(
    connect: Callable[[MockSwift], Base], tmp_path: Path, asked: Command
) -> None:
    swift = Hiding(rows=10000)
    Plant(connect(swift)).image("app", "v1", [b"one", b"two"])
    before = swift.names()
    swift.hidden, swift.only_undelimited = ("/docker/registry/v2/",), True
    config = tmp_path / "config.yml"
    config.write_text(json.dumps({"test": {"storage": "swift", "storage_path": "/reg", **swift.options()}}))
    done = CliRunner().invoke(asked, ["--quiet", "--config", str(config)])
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert "storage_path /reg: listings do not agree" in done.stderr
    assert "Set storage_path" not in done.stderr
    assert swift.names() == before


def test_the_command_says_that_it_did_not_see_all(
    connect: Callable[[MockSwift], Base], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    swift = Hiding(rows=10000)
    Plant(connect(swift)).image("app", "v1", [b"one", b"two"])
    config = tmp_path / "config.yml"
    config.write_text(json.dumps({"test": {"storage": "swift", "storage_path": "/reg", **swift.options()}}))
    arguments = ["--quiet", "--config", str(config), "--flavor", "test"]
    done = CliRunner().invoke(command, arguments)
    assert (done.exit_code, "nothing found" in done.output) == (0, True), done.output
    swift.hidden = ("/_manifests/",)
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2
    assert "nothing found" not in done.stdout
    seen = f"{len(swift.names()) - 3} of {len(swift.names())} objects"
    assert (
        f"what is above is not all: not all files were seen: the listing of container box ends after {seen}"
        in (done.stdout.splitlines()[-1])
    )
    assert "what was told is not all" in done.stderr
    done = CliRunner().invoke(command, [*arguments, "--json"])
    assert done.exit_code == 2
    assert seen in json.loads(done.stdout.splitlines()[-1])["summary"]["unseen"]
