"""Small questions in great numbers: manifests by tag and by digest, and whether something is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from ..content import MANIFEST, image
from ..hammer import hammer
from ..measure import Goal, Row, metered
from ..plan import KIB, Plan
from ..rig import DISTRIBUTION, OURS, Rig
from ..targets import Target, Wire
from . import targets

__all__ = ["small"]

_TAGS = 16

_GOALS = {
    ("get-tag", 16): [Goal(OURS, 3.0, DISTRIBUTION)],
    ("get-digest", 16): [Goal(OURS, 10.0, DISTRIBUTION)],
}


class _Question(NamedTuple):
    """`title` begins with the method; `folder` is where a registry has the names, Swift has them all in one."""

    id: str
    title: str
    folder: str
    names: list[str]


def small(rig: Rig, plan: Plan) -> Iterator[Row]:
    yield from _rows(rig, plan, plan.few_rounds, far=False)
    yield from _rows(rig, plan, 1, far=True)


def _rows(rig: Rig, plan: Plan, rounds: int, far: bool) -> Iterator[Row]:
    end, where = ("-far", f", {rig.delay * 1000:.0f} ms per Swift request") if far else ("", "")
    asked = image(10, KIB)
    tags = [f"tag-{number}" for number in range(_TAGS)]
    questions = [
        _Question("get-tag", "GET manifests/<tag>, each connection another tag", "manifests/", tags),
        _Question("get-same-tag", "GET manifests/<tag>, all of them one tag", "manifests/", tags[:1]),
        _Question("get-digest", "GET manifests/<digest>", "manifests/", [asked.manifest.digest]),
        _Question("head-manifest", "HEAD manifests/<tag>, each connection another tag", "manifests/", tags),
        _Question("head-blob", "HEAD blobs/<digest>", "blobs/", [asked.blobs[0].digest]),
    ]
    missing = Row("", "")
    found = targets(rig, missing, delayed=far)
    for target in found.values():
        by_digest = [asked.manifest.digest] if isinstance(target, Wire) else []
        target.push_image(asked, *tags, *by_digest)
    for question in questions:
        for connections in plan.connections:
            title = f"{question.title}; {connections} connection{'s' * (connections > 1)}{where}"
            row = Row(f"{question.id}-{connections}{end}", title, "1/s", more_is_better=True, cells=dict(missing.cells))
            row.goals = [] if far else _GOALS.get((question.id, connections), [])
            for _ in range(rounds):
                for target in found.values():
                    _measure(rig, row, target, question, connections, plan.seconds)
            yield row


def _measure(rig: Rig, row: Row, target: Target, question: _Question, connections: int, seconds: float) -> None:
    parts = urlsplit(target.base)
    headers = {"Host": parts.netloc, "Accept": MANIFEST, **target.headers}
    fields = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    method = question.title.split()[0]
    folder = parts.path if isinstance(target, Wire) else parts.path + question.folder
    requests = [f"{method} {folder}{name} HTTP/1.1\r\n{fields}\r\n".encode() for name in question.names]
    address = (parts.hostname or "", parts.port or 80)
    hammer(address, requests, len(requests), 0.0)  # what is cold gets warm
    cell = row.cell(target.name)
    with metered(rig, cell, target.process):
        pace = hammer(address, requests, connections, seconds)
    answers = len(pace.times)
    cell.values.append(pace.per_second)
    for spent in (cell.requests, cell.cpu, cell.swift_cpu, cell.client_cpu):
        if spent:
            spent[-1] /= answers
    cell.p50.append(pace.percentile(0.50))
    cell.p99.append(pace.percentile(0.99))
