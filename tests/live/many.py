"""More names than a page of a listing has: what must be true of them on every server."""

from __future__ import annotations

from collections.abc import Iterable

from docker_registry.core.driver import Base
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.parallel import each
from docker_registry.settings import Settings
from tests.conformance import pattern, read
from tests.live.adoption import MIB, in_process
from tests.live.ceph import Ceph
from tests.live.raw import Raw
from tests.maintenance.planting import ANY_AGE, Plant, fsck
from tests.maintenance.test_cut_listings import Bytes, last
from tests.maintenance.test_places import THEIRS

__all__ = ["are_listed_and_go", "keep_their_segments"]

ANY = {"grace": ANY_AGE, "upload_age": ANY_AGE}


def keep_their_segments(where: EmbeddedSwift | Ceph, container: str, driver: Base, number: int) -> None:
    """The blobs that have segments come behind the first page: a walk that ended there took these for waste.

    The driver's root is /reg, its segments have a MiB.
    """
    blobs = {Digest.of(b"%d" % i): b"%d" % i for i in range(number)}
    put_all(driver, [(layout.blob_data(digest), content) for digest, content in blobs.items()])
    put_all(driver, [link(layout.layer_link("app", digest), digest) for digest in blobs])
    ours, theirs = last(pattern(3 * MIB)), last(pattern(2 * MIB, 1))
    for content in (ours, theirs):
        Plant(driver).link(layout.layer_link("app", Digest.of(content)), Digest.of(content))
    with driver.stage() as stage:
        stage.fill(Bytes(ours))
        stage.commit(layout.blob_data(Digest.of(ours)), immutable=True)
    raw, folder = Raw(where, container), f"reg/segments/{THEIRS[:3]}/{THEIRS[3:]}"
    for number, start in enumerate(range(0, len(theirs), MIB), 1):
        raw.ask("PUT", f"{folder}/{number:016d}", data=theirs[start : start + MIB])
    raw.dynamic(f"reg/{layout.blob_data(Digest.of(theirs))}", folder)
    with driver.stage() as stage:
        stage.fill(Bytes(b"x" * 2 * MIB))
        stage.keep()

    findings = fsck(driver, repair=True, drop_damaged=True, **ANY)
    assert [(finding.kind, finding.done) for finding in findings] == [(Kind.ORPHANED_SEGMENTS, "removed 2 segments")]
    for content in (ours, theirs):
        assert read(driver, layout.blob_data(Digest.of(content))) == content
    assert fsck(driver, deep=True) == []


def are_listed_and_go(driver: Base, settings: Settings, number: int) -> None:
    """So many tags of one manifest and so many repositories: lists are whole, and what is deleted goes whole."""
    with in_process(settings) as client:
        manifest = Digest.of(client.push_image("app", "first", [b"layer"]))
        tags = [f"v{i:04d}" for i in range(number)]
        put_all(driver, [link(layout.tag_index_link("app", tag, manifest), manifest) for tag in tags])
        put_all(driver, [link(layout.tag_current("app", tag), manifest) for tag in tags])
        names = [f"team{i % 7}/app{i:04d}" for i in range(number)]
        put_all(driver, [link(layout.layer_link(name, manifest), manifest) for name in names])
        assert client.tags("app") == ["first", *tags]
        assert set(driver.list_prefixes(layout.REPOSITORIES, "/_")) == {"app", *names}
        while client.ask("DELETE", f"/v2/app/manifests/{manifest}").status_code == 503:
            pass  # it takes longer than a client is kept waiting, and goes on where it was
        assert client.ask("GET", f"/v2/app/manifests/{tags[-1]}").status_code == 404
    assert list(driver.list_prefixes(layout.tags("app"))) == []
    driver.remove(layout.REPOSITORIES)
    assert list(driver.walk(layout.REPOSITORIES)) == []


def put_all(driver: Base, files: Iterable[tuple[str, bytes]]) -> None:
    for _, error in each(lambda file: driver.overwrite(*file), files, 16):
        if error is not None:
            raise error


def link(path: str, digest: Digest) -> tuple[str, bytes]:
    return path, str(digest).encode()
