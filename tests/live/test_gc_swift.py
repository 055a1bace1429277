"""`gc` on a real Swift, with periods of seconds: blobs of many segments, ages by Swift's clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from docker_registry.commands import gc as command
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.options import DAY
from tests.live.collecting import TERMS, Collecting, has, until
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.maintenance.planting import fsck

GRACE = str(TERMS.grace / DAY)
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
    collecting = Collecting(swift.options(swift_container=container, swift_segment_size=1 << 20))
    driver, worker = collecting.driver, collecting.worker()
    worker.push("app", "live", [LIVE])
    worker.delete("app", worker.push("app", "old", IMAGE))

    until(lambda: "(in no repository): 1 file," in gc(config, "--dry-run")[1])  # what was written last is old enough
    status, said = gc(config)
    assert (status, "run gc again from" in said) == (0, True), said
    assert f"app: 8 files, {sum(map(len, IMAGE))} bytes announced" in said
    assert stage(config) == "waiting for the grace period"
    worker.push("app", "again", [USED])
    until(lambda: stage(config) == "finished")
    worker.push("app", "once-more", [OLD])  # at once: no door is closed any more
    for content, there in ((GONE, False), (LARGE, False), (OLD, True), (USED, True), (LIVE, True)):
        assert has(driver.stat, content) is there
    for tag, content in (("again", USED), ("once-more", OLD), ("live", LIVE)):
        assert collecting.worker().pulls("app", tag, [content])
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
    Collecting(swift.options(swift_container=container)).worker().push("app", "a", [OLD])
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


def test_a_registry_calls_it_by_itself(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    Collecting(swift.options(swift_container=container)).worker().push("app", "live", [LIVE])
    with Ours(tmp_path, write_config(tmp_path, swift, container, gc={"every": "1s"})) as ours:
        ours.wait_for("gc: nothing to collect")
