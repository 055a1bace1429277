"""`gc` on a real Swift, with periods of seconds: blobs of many segments, ages by Swift's clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from docker_registry.commands import gc as command
from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.collection import Terms
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage.vetoes import Vetoes
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.settings import Settings
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.settings import driver_config
from tests.maintenance.gc.world import manifest
from tests.maintenance.planting import fsck

TERMS = Terms(copy=0.0, veto=2.0, session=4.0, lag=0.0, late=1.0, sweep=4.0, door=15.0, lease=60.0)
GRACE = "0.00007"  # days: 6 s
OLD, GONE, USED, LARGE, LIVE = b"old", b"gone", b"used again", b"large" * 400_000, b"live"
IMAGE = [OLD, GONE, USED, LARGE]


@pytest.fixture
def config(swift: EmbeddedSwift, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "TERMS", TERMS)
    return write_config(tmp_path, swift, container)


def gc(config: Path, *options: str) -> tuple[int, str]:
    """Exit status and what was printed."""
    done = CliRunner().invoke(command.gc, ["--config", str(config), "--grace", GRACE, "--quiet", *options])
    return done.exit_code, done.output


def stage(config: Path) -> str:
    """What a call of the command came to."""
    status, output = gc(config, "--json")
    assert status in (0, 1), output
    return str(json.loads(output.splitlines()[-1])["summary"]["stage"])


def test_the_command_removes_beside_pushes(swift: EmbeddedSwift, container: str, config: Path) -> None:
    settings = Settings(secret=b"secret")
    driver = Storage("/", driver_config(swift, swift_container=container, swift_segment_size=1 << 20))
    client = registry(driver, settings)
    push(client, "live", [LIVE])
    push(client, "old", IMAGE)
    assert client.delete(f"/v2/app/manifests/{Digest.of(manifest(IMAGE))}").status_code == 202

    until(lambda: "(in no repository): 1 files" in gc(config, "--dry-run")[1])  # what was written last is old enough
    status, said = gc(config)
    assert (status, "run gc again from" in said) == (0, True), said
    assert f"app: 8 files, {sum(map(len, IMAGE))} bytes announced" in said
    assert stage(config) == "waiting for the grace period"
    push(client, "again", [USED])
    until(lambda: stage(config) == "finished")
    push(client, "once-more", [OLD])  # at once: no door is closed any more
    for content, there in ((GONE, False), (LARGE, False), (OLD, True), (USED, True), (LIVE, True)):
        assert has(driver.stat, content) is there
    for tag, content in (("again", USED), ("once-more", OLD), ("live", LIVE)):
        fresh = Client(Registry(driver, settings))
        assert fresh.get(f"/v2/app/manifests/{tag}").status_code == 200
        assert fresh.get(f"/v2/app/blobs/{Digest.of(content)}").data == content
    # The segments of what went are a later run's, or fsck's.
    found = [finding for finding in fsck(driver, repair=True, grace=-1.0) if finding.kind is Kind.ORPHANED_SEGMENTS]
    assert sum(finding.size for finding in found) == len(LARGE)
    assert all(finding.done for finding in found)


def test_options_that_would_not_be_safe(config: Path) -> None:
    runner = CliRunner()
    for options, why in (
        (["--grace", "0"], "--grace 0: must be more than"),
        (["--older-than", "3"], "--older-than is for --untagged"),
    ):
        done = runner.invoke(command.gc, ["--config", str(config), *options])
        assert (done.exit_code, why in done.output) == (2, True), done.output


def test_in_the_wrong_place_nothing_is_written(swift: EmbeddedSwift, container: str, config: Path) -> None:
    raw = Raw(swift, container)
    raw.ask("PUT")
    status, said = gc(config)
    assert (status, "no registry's files are here" in said) == (3, True), said
    assert raw.names() == []


def test_only_an_outage_lets_the_next_call_go_on(swift: EmbeddedSwift, container: str, config: Path) -> None:
    push(
        registry(Storage("/", driver_config(swift, swift_container=container)), Settings(secret=b"secret")), "a", [OLD]
    )
    Raw(swift, container).ask("POST", headers={"X-Container-Meta-Quota-Bytes": "1"})
    status, said = gc(config)
    assert (status, "raise the quota for the run" in said, "goes on" in said) == (2, True, False), said
    options = json.loads(config.read_text())
    for change, why in (
        ({"swift_password": "wrong"}, "could not run"),
        ({"swift_authurl": "http://127.0.0.1:9/auth/v1.0"}, "gave up; the next call goes on"),
    ):
        config.write_text(json.dumps({"test": {**options["test"], **change}}))
        status, said = gc(config)
        assert (status, why in said) == (2, True), said


def registry(driver: Storage, settings: Settings) -> Client:
    registry = Registry(driver, settings)
    store = registry.context.containers.default.store
    store.vetoes = Vetoes(driver, store.cache, TERMS)
    return Client(registry)


def push(client: Client, tag: str, layers: list[bytes]) -> None:
    """A session of seconds may be too short on a busy machine: then the answer is 503, and a client comes again."""
    for content in (*layers, b"{}"):
        url = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}"
        until(partial(accepted, client.post, url, data=content))
    kind = "application/vnd.oci.image.manifest.v1+json"
    until(partial(accepted, client.put, f"/v2/app/manifests/{tag}", data=manifest(layers), content_type=kind))


def accepted(method: Callable[..., Any], url: str, **more: Any) -> bool:
    status = method(url, **more).status_code
    assert status in (201, 503)
    return bool(status == 201)


def has(stat: Callable[[str], object], content: bytes) -> bool:
    try:
        stat(layout.blob_data(Digest.of(content)))
    except FileNotFoundError:
        return False
    return True


def until(is_so: Callable[[], bool], patience: float = 90.0) -> None:
    """The periods are real seconds of the storage's clock."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_registry_calls_it_by_itself(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    driver = Storage("/", driver_config(swift, swift_container=container))
    push(registry(driver, Settings(secret=b"secret")), "live", [LIVE])
    with Ours(tmp_path, write_config(tmp_path, swift, container, gc={"every": "1s"})) as ours:
        ours.wait_for("gc: nothing to collect")
