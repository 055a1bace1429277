"""docs/upkeep.md: the commands that save and restore a container, as they stand, and how many objects an image is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from docker_registry.config import load
from docker_registry.embedded import EmbeddedSwift
from tests.live.adoption import in_process
from tests.live.ours import write_config
from tests.live.raw import Raw
from tests.live.wire import Client
from tests.peers import PATH

PAGE = (Path(__file__).parents[2] / "docs" / "upkeep.md").read_text()
LARGE = os.urandom(3 << 20)  # three segments


def test_what_was_saved_is_served_again(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    save, restore = re.findall(r"(?ms)^```sh\n(.*?)^```", PAGE)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{PATH}"}
    environ |= {"ST_AUTH": swift.auth_url, "ST_USER": swift.user, "ST_KEY": swift.password}

    def typed(commands: str, where: str) -> None:
        adapted = re.sub(r"(swift (?:download|upload)) registry", rf"\1 {where}", commands)
        done = subprocess.run(["sh", "-eux", "-c", adapted], cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    with in_process(load(str(registry_on(swift, container, tmp_path))).settings) as client:
        client.push_image("team/app", "1.0", [b"small", LARGE])
        client.push_image("team/app", "2.0", [b"small", b"other"])
        everything = pulled(client)
    typed(save, container)
    config = registry_on(swift, f"{container}-new", tmp_path)
    typed(restore, f"{container}-new")
    with in_process(load(str(config)).settings) as client:
        assert pulled(client) == everything


def registry_on(swift: EmbeddedSwift, container: str, folder: Path) -> Path:
    path = write_config(folder, swift, container)
    own = '"storage": "swift", "storage_path": "/registry", "swift_segment_size": "1M"'
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
