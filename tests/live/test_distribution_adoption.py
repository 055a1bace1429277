"""What Distribution 2.8 wrote, we serve; what we wrote, it serves, and collects no garbage of it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.adoption import MIB, both, driver_of
from tests.live.clients import skopeo_pull, skopeo_push
from tests.live.distribution2 import Distribution2, storage
from tests.live.images import Layout, file_layer
from tests.live.wire import Client, digest_of, image, index
from tests.peers import need

DEEP = "a/b-c/d.e/f__g/h0"


def some(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


LAYERS = [some("one", 3 * MIB + 7), some("two", MIB), some("three", 100), b""]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"prefix": "registry", "chunksize": MIB},
        {"prefix": "/an odd+prefix/of/ü", "chunksize": 3 * MIB // 2},
        {"prefix": "trailing/", "chunksize": MIB},
    ],
    ids=["plain", "prefix", "odd", "trailing"],
)
def test_each_serves_what_the_other_pushed(
    swift: EmbeddedSwift, container: str, tmp_path: Path, parameters: dict[str, object]
) -> None:
    with both(swift, container, tmp_path, **parameters) as (theirs, ours, distribution):
        # Distribution cannot push a blob of no bytes; we can, and it serves it.
        for here, there, name, layers in ((theirs, ours, DEEP, LAYERS[:3]), (ours, theirs, "ours/app", LAYERS)):
            body = here.push_image(name, "v1", layers, config=name.encode())
            children = [here.push_image(name, f"arch{number}", [layer]) for number, layer in enumerate(layers[-2:])]
            here.push_manifest(name, "multi", index(children))
            expected = {digest_of(data) for data in (body, name.encode(), *layers)}
            assert here.pull(name, "v1") == there.pull(name, "v1") == expected
            assert there.pull(name, digest_of(body)) == expected
            assert here.pull(name, "multi") == there.pull(name, "multi")
            assert here.manifest(name, "v1") == there.manifest(name, "v1") == body
            assert here.tags(name) == there.tags(name)
        assert theirs.repositories() == ours.repositories() == sorted([DEEP, "ours/app"])
        # Back on Distribution alone.
        output = distribution.garbage_collect("--dry-run")
        assert " 0 blobs and 0 manifests eligible for deletion" in output
        assert theirs.pull("ours/app", "multi")


def test_200_mib_in_many_segments(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    data = {"theirs": some("a", 200 * MIB), "ours": some("b", 200 * MIB)}
    with both(swift, container, tmp_path, chunksize=2 * MIB) as (theirs, ours, distribution):
        body = theirs.push_image("big", "theirs", [data["theirs"]])
        assert ours.pull("big", "theirs") == {digest_of(body), digest_of(data["theirs"]), digest_of(b"{}")}
        part = ours.ask(
            "GET", f"/v2/big/blobs/{digest_of(data['theirs'])}", headers={"Range": f"bytes={2 * MIB - 5}-{4 * MIB + 4}"}
        )
        assert part.content == data["theirs"][2 * MIB - 5 : 4 * MIB + 5]
        body = ours.push_image("big", "ours", [data["ours"]])
        assert theirs.pull("big", "ours") == {digest_of(body), digest_of(data["ours"]), digest_of(b"{}")}
        assert len(driver_of(distribution).parts(_blob(data["ours"])) or ()) >= 100


def test_skopeo_moves_a_multi_arch_image_through_both(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    need("skopeo", "docker-registry")
    source = Layout(tmp_path / "image")
    shared = file_layer("shared", MIB + 5)
    images = {
        architecture: source.add_image(None, [shared, file_layer(architecture, 100)], architecture)
        for architecture in ("amd64", "arm64")
    }
    source.add_index("v1", images)
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        skopeo_push(source.reference("v1"), theirs.url, "from/layout:v1", "--all")
        skopeo_pull(ours.url, "from/layout:v1", tmp_path / "first", "--all")
        skopeo_push(f"oci:{tmp_path / 'first'}:pulled", ours.url, "through/ours:v1", "--all")
        skopeo_pull(theirs.url, "through/ours:v1", tmp_path / "last", "--all")
        assert Layout(tmp_path / "last").digests() == source.digests()
        assert " 0 blobs and 0 manifests eligible for deletion" in distribution.garbage_collect("--dry-run")


def test_a_layer_that_both_pushed_is_stored_once(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    layer = LAYERS[0]
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        theirs.push_image("one", "v1", [layer])
        before = [part.name for part in driver_of(distribution).parts(_blob(layer)) or ()]
        ours.push_image("two", "v1", [layer])
        assert [part.name for part in driver_of(distribution).parts(_blob(layer)) or ()] == before
        assert len(before) == len(list(driver_of(distribution).walk_parts())) - 1  # and the config of theirs
        theirs.push_image("two", "v2", [layer])
        for client in (theirs, ours):
            assert client.pull("one", "v1")
            assert client.pull("two", "v1")
            assert client.pull("two", "v2")
        mounted = ours.ask("POST", f"/v2/three/blobs/uploads/?mount={digest_of(layer)}&from=one")
        assert mounted.status_code == 201
        assert theirs.blob("three", digest_of(layer)) == layer


def test_an_upload_in_progress_is_left_alone_and_not_served(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    data = some("halves", 3 * MIB)
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, _):
        location = theirs.patch(theirs.start_upload("app"), data[: 2 * MIB])
        assert ours.ask("GET", f"/v2/app/blobs/{digest_of(data[: 2 * MIB])}").status_code == 404
        assert ours.tags("app") == []
        own = ours.patch(ours.start_upload("app"), data[: 2 * MIB])
        location = theirs.patch(location, data[2 * MIB :])
        theirs._do("PUT", f"{location}&digest={digest_of(data)}")
        assert ours.blob("app", digest_of(data)) == data
        ours._do("PUT", f"{own}&digest={digest_of(data[: 2 * MIB])}")
        assert theirs.blob("app", digest_of(data[: 2 * MIB])) == data[: 2 * MIB]


def test_what_one_deletes_is_gone_for_the_other(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        for client in (theirs, ours):
            body = client.push_image("app", "mine", LAYERS[:1])
            kept = client.push_image("app", "kept", LAYERS[:1], config=b"another")
        theirs.delete_manifest("app", digest_of(body))
        assert theirs.tags("app") == ["kept"]
        assert ours.tags("app") == ["kept"]
        assert ours.ask("GET", "/v2/app/manifests/mine").status_code == 404
        ours.delete_manifest("app", digest_of(kept))
        assert theirs.tags("app") == ours.tags("app") == []
        assert theirs.ask("GET", "/v2/app/manifests/kept").status_code == 404
        distribution.garbage_collect()


def test_a_link_whose_blob_was_collected_is_an_absent_blob(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    need("docker-registry")
    layer = LAYERS[0]
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        body = theirs.push_image("app", "v1", [layer])
        theirs.delete_manifest("app", digest_of(body))
        distribution.garbage_collect()
        driver = driver_of(distribution)
        assert driver.exists(f"files/docker/registry/v2/repositories/app/_layers/{_pair(layer)}/link")
        assert not list(driver.walk_parts())
        for method in ("HEAD", "GET"):
            assert ours.ask(method, f"/v2/app/blobs/{digest_of(layer)}").status_code == 404
        refused = ours.ask(
            "PUT", "/v2/app/manifests/v2", data=image([layer]), headers={"Content-Type": json.loads(body)["mediaType"]}
        )
        assert refused.status_code in (400, 404)
        mounted = ours.ask("POST", f"/v2/other/blobs/uploads/?mount={digest_of(layer)}&from=app")
        assert mounted.status_code == 202
        assert ours.push_image("app", "v1", [layer]) == body
        assert theirs.pull("app", "v1")


def test_their_segments_go_with_what_we_remove(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    need("docker-registry")
    with Distribution2(tmp_path, storage(swift, container, chunksize=MIB)) as it, Client(it.url) as theirs:
        theirs.push_blob("app", LAYERS[0])
        theirs.push_blob("app", LAYERS[1])
        driver = driver_of(it)
        other = [part.name for part in driver.parts(_blob(LAYERS[1])) or ()]
        driver.remove(_blob(LAYERS[0]))
        assert [entry.path for entry in driver.walk_parts()] == other


def _pair(data: bytes) -> str:
    return digest_of(data).replace(":", "/")


def _blob(data: bytes) -> str:
    code = digest_of(data).partition(":")[2]
    return f"files/docker/registry/v2/blobs/sha256/{code[:2]}/{code}/data"
