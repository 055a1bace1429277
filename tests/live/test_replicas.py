"""Everything is in Swift: a registry may be killed, and any other goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import skopeo_pull, skopeo_push
from tests.live.images import MIB, Layout, busybox_layer, file_layer
from tests.live.ours import Ours, write_config
from tests.live.wire import Client, digest_of
from tests.peers import need


@pytest.fixture
def pair(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[tuple[Ours, Ours]]:
    """Two registries on one container, which share nothing else."""
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    one, two = (Ours(folder, write_config(folder, swift, container)) for folder in folders)
    with one, two:
        yield one, two


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    need("skopeo", "busybox")
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [busybox_layer(), file_layer("large", 33 * MIB)])
    return layout


def pulls(url: str, layout: Layout, folder: Path) -> bool:
    skopeo_pull(url, "app:1.0", folder)
    pulled = Layout(folder)
    return pulled.digests() == layout.digests() and all(
        pulled.read(item) == layout.read(item) for item in pulled.digests()
    )


def test_a_killed_registry_starts_again(swift: EmbeddedSwift, container: str, layout: Layout, tmp_path: Path) -> None:
    config = write_config(tmp_path, swift, container)
    with Ours(tmp_path, config) as registry:
        skopeo_push(layout.reference("1.0"), registry.url, "app:1.0")
        registry.kill()
    with Ours(tmp_path, config) as again:
        assert pulls(again.url, layout, tmp_path / "pulled")


def test_what_is_pushed_to_one_is_pulled_from_the_other_at_once(
    pair: tuple[Ours, Ours], layout: Layout, tmp_path: Path
) -> None:
    one, two = pair
    with Client(two.url) as client:
        assert client.tags("app") == []  # whatever the other remembers of this must not last
        assert client.ask("GET", "/v2/app/manifests/1.0").status_code == 404
    skopeo_push(layout.reference("1.0"), one.url, "app:1.0")
    assert pulls(two.url, layout, tmp_path / "pulled")


def test_a_tag_that_moves_moves_for_both(pair: tuple[Ours, Ours]) -> None:
    one, two = pair
    with Client(one.url) as first, Client(two.url) as second:
        for client, other, content in ((first, second, b"a"), (second, first, b"b"), (first, second, b"c")):
            pushed = client.push_image("app", "latest", [content])
            assert other.manifest("app", "latest") == pushed


@pytest.mark.parametrize("size", [10, 33 * MIB])
@pytest.mark.parametrize("kills", [False, True])
def test_an_upload_goes_on_at_the_other(pair: tuple[Ours, Ours], size: int, kills: bool) -> None:
    one, two = pair
    data = file_layer("upload", size).data
    half = len(data) // 2
    with Client(one.url) as first, Client(two.url) as second:
        location = first.patch(first.start_upload("app"), data[:half])
        if kills:
            one.kill()
        location = second.patch(two.url + target(location), data[half:])
        status = second.ask("GET", location)
        assert (status.status_code, status.headers["Range"]) == (204, f"0-{len(data) - 1}")
        digest = digest_of(data)
        closed = second.ask("PUT", location, params={"digest": digest})
        assert closed.status_code == 201, closed.text
        assert second.blob("app", digest) == data


def target(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}"
