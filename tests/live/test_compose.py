"""The three registries of deploy/compose, as processes, behind a real HAProxy with the file that is there."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import host, skopeo_pull, skopeo_push
from tests.live.images import Layout, file_layer
from tests.live.nginx import free_address, wait_until_it_listens
from tests.live.ours import Ours
from tests.peers import need

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"


def replaced(name: str, places: dict[str, str]) -> str:
    """A file of deploy/compose with free addresses; each of its own must be in it."""
    text = (FOLDER / name).read_text()
    for written, meant in places.items():
        assert written in text, written
        text = text.replace(written, meant)
    return text


@pytest.fixture
def front(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[tuple[str, list[Ours]]]:
    """The address of HAProxy, and the registries behind it."""
    config = tmp_path / "registry.yml"
    places = {
        "http://127.0.0.1:8080/auth/v1.0": swift.auth_url,
        "swift_container: registry": f"swift_container: {container}",
    }
    config.write_text(replaced("registry.yml", places))
    with contextlib.ExitStack() as stack:
        folders = [tmp_path / str(number) for number in range(3)]
        for folder in folders:
            folder.mkdir()
        registries = [stack.enter_context(Ours(folder, config)) for folder in folders]
        address, file, log = free_address(), tmp_path / "haproxy.cfg", tmp_path / "haproxy.log"
        backends = {f"127.0.0.1:{5001 + number}": host(ours.url) for number, ours in enumerate(registries)}
        file.write_text(replaced("haproxy.cfg", {"bind :5000": f"bind {address}", **backends}))
        with log.open("wb") as output:
            process = subprocess.Popen([need("haproxy"), "-db", "-f", str(file)], stdout=output, stderr=output)
        try:
            wait_until_it_listens(process, address, log)
            yield f"http://{address}", registries
        finally:
            process.terminate()
            process.wait()


def test_images_go_in_and_out_whichever_replica_answers(front: tuple[str, list[Ours]], tmp_path: Path) -> None:
    need("skopeo", "haproxy")
    url, registries = front
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer(name, 1 << 20) for name in "abcd"])
    skopeo_push(layout.reference("1.0"), url, "team/app:1.0")
    assert sum('"POST /v2/' in ours.log or '"PATCH /v2/' in ours.log for ours in registries) > 1
    registries[0].kill()
    # What was on its way to the one that was killed may be answered with 502.
    skopeo_pull(url, "team/app:1.0", tmp_path / "pulled", "--retry-times=3")
