"""fsck, gc and retention tell programs of what they did in lines of one shape."""

from __future__ import annotations

import io
import json
from typing import Any

from docker_registry.maintenance.fsck.findings import Finding, Kind
from docker_registry.maintenance.fsck.findings import Summary as Found
from docker_registry.maintenance.fsck.report import JsonReport as Fsck
from docker_registry.maintenance.gc.garbage import Item
from docker_registry.maintenance.gc.outcome import Outcome as Collected
from docker_registry.maintenance.gc.outcome import Removal
from docker_registry.maintenance.gc.report import JsonReport as Gc
from docker_registry.maintenance.json_lines import FORMAT
from docker_registry.maintenance.retention.job import Outcome, Summary
from docker_registry.maintenance.retention.report import JsonReport as Retention

ITEM = Item("a/data", "sha256:0", "app", 5)
FIRST = ["finding", "finding", "file", "file", "file", "tag", "tag", "tag"]


def lines() -> list[dict[str, Any]]:
    out = io.StringIO()
    fsck, gc = Fsck(out, "here"), Gc(out, "here")
    fsck.tell(Finding(Kind.EMPTY_BLOB, "x", "no bytes", done="removed"))
    fsck.tell(Finding(Kind.EMPTY_BLOB, "x", "no bytes", left="too young"))
    gc.would(ITEM)
    gc.tell(Removal(ITEM, True, ""))
    gc.tell(Removal(ITEM, False, "it is used again"))
    for dry_run, outcome in (
        (True, Outcome("app", "1", "rule 1", False, "", "here")),
        (False, Outcome("app", "1", "rule 1", True, "", "here")),
        (False, Outcome("app", "1", "rule 1", False, "it is immutable", "here")),
    ):
        Retention(out, dry_run).tell(outcome)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_what_it_is_about_what_was_done_and_where() -> None:
    found = lines()
    assert [next(iter(line)) for line in found] == FIRST
    assert [(line["done"], line["left"]) for line in found] == [
        ("removed", ""),
        ("", "too young"),
        ("", "a dry run"),
        ("removed", ""),
        ("", "it is used again"),
        ("", "a dry run"),
        ("removed", ""),
        ("", "it is immutable"),
    ]
    assert {line["container"] for line in found} == {"here"}
    assert {line["file"] for line in found if "file" in line} == {"a/data"}


def test_the_last_line_is_the_summary() -> None:
    out = io.StringIO()
    Fsck(out).end(Found(), ())
    Gc(out).end(Collected(), dry_run=True)
    Retention(out, dry_run=True).end(Summary())
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [list(line) for line in told] == [["summary", "format"]] * 3
    assert {line["format"] for line in told} == {FORMAT}
