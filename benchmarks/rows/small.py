"""Small questions in great numbers: manifests by tag and by digest, and whether something is there."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ..content import MANIFEST, image
from ..hammer import hammer
from ..measure import Goal, Row, metered
from ..plan import KIB, Plan
from ..rig import DISTRIBUTION, OURS, Rig
from ..targets import Target, Wire
from . import CONTAINERS, targets

__all__ = ["small"]

_GOALS = {
    ("get-tag", 16): [Goal(OURS, 3.0, DISTRIBUTION)],
    ("get-digest", 16): [Goal(OURS, 10.0, DISTRIBUTION)],
}


def small(rig: Rig, plan: Plan) -> Iterator[Row]:
    yield from _rows(rig, plan, plan.few_rounds, far=False)
    yield from _rows(rig, plan, 1, far=True)


def _rows(rig: Rig, plan: Plan, rounds: int, far: bool) -> Iterator[Row]:
    end, where = ("-far", f", {rig.delay * 1000:.0f} ms per Swift request") if far else ("", "")
    asked = image(10, KIB)
    blob = asked.blobs[0].digest
    questions = {
        "get-tag": ("GET", "manifests/latest", "latest"),
        "get-digest": ("GET", f"manifests/{asked.manifest.digest}", "latest"),
        "head-manifest": ("HEAD", "manifests/latest", "latest"),
        "head-blob": ("HEAD", f"blobs/{blob}", blob),
    }
    setup = Row("", "")
    found = targets(rig, setup, delayed=far)
    for target in found.values():
        target.push_image(asked, "latest")
    for key, (method, path, name) in questions.items():
        for connections in plan.connections:
            title = f"{method} {path.replace('latest', '<tag>').split('sha256:')[0]}{'<digest>' * ('sha256:' in path)}"
            row = Row(
                f"{key}-{connections}{end}",
                f"{title}, {connections} connection{'s' * (connections > 1)}{where}",
                "1/s",
                True,
            )
            row.cells = {name: cell for name, cell in setup.cells.items() if cell.note}
            row.goals = [] if far else _GOALS.get((key, connections), [])
            for _ in range(rounds):
                for target in found.values():
                    _measure(
                        rig, row, target, method, name if isinstance(target, Wire) else path, connections, plan.seconds
                    )
            yield row
    rig.empty(*CONTAINERS)


def _measure(rig: Rig, row: Row, target: Target, method: str, path: str, connections: int, seconds: float) -> None:
    parts = urlsplit(target.base)
    headers = {"Host": parts.netloc, "Accept": MANIFEST, **target.headers}
    lines = [f"{method} {parts.path}{path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
    request = "\r\n".join(lines).encode()
    address = (parts.hostname or "", parts.port or 80)
    hammer(address, request, 1, 0.0)  # what is cold gets warm
    cell = row.cell(target.name)
    with metered(rig, cell, target.process):
        pace = hammer(address, request, connections, seconds)
    answers = len(pace.times)
    cell.values.append(pace.per_second)
    for spent in (cell.requests, cell.cpu, cell.swift_cpu, cell.client_cpu):
        if spent:
            spent[-1] /= answers
    cell.p50.append(pace.percentile(0.50))
    cell.p99.append(pace.percentile(0.99))
