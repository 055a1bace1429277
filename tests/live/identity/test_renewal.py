"""A token that ends while it is in use is replaced: unnoticed by whoever reads or writes, by one login for all."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.login import identity
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.distribution.pushing import Push, blob_url, pull
from tests.live.faults import FaultProxy
from tests.live.identity.cloud import Cloud

SEGMENT = 64 * 1024
READERS = 16
PATIENCE = 200  # seconds


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that drivers of this process have been given."""
    given: list[str] = []
    log_in = identity.log_in

    def recording(settings: Any, retries: int) -> Any:
        login = log_in(settings, retries)
        given.append(login[1])
        return login

    monkeypatch.setattr(identity, "log_in", recording)
    return given


@pytest.fixture(scope="module")
def strict_v3(v3: Cloud) -> Iterator[EmbeddedSwift]:
    with v3.strict_swift() as swift:
        yield swift


@pytest.fixture(scope="module")
def strict_v2(v2: Cloud) -> Iterator[EmbeddedSwift]:
    with v2.strict_swift() as swift:
        yield swift


def options(cloud: Cloud, swift: EmbeddedSwift, container: str) -> dict[str, Any]:
    url = cloud.account.replace(cloud.swift.url, swift.url)
    return cloud.options(swift_container=container, swift_object_storage_url=url, swift_segment_size=SEGMENT)


class Feed:
    """A body of so many bytes; in its midst it calls `interrupt` once."""

    def __init__(self, size: int, interrupt: Callable[[], object]):
        self.left = size
        self._middle = size // 2
        self._interrupt: Callable[[], object] | None = interrupt

    def read(self, size: int) -> bytes:
        if self._interrupt and self.left <= self._middle:
            self._interrupt()
            self._interrupt = None
        piece = b"x" * min(size, self.left)
        self.left -= len(piece)
        return piece


def test_a_long_upload(v3: Cloud, strict_v3: EmbeddedSwift, container: str, tokens: list[str]) -> None:
    storage = Storage(path="/", config=options(v3, strict_v3, container))
    storage.put_content("warm", b"")
    v3.admin.session.get_token()
    before = v3.keystone.logins()
    size = 6 * SEGMENT
    storage.stream_write("large", Feed(size, lambda: v3.revoke(tokens[-1])))
    assert b"".join(storage.stream_read("large")) == b"x" * size
    assert len(tokens) == 2
    assert v3.keystone.logins() == before + 1


def read_in_threads(storage: Storage) -> list[bytes]:
    """Let many threads read at once."""
    results: list[bytes] = []
    gate = threading.Barrier(READERS)

    def read() -> None:
        gate.wait(PATIENCE)
        results.append(storage.get_content("file"))

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


def check_threads(cloud: Cloud, swift: EmbeddedSwift, container: str, tokens: list[str]) -> None:
    storage = Storage(path="/", config=options(cloud, swift, container))
    storage.put_content("file", b"content")
    cloud.admin.session.get_token()
    before = cloud.keystone.logins()
    cloud.revoke(tokens[-1])
    assert read_in_threads(storage) == [b"content"] * READERS
    assert cloud.keystone.logins() == before + 1


def test_many_threads(v3: Cloud, strict_v3: EmbeddedSwift, container: str, tokens: list[str]) -> None:
    check_threads(v3, strict_v3, container, tokens)


def test_many_threads_at_version_2(v2: Cloud, strict_v2: EmbeddedSwift, container: str, tokens: list[str]) -> None:
    check_threads(v2, strict_v2, container, tokens)


def test_many_greenlets(v3: Cloud, strict_v3: EmbeddedSwift, container: str) -> None:
    settings = json.dumps(options(v3, strict_v3, container))
    command = [sys.executable, str(Path(__file__).with_name("greenlets.py")), settings, str(READERS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        token = process.stdout.readline().strip()
        v3.admin.session.get_token()
        before = v3.keystone.logins()
        v3.revoke(token)
        output, _ = process.communicate("go\n", timeout=PATIENCE)
    assert output.split() == [str(READERS), "2"]
    assert v3.keystone.logins() == before + 1


def test_a_keystone_that_is_down_stops_nobody_who_has_a_token(
    v3: Cloud, strict_v3: EmbeddedSwift, container: str, tokens: list[str]
) -> None:
    with FaultProxy(v3.auth_url) as faults:
        through = {**options(v3, strict_v3, container), "swift_authurl": faults.url, "swift_retries": 1}
        storage = Storage(path="/", config=through)
        storage.put_content("file", b"content")
        client = Client(Registry(storage, Settings(secret=b"a secret of the tests")))
        Push(client).close(Digest.of(b"blob"), b"blob")
        faults.refuse()
        assert pull(client, "some/repo", Digest.of(b"blob")) == b"blob"
        v3.revoke(tokens[-1])
        for answer in (client.get(blob_url("some/repo", Digest.of(b"blob"))), client.get("/v2/_catalog")):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        faults.clear()
        assert pull(client, "some/repo", Digest.of(b"blob")) == b"blob"
    assert len(tokens) == 2


def test_tempauth_forgets_its_tokens(tmp_path: Path, container: str, tokens: list[str]) -> None:
    with EmbeddedSwift(tmp_path, fsync=False) as swift:
        port = int(swift.url.rpartition(":")[2])
        storage = Storage(path="/", config=swift.options(swift_container=container))
        storage.put_content("file", b"content")
    with EmbeddedSwift(tmp_path, port=port, fsync=False):
        assert storage.get_content("file") == b"content"
    assert len(tokens) == 2
