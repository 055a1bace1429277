"""How findings and progress are told."""

from __future__ import annotations

import io
import json
import re

import pytest

from docker_registry.maintenance.fsck.findings import Finding, Kind, Summary
from docker_registry.maintenance.fsck.images import Image
from docker_registry.maintenance.fsck.report import JsonReport, TextReport
from docker_registry.maintenance.gc.outcome import Outcome, Share, Stage, Young
from docker_registry.maintenance.gc.report import TextReport as CollectionReport
from docker_registry.maintenance.progress import Lines, for_terminal
from docker_registry.maintenance.retention import job as retention
from docker_registry.maintenance.retention.report import TextReport as RetentionReport

FINDING = Finding(
    Kind.EMPTY_BLOB, "blobs/x\n\x1b[31m", "no bytes", repository="app", digest="sha256:x", names=("x",), size=5, age=1.0
)


IMAGES = [Image("app:v1\x1b", "sha256:x has no bytes", "push it")]


def summary(*findings: Finding) -> Summary:
    total = Summary(files=3)
    for finding in findings:
        total.count(finding)
    return total


def test_text_is_one_line_a_finding_and_advice_at_the_end() -> None:
    out = io.StringIO()
    report = TextReport(out)
    report.tell(FINDING)
    report.end(summary(FINDING), IMAGES)
    lines = out.getvalue().splitlines()
    assert lines[0] == r"damage empty-blob: blobs/x\n\x1b[31m [app]: no bytes"
    assert "  empty-blob: 1, 0 repaired" in lines
    assert lines[-2].startswith("empty-blob: ")
    assert lines[-2].endswith(Kind.EMPTY_BLOB.advice + ".")
    assert lines[-1] == r"  app:v1\x1b: sha256:x has no bytes. What to do: push it."


def test_one_of_anything_has_its_singular() -> None:
    out = io.StringIO()
    looked = summary(FINDING)
    looked.repositories = looked.blobs = looked.manifests = looked.files = looked.segments = 1
    looked.bytes_hashed = looked.unpullable = 1
    TextReport(out).end(looked, IMAGES)
    removed = retention.Summary()
    removed.repositories = removed.doomed = removed.removed = removed.failed = 1
    for is_dry in (True, False):
        RetentionReport(out, is_dry).end(removed)
    collected = Outcome(Stage.FINISHED, removed=1, freed=1, vetoed=1, opaque=1, young=Young(1, 1, 1.0))
    collected.shares = {"app": Share(1, 1)}
    CollectionReport(out).end(collected, dry_run=False)
    CollectionReport(out).end(Outcome(Stage.ANNOUNCED, announced=1), dry_run=False)
    assert re.findall(r"\b1 [a-z]*[^s ]s\b", out.getvalue()) == []
    assert len(re.findall(r"\b1 [a-z]+", out.getvalue())) > 20


def test_nothing_found_is_said() -> None:
    out = io.StringIO()
    TextReport(out).end(summary(), ())
    assert "nothing found" in out.getvalue()


def test_json_is_one_object_a_line() -> None:
    out = io.StringIO()
    report = JsonReport(out)
    report.tell(FINDING)
    report.end(summary(FINDING), IMAGES)
    first, image, last = map(json.loads, out.getvalue().splitlines())
    assert image == {"image": "app:v1\x1b", "why": "sha256:x has no bytes", "advice": "push it"}
    assert (first["finding"], first["severity"], first["path"]) == ("empty-blob", "damage", FINDING.path)
    assert last["summary"]["found"] == {"empty-blob": 1}
    assert (last["summary"]["unsettled"], last["format"]) == (1, 2)


def test_what_was_mended_is_settled() -> None:
    done = Finding(Kind.EMPTY_BLOB, "x", "no bytes", done="removed")
    waste = Finding(Kind.UNLINKED_BLOB, "x", "5 bytes")
    assert summary(done, waste).unsettled == 0
    assert summary(FINDING).unsettled == 1


def test_progress_is_a_line_now_and_then() -> None:
    now = 0.0
    out = io.StringIO()
    with Lines(out, lambda: now).step("files", 30) as advance:
        for _ in range(30):
            now += 1.0
            advance()
    assert out.getvalue().splitlines() == ["files: 10 of 30", "files: 20 of 30", "files: 30 of 30", "files: 30"]


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(for_terminal(io.StringIO()), Lines)
    for total in (2, None):
        with for_terminal(Terminal()).step("files", total) as advance:
            advance()
    assert capsys.readouterr().out == ""
