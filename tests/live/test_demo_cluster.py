"""`demo --cluster`: everything at once, some of it killed, and the end of all of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from docker_registry.commands import demo_cluster
from docker_registry.core.exceptions import ConfigError
from tests.live.wire import digest_of
from tests.peers import need, need_module
from tests.reliability.customers import Repeating
from tests.reliability.fleet import documented

DEADLINE = 120.0  # s
COMMAND = [sys.executable, "-m", "docker_registry.cli", "demo", "--cluster", "--port", "0", "--data"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo, and the screen it shows."""
    need("haproxy", "rsync")
    need_module("swift")
    command = [*COMMAND, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout
            screen = ""
            while "Ctrl-C stops" not in screen:
                line = process.stdout.readline()
                assert line, screen
                screen += line
            yield process, screen
        finally:
            process.terminate()


def test_images_survive_what_the_screen_says_to_type(demo: tuple[subprocess.Popen[str], str]) -> None:
    process, screen = demo
    everything = psutil.Process(process.pid).children(recursive=True)
    url = re.search(r"(http://\S+)/v2/ ", screen)
    groups = re.findall(r"kill -KILL -- -(\d+)", screen)
    assert url, screen
    assert len(groups) == 2, screen
    client = Repeating(url[1])
    for group in groups:
        client.push_blob("app", group.encode(), patches=True)
        os.killpg(int(group), signal.SIGKILL)
        assert client.blob("app", digest_of(group.encode())) == group.encode()
        client.push_blob("app", b"after " + group.encode(), patches=True)
    client.close()
    process.send_signal(signal.SIGINT)
    assert process.stdout
    rest = process.stdout.read()
    assert process.wait(DEADLINE) == 0, rest
    assert "Traceback" not in rest
    assert not psutil.wait_procs(everything, DEADLINE)[1]


def test_a_missing_haproxy_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(
        ConfigError, match=r"^demo --cluster needs haproxy, which is not installed: apt install haproxy$"
    ):
        demo_cluster.run(tmp_path, 0)


def test_its_configuration_is_the_documented_one() -> None:
    def shape(text: str) -> list[str]:
        """Without addresses, comments and repeated servers."""
        lines = [re.sub(r" (bind|server) .*", r" \1", line) for line in text.splitlines()]
        lines = [line for line in lines if line.strip() and "#" not in line]
        return [line for line, before in zip(lines, ["", *lines], strict=False) if line != before]

    demo = demo_cluster.configuration(1, [2, 3, 4], 5, ["http://127.0.0.1:6", "http://127.0.0.1:7"])
    assert shape(demo) == shape(documented("Several registries"))
