"""The driver without a registry around it, against curl: what a host such as docker-registry gets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from ..content import Source
from ..driver import WARM_UP
from ..measure import Cell, Goal, Row, metered, turn
from ..plan import MIB, Plan
from ..rig import OURS, WIRE, Rig

__all__ = ["alone"]

_CONTAINER = "driver"
_PATIENCE = 120.0  # seconds for one of its calls


def alone(rig: Rig, plan: Plan) -> Iterator[Row]:
    source = Source(rig.files / "file", plan.layer)
    wire = {WIRE: rig.wire()}
    rig.make(_CONTAINER)
    put = Row("driver-put", f"the driver alone: stream_write of {plan.layer // MIB} MiB", gib=plan.layer / 2**30)
    get = Row("driver-get", f"the driver alone: stream_read of {plan.layer // MIB} MiB", gib=plan.layer / 2**30)
    for _ in range(plan.rounds):
        source.fresh()
        turn(rig, put, wire, lambda target: target.push_file(source))
        _driver(rig, put.cell(OURS), "write", str(source.path), source.size)
        turn(rig, get, wire, lambda target: target.pull_file(source))
        _driver(rig, get.cell(OURS), "read", "-", source.size)
        rig.empty(WIRE, _CONTAINER)
    yield from (put, get, _long(rig, plan))


def _long(rig: Rig, plan: Plan) -> Row:
    row = Row("driver-memory", f"the driver alone: peak memory of a stream_write of {plan.stream // MIB} MiB", "MB")
    row.goals = [Goal(OURS, 300)]
    row.gib = plan.stream / 2**30
    cell = row.cell(OURS)
    _driver(rig, cell, "stream", "-", plan.stream)
    cell.values = [bytes_ / 1e6 for bytes_ in cell.peak]
    rig.empty(_CONTAINER)
    return row


def _driver(rig: Rig, cell: Cell, verb: str, path: str, size: int) -> None:
    options = json.dumps(rig.swift.options(swift_container=_CONTAINER))
    argv = [sys.executable, "-m", "benchmarks.driver", verb, path, str(size)]
    with metered(rig, cell, None) as requests:
        done = subprocess.run(argv, input=options, stdout=subprocess.PIPE, text=True, check=True, timeout=_PATIENCE)
    cell.requests[-1] = sum(WARM_UP not in request.path + request.query for request in requests)
    measured = json.loads(done.stdout)
    cell.values.append(measured["seconds"])
    cell.cpu.append(measured["cpu"])
    cell.peak.append(measured["peak"])
