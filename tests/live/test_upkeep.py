"""docs/upkeep.md: the commands that save and restore a container, as they stand, and how many objects an image is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docker_registry.config import load
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from tests.live.adoption import in_process
from tests.live.ours import write_config
from tests.live.raw import Raw
from tests.live.wire import Client, digest_of
from tests.peers import PATH

PAGE = (Path(__file__).parents[2] / "docs" / "upkeep.md").read_text()
LARGE = os.urandom(3 << 20)  # three segments


SAVE, RESTORE = re.findall(r"(?ms)^```sh\n(.*?)^```", PAGE)
AT = "at=registry/files/docker/registry/v2"
AT_THE_ROOT = "at=files/docker/registry/v2"


class Typed:
    """What the page has, typed by somebody whose container has another name."""

    def __init__(self, swift: EmbeddedSwift, folder: Path):
        self._folder = folder
        self._environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{PATH}"}
        self._environ |= {"ST_AUTH": swift.auth_url, "ST_USER": swift.user, "ST_KEY": swift.password}

    def __call__(self, commands: str, container: str, status: int = 0) -> str:
        adapted = re.sub(r"(swift (?:download|upload|delete)) registry", rf"\1 {container}", commands)
        done = subprocess.run(
            ["sh", "-eu", "-c", adapted], cwd=self._folder, env=self._environ, capture_output=True, text=True
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


def test_what_was_saved_is_served_again(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    typed = Typed(swift, tmp_path)
    config = registry_on(swift, container, tmp_path)
    with in_process(load(str(config)).settings) as client:
        client.push_image("team/app", "1.0", [b"small", LARGE])
        client.push_image("team/app", "2.0", [b"small", b"other"])
        everything = pulled(client)
    looked_at = typed("docker-registry-swift fsck --config config.yml --quiet", container)
    *_, repository, blobs = typed(SAVE, container).split()
    assert (repository, f" {blobs} blobs " in looked_at) == ("team", True)
    config = registry_on(swift, f"{container}-new", tmp_path)
    typed(RESTORE, f"{container}-new")
    with in_process(load(str(config)).settings) as client:
        assert pulled(client) == everything


def test_another_prefix_is_noticed(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with in_process(load(str(registry_on(swift, container, tmp_path, "/"))).settings) as client:
        client.push_image("team/app", "1.0", [b"small"])
    typed = Typed(swift, tmp_path)
    typed(SAVE, container, status=2)
    assert f"`{AT_THE_ROOT}`" in PAGE
    assert typed(SAVE.replace(AT, AT_THE_ROOT), container).split()[-2:] == ["team", "3"]


@pytest.mark.parametrize("mend", ["upload", "delete"])
def test_what_came_back_damaged_is_mended(swift: EmbeddedSwift, container: str, tmp_path: Path, mend: str) -> None:
    typed = Typed(swift, tmp_path)
    settings = load(str(registry_on(swift, container, tmp_path))).settings
    fsck = "docker-registry-swift fsck --config config.yml --quiet"
    digest = Digest.of(b"small")
    path = layout.blob_data(digest)
    asked = f"v2/team/app/blobs/{digest}"
    with in_process(settings) as client:
        client.push_image("team/app", "1.0", [b"small"])
        typed(SAVE, container)
        Raw(swift, container).ask("PUT", f"registry/{path}", data=b"smal")
        said = typed(f"{fsck} --drop-damaged", container, status=1)
        assert f"damage wrong-size: {path}" in said
        assert "left: younger than 7 days" in said
        assert "with --grace 2 from" in said
        assert client.ask("HEAD", asked).status_code == 200  # so a client that pushes it sends nothing
    (command,) = re.findall(rf"`(swift {mend} registry \$at/blobs/)sha256/[^`]*/data`", PAGE)
    typed(f"{AT}; cd backup; {command}{path.partition('/blobs/')[2]}", container)
    with in_process(settings) as client:
        if mend == "delete":
            assert client.ask("HEAD", asked).status_code == 404
            client.push_image("team/app", "1.0", [b"small"])
        typed(fsck, container)
        assert digest_of(b"small") in client.pull("team/app", "1.0")


def registry_on(swift: EmbeddedSwift, container: str, folder: Path, root: str = "/registry") -> Path:
    path = write_config(folder, swift, container)
    own = f'"storage": "swift", "storage_path": "{root}", "swift_segment_size": "1M"'
    path.write_text(path.read_text().replace('"storage": "swift"', own))
    return path


def pulled(client: Client) -> dict[str, set[str]]:
    return {tag: client.pull("team/app", tag) for tag in client.tags("team/app")}


def test_how_many_objects_an_image_is(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    assert "An image of L layers is 2L + 6 objects" in PAGE
    with in_process(load(str(write_config(tmp_path, swift, container))).settings) as client:
        client.push_image("app", "1", [b"a", b"b", b"c"])
        assert len(Raw(swift, container).names("files/")) == 2 * 3 + 6
        client.push_image("app", "2", [b"a", b"b", b"c"])
        assert len(Raw(swift, container).names("files/")) == 2 * 3 + 6 + 2
