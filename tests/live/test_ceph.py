"""A real Ceph RADOS gateway as the Swift: the driver's suite, long lists, fsck, Distribution 2.8 beside us, skopeo."""

from __future__ import annotations

import dataclasses
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from docker_registry.core.driver import Base
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.http.client import Client as Swift
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.check.check import look_at_storage
from docker_registry.maintenance.check.lines import Level
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.gc.outcome import Stage
from docker_registry.settings import Expire, Settings, open_driver
from tests import conformance
from tests.conformance import pattern, read, together
from tests.drivers.test_real_swift import Real
from tests.live import many
from tests.live.adoption import MIB, both, driver_of, in_process
from tests.live.ceph import Ceph
from tests.live.clients import host, run, skopeo_pull, skopeo_push
from tests.live.collecting import Collecting, has
from tests.live.images import Layout, file_layer
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.wire import Client, digest_of
from tests.maintenance.planting import ANY_AGE, fsck
from tests.maintenance.test_cut_listings import Bytes
from tests.peers import need

ANY = {"grace": ANY_AGE, "upload_age": ANY_AGE}
INSECURE = ("--quiet", "--src-tls-verify=false", "--dest-tls-verify=false")
MANY = 1210  # more than a page of this gateway has


@pytest.fixture(scope="module")
def ceph() -> Iterator[Ceph]:
    with tempfile.TemporaryDirectory(prefix="ceph-") as folder, Ceph(Path(folder)) as running:
        yield running


class Gateway(Real):
    """With pages as the gateway gives them."""

    def driver(self, root: str) -> Base:
        storage: Base = Storage(path=root, config=self._options)
        return storage


@pytest.fixture(scope="module")
def shared() -> list[Gateway]:
    """Containers that earlier tests have left as they found them."""
    return []


class TestDriver(conformance.Suite):
    # Each takes some 15 s, since this gateway is slow to write and to delete.
    @pytest.mark.parametrize("seed", [0])
    def test_any_set_of_names(self, driver: Base, subject: Gateway, seed: int) -> None:
        super().test_any_set_of_names(driver, subject, seed)

    @pytest.fixture
    def subject(self, ceph: Ceph, shared: list[Gateway]) -> Iterator[Gateway]:
        real = shared.pop() if shared else Gateway(ceph.options())
        yield real
        if real.is_clean():
            shared.append(real)


@pytest.fixture
def options(ceph: Ceph, container: str) -> dict[str, Any]:
    return ceph.options(swift_container=container, swift_segment_size=MIB)


@pytest.fixture
def driver(options: dict[str, Any]) -> Base:
    storage: Base = Storage("/reg", options)
    return storage


@pytest.fixture
def settings(options: dict[str, Any]) -> Settings:
    return Settings(storage_path="/reg", driver=type(Settings().driver)(options), link_ttl=0)


def test_live_segments_survive_fsck(ceph: Ceph, container: str, driver: Base) -> None:
    many.keep_their_segments(ceph, container, driver, MANY)


def test_long_lists_are_whole_and_go_whole(driver: Base, settings: Settings) -> None:
    many.are_listed_and_go(driver, settings, MANY)


def test_a_tag_expires_unless_it_is_pushed_again(settings: Settings) -> None:
    with in_process(dataclasses.replace(settings, expire=(Expire(("**",), ("soon", "renewed"), 3.0),))) as client:
        for tag in ("soon", "renewed", "other"):
            client.push_image("app", tag, [b"layer"])
        deadline = time.monotonic() + 60
        while client.ask("GET", "/v2/app/manifests/soon").status_code == 200:
            client.push_image("app", "renewed", [b"layer"])
            assert time.monotonic() < deadline
        assert client.tags("app") == ["other", "renewed"]


def test_pushes_of_one_blob_at_once_leave_what_is_live(driver: Base) -> None:
    content = pattern(3 * MIB)

    def push() -> None:
        with driver.stage() as stage:
            stage.fill(Bytes(content))
            stage.commit("blob", immutable=True)

    together(*[push] * 4)
    assert read(driver, "blob") == content
    push()
    assert {part.name for part in driver.parts("blob") or ()} <= {entry.path for entry in driver.walk_parts()}
    driver.remove("blob")
    assert not driver.exists("blob")


def test_more_than_1000_segments(options: dict[str, Any]) -> None:
    driver = Storage("/reg", {**options, "swift_segment_size": 100})
    content = pattern(1003 * 100)
    driver.stream_write("f", Bytes(content))
    assert read(driver, "f") == content
    assert len(driver.parts("f") or ()) == 1 + 1000
    driver.remove("f")
    assert list(driver.walk_parts()) == []


def test_segments_are_found_without_their_list(ceph: Ceph, container: str, driver: Base) -> None:
    content = pattern(3 * MIB)
    driver.stream_write("f", Bytes(content))
    listed, *segments = driver.parts("f") or ()
    Raw(ceph, container).ask("DELETE", f"reg/segments/{listed.name}")
    assert driver.parts("f") == segments
    driver.remove("f")
    assert list(driver.walk_parts()) == []


def test_a_key_of_the_account_signs_urls(ceph: Ceph, container: str, driver: Base) -> None:
    driver.put_content("a b", b"content")
    raw = Raw(ceph, container)
    raw.ask("POST", headers={"X-Container-Meta-Temp-URL-Key": "of the container"})
    assert driver.content_redirect_url("a b") is None
    answer = requests.post(
        ceph.storage_url, headers={**raw.token, "X-Account-Meta-Temp-URL-Key": "of the account"}, timeout=60
    )
    answer.raise_for_status()
    url = Storage("/reg", ceph.options(swift_container=container)).content_redirect_url("a b")
    with urllib.request.urlopen(url, timeout=60) as found:
        assert found.read() == b"content"


def test_check_says_what_it_lacks(ceph: Ceph, container: str, settings: Settings) -> None:
    Raw(ceph, container).ask("PUT")
    found = {line.subject: line for line in look_at_storage(settings, open_driver(settings))}
    assert all(line.level is not Level.ERROR for line in found.values())
    assert "Ceph's gateway" in found["/info"].text
    assert "does not keep them" in found["conditions"].text
    assert "does not give them back" in found["large objects"].text
    assert found["compare and delete"].text == "ignored; never used"
    assert Raw(ceph, container).names() == []


def test_distribution_beside_us(ceph: Ceph, container: str, tmp_path: Path) -> None:
    layers = [pattern(3 * MIB + 7), b"small"]
    with both(ceph, container, tmp_path, chunksize=MIB) as clients:
        clients.theirs.push_image("theirs", "v1", layers)
        clients.ours.push_image("ours", "v1", layers[::-1])
        for name in ("theirs", "ours"):
            assert clients.ours.pull(name, "v1") == clients.theirs.pull(name, "v1") >= set(map(digest_of, layers))


def test_distributions_garbage_collection(ceph: Ceph, container: str, tmp_path: Path) -> None:
    """It takes what nobody uses, and leaves the segments of ours, which fsck removes."""
    kept, gone = [pattern(3 * MIB + 7), b"small"], [pattern(3 * MIB, 5), b"unused"]
    with both(ceph, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        theirs.push_image("a", "kept", kept)
        ours.push_image("b", "kept", kept)
        for client, name in ((ours, "a"), (theirs, "b")):
            client.delete_manifest(name, digest_of(client.push_image(name, "gone", gone)))
        distribution.garbage_collect()
        for name in ("a", "b"):
            assert ours.pull(name, "kept") == theirs.pull(name, "kept")
        driver = driver_of(distribution)
        assert not any(driver.exists(layout.blob_data(Digest.of(content))) for content in gone)
        found = {finding.kind for finding in fsck(driver, repair=True, **ANY)}
        assert found == {Kind.DANGLING_LINK, Kind.ORPHANED_SEGMENTS}
        for name in ("a", "b"):
            assert len(theirs.pull(name, "kept")) == 4


def test_garbage_collection_beside_pushes_and_an_undo(ceph: Ceph, container: str) -> None:
    """Conditions are ignored here, and not used: the protocol needs PUT, HEAD and DELETE by name."""
    old, gone, used, large, live = b"old", b"gone", b"used again", pattern(3 * MIB), b"live"
    options = ceph.options(swift_container=container, swift_segment_size=MIB)
    collecting = Collecting(options, expire=(Expire(("**",), ("soon",), 3.0),))
    driver, worker = collecting.driver, collecting.worker()
    worker.push("app", "live", [live])
    worker.delete("app", worker.push("app", "old", [old, gone, large, used]))
    undone = worker.push("app", "undone", [b"undone"])
    worker.delete("app", undone)
    expired = worker.push("app", "soon", [b"expired"])
    collecting.wait_until_old()
    assert collecting.gc(untagged=lambda _: 0.0).stage is Stage.ANNOUNCED
    worker.push("app", "again", [used])
    worker.restore("app", "back", undone)
    collecting.until(Stage.FINISHED, untagged=lambda _: 0.0)
    for content, there in ((old, False), (gone, False), (large, False), (used, True), (b"undone", True)):
        assert has(driver.stat, content) is there
    worker.push("app", "once-more", [old])
    for tag, content in (("live", live), ("again", used), ("back", b"undone"), ("once-more", old)):
        assert collecting.worker().pulls("app", tag, [content])
    assert not driver.exists(layout.revision_link("app", expired))
    found = [finding for finding in fsck(driver, repair=True, grace=ANY_AGE) if finding.kind is Kind.ORPHANED_SEGMENTS]
    assert sum(finding.size for finding in found) >= len(large)  # and the list of them


def test_skopeo(ceph: Ceph, settings: Settings, tmp_path: Path) -> None:
    need("skopeo")
    pushed = Layout(tmp_path / "pushed")
    pushed.add_image("v1", [file_layer("large", 5 * MIB), file_layer("small", 1)])
    with in_process(settings) as client:
        skopeo_push(pushed.reference("v1"), client.url, "app:v1")
        skopeo_pull(client.url, "app:v1", tmp_path / "pulled")
    assert Layout(tmp_path / "pulled").digests() == pushed.digests()


def test_an_image_over_three_containers_of_two_swifts(
    ceph: Ceph, swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    """One registry, one catalogue: the default container and one more on OpenStack Swift, the third here."""
    need("skopeo")
    entries = {
        "more": {"repositories": ["more/**"], "swift_container": f"{container}-more"},
        "ceph": {"repositories": ["ceph/**"], **ceph.options(swift_container=container, swift_segment_size=MIB)},
    }
    config = write_config(tmp_path, swift, container, containers=entries)
    pushed = Layout(tmp_path / "pushed")
    pushed.add_image("v1", [file_layer("large", 3 * MIB), file_layer("small", 1)])
    names = ["app", "ceph/app", "more/app"]
    with Ours(tmp_path, config) as registry, Client(registry.url) as client:
        for name in names:
            skopeo_push(pushed.reference("v1"), registry.url, f"{name}:v1")
            pulled = tmp_path / name.replace("/", "-")
            skopeo_pull(registry.url, f"{name}:v1", pulled)
            assert Layout(pulled).digests() == pushed.digests()
        # From one to the other within the registry, where a mount is tried first.
        run(
            "skopeo", "copy", *INSECURE, *(f"docker://{host(registry.url)}/{name}:v1" for name in ("app", "ceph/again"))
        )
        assert client.repositories() == ["app", "ceph/again", "ceph/app", "more/app"]
    for where, name, folder in (
        (swift, container, "app"),
        (swift, f"{container}-more", "more"),
        (ceph, container, "ceph"),
    ):
        links = [each for each in Raw(where, name).names() if f"{layout.REPOSITORIES}/" in each]
        assert links
        assert all(f"{layout.REPOSITORIES}/{folder}/" in each for each in links)


@pytest.mark.parametrize(
    ("which", "files", "images"),
    [
        ("swift", ["P", "HP", "PPPP", "GH", "DH", "GG"], {"push": 28, "pull": 25, "tags": 1, "catalog": 1}),
        ("ceph", ["HP", "HH", "HHPPPPP", "GH", "DDH", "GGGH"], {"push": 39, "pull": 25, "tags": 2, "catalog": 2}),
    ],
)
def test_what_it_costs(
    which: str,
    files: list[str],
    images: dict[str, int],
    container: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As docs/ceph.md says, on both real ones; `/info` and tokens are left out, and the habits are known by then."""
    options = request.getfixturevalue(which).options(swift_container=container, swift_segment_size=MIB)
    sent: list[str] = []
    once = Swift._once

    def counted(self: Swift, access: Any, asked: Any) -> Any:
        sent.extend([] if asked.label == "/info" else [asked.verb[0]])
        return once(self, access, asked)

    monkeypatch.setattr(Swift, "_once", counted)

    def cost(call: Callable[[], object]) -> str:
        sent.clear()
        call()
        return "".join(sorted(sent))

    driver, content = Storage("/", options), pattern(2 * MIB + 5)
    driver.put_content("there", b"x")
    driver.stream_write("known", Bytes(content))
    driver.parts("known")
    driver.remove("known")

    def push() -> None:
        with driver.stage() as stage:
            stage.fill(Bytes(content))
            stage.commit("large", immutable=True)

    put = partial(driver.put_content, "new", b"x")
    calls = [put, put, push, lambda: driver.parts("large"), lambda: driver.remove("large")]
    found = [cost(call) for call in calls]
    push()
    assert [*found, cost(lambda: list(driver.walk()))] == files
    driver.remove("large")
    layers = [b"layer %d" % number for number in range(10)]
    settings = Settings(driver=type(Settings().driver)(options))
    with in_process(settings) as client:
        pushed = len(cost(lambda: client.push_image("app", "v1", layers)))
    with in_process(settings) as client:  # another replica, which knows nothing yet
        pulled = len(cost(lambda: client.pull("app", "v1")))
        lists = [len(cost(call)) for call in (lambda: client.tags("app"), client.repositories)]
    assert {"push": pushed, "pull": pulled, "tags": lists[0], "catalog": lists[1]} == images
