"""docs/quickstart.md, typed as it stands in an empty folder: only ports differ, and the image that is not fetched."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.live.images import Layout, file_layer
from tests.live.nginx import free_address
from tests.peers import PATH, need, need_module

PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
PATIENCE = 150.0  # s
PORTS = ("8080", "8000", "9090", "5000", "5001", "5002", "5003", "5101", "5102", "5103")


def adapted(text: str, image: str) -> str:
    for port in PORTS:
        free = free_address().rpartition(":")[2]
        text = re.sub(rf"(127\.0\.0\.1:|--port |0\.0\.1\", |grep ){port}\b", rf"\g<1>{free}", text)
    return text.replace("docker://docker.io/library/alpine:3.20", image).replace(
        "scrape_interval: 5s", "scrape_interval: 1s"
    )


def test_each_command_works(tmp_path: Path) -> None:
    need("bash", "curl", "haproxy", "htpasswd", "prometheus", "promtool", "skopeo")
    need_module("swift")
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer("a", 1 << 20)])
    folder = tmp_path / "empty"
    folder.mkdir()
    page = adapted(PAGE.read_text(), layout.reference("1.0"))
    for name, content in re.findall(r"(?ms)^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)^```", page):
        (folder / name).write_text(content)
    commands = "".join(re.findall(r"(?ms)^```sh\n(.*?)^```", page))
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{PATH}"}
    script = ["bash", "-euxo", "pipefail", "-c", commands]
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(script, cwd=folder, env=environ, stdout=said, stderr=said, start_new_session=True)
        try:
            status = child.wait(PATIENCE)
        finally:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait()
    told = "\n".join(path.read_text(errors="replace") for path in (folder / "said", *sorted(folder.glob("*.log"))))
    assert status == 0, told
    assert "alice push team/alpine 3.20" in (folder / "events.log").read_text()
    assert '"3.20"' in told
