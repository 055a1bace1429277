"""skopeo: copies both ways, inspects, lists, deletes; every byte is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live import images
from tests.live.clients import host, run, skopeo_pull, skopeo_push
from tests.live.images import MIB, Layout, busybox_layer, file_layer
from tests.live.ours import Ours
from tests.live.wire import DOCKER_MANIFEST, Client
from tests.peers import need

SEGMENT = 32 * MIB  # the driver's default


@pytest.fixture(autouse=True)
def _skopeo() -> None:
    need("skopeo", "busybox")


def same_files(left: Layout, right: Layout) -> bool:
    return left.digests() == right.digests() and all(left.read(item) == right.read(item) for item in left.digests())


def test_an_image_comes_back_byte_for_byte(registry: Ours, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "pushed")
    layers = [busybox_layer(), file_layer("large", SEGMENT + 5), file_layer("small", 1), file_layer("empty", 0)]
    pushed = layout.add_image("1.0", layers)

    skopeo_push(layout.reference("1.0"), registry.url, "skopeo/whole:1.0")
    with Client(registry.url) as client:
        assert client.pull("skopeo/whole", "1.0") == layout.digests()
        assert client.pull("skopeo/whole", pushed["digest"]) == layout.digests()
    skopeo_pull(registry.url, "skopeo/whole:1.0", tmp_path / "pulled")
    assert same_files(layout, Layout(tmp_path / "pulled"))


def test_a_layer_of_more_than_200_mib(registry: Ours, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "pushed")
    layout.add_image("1.0", [busybox_layer(), file_layer("huge", 201 * MIB)])
    skopeo_push(layout.reference("1.0"), registry.url, "skopeo/huge:1.0")
    skopeo_pull(registry.url, "skopeo/huge:1.0", tmp_path / "pulled")
    assert same_files(layout, Layout(tmp_path / "pulled"))


def test_docker_s_own_format(registry: Ours, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "pushed")
    pushed = layout.add_image("1.0", [busybox_layer(), file_layer("a", MIB)])
    skopeo_push(layout.reference("1.0"), registry.url, "skopeo/v2s2:1.0", "--format", "v2s2")
    with Client(registry.url) as client:
        manifest = json.loads(client.manifest("skopeo/v2s2", "1.0"))
        client.pull("skopeo/v2s2", "1.0")
    assert manifest["mediaType"] == DOCKER_MANIFEST
    layers = json.loads(layout.read(pushed["digest"]))["layers"]
    assert [layer["digest"] for layer in manifest["layers"]] == [layer["digest"] for layer in layers]

    skopeo_pull(registry.url, "skopeo/v2s2:1.0", tmp_path / "pulled", "--format", "oci")
    assert {layer["digest"] for layer in layers} <= Layout(tmp_path / "pulled").digests()


def test_several_architectures(registry: Ours, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "pushed")
    shared = busybox_layer()
    by_architecture = {
        name: layout.add_image(None, [shared, file_layer(name, 1000)], name) for name in ("amd64", "arm64", "s390x")
    }
    layout.add_index("1.0", by_architecture)
    skopeo_push(layout.reference("1.0"), registry.url, "skopeo/multi:1.0", "--all", "--preserve-digests")
    with Client(registry.url) as client:
        assert client.pull("skopeo/multi", "1.0") == layout.digests()
    skopeo_pull(registry.url, "skopeo/multi:1.0", tmp_path / "pulled", "--all")
    assert same_files(layout, Layout(tmp_path / "pulled"))

    skopeo_pull(registry.url, "skopeo/multi:1.0", tmp_path / "one", "--override-arch", "arm64")
    assert Layout(tmp_path / "one").tagged("pulled")["digest"] == by_architecture["arm64"]["digest"]


def test_inspect_list_and_delete(registry: Ours, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "pushed")
    digests = {tag: layout.add_image(tag, [file_layer(tag, 10)])["digest"] for tag in ("1.0", "1.0-rc", "latest")}
    for tag in digests:
        skopeo_push(layout.reference(tag), registry.url, f"skopeo/tags:{tag}")
    name = f"docker://{host(registry.url)}/skopeo/tags"

    inspected = json.loads(run("skopeo", "inspect", "--tls-verify=false", f"{name}:1.0"))
    assert inspected["Digest"] == digests["1.0"]
    assert json.loads(run("skopeo", "list-tags", "--tls-verify=false", name))["Tags"] == sorted(digests)

    run("skopeo", "delete", "--tls-verify=false", f"{name}:1.0")
    with Client(registry.url) as client:
        assert client.ask("GET", f"/v2/skopeo/tags/manifests/{digests['1.0']}").status_code == 404
        assert client.tags("skopeo/tags") == ["1.0-rc", "latest"]


def test_from_registry_to_registry(registry: Ours, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "pushed")
    layout.add_image("1.0", [busybox_layer(), file_layer("b", MIB)])
    skopeo_push(layout.reference("1.0"), registry.url, "skopeo/from:1.0")
    source = f"docker://{host(registry.url)}/skopeo/from:1.0"
    skopeo_push(source, registry.url, "skopeo/to/deep/er:2.0", "--src-tls-verify=false")
    with Client(registry.url) as client:
        assert client.pull("skopeo/to/deep/er", "2.0") == layout.digests()


def test_the_images_of_these_tests_repeat(tmp_path: Path) -> None:
    first, second = (Layout(tmp_path / name).add_image("1", [file_layer("a", 9)]) for name in ("a", "b"))
    assert first == second
    assert first["mediaType"] == images.MANIFEST
