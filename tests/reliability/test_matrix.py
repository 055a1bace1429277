"""Faults between the registry and Swift, each at each request of each operation: a sample, or all of them.

`make reliability` runs all, and prints the figures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift

from . import matrix
from .place import Place
from .scale import SEED, WHOLE

SAMPLE = int(os.environ.get("RELIABILITY_CELLS", "100"))
PLACES = 8


@pytest.fixture
def places(own_swift: EmbeddedSwift, tmp_path: Path) -> Iterator[list[Place]]:
    with matrix.places(own_swift, PLACES, tmp_path, "matrix") as every:
        yield every


def test_no_fault_costs_a_byte(own_swift: EmbeddedSwift, places: list[Place]) -> None:
    cells = matrix.plan(matrix.traces(places[0]))
    report = matrix.run(places, cells if WHOLE else matrix.sample(cells, SAMPLE, SEED))
    print(f"matrix, {'whole' if WHOLE else f'a sample of {len(cells)} by seed {SEED}'}: {report}")
    assert not report.wrong, "\n".join(report.wrong)
    assert report.run == report.planned
    # A machine that is too slow for the time-outs, and only that, lets an operation end before its fault.
    assert len(report.missed) <= report.run // 20, "\n".join(report.missed)
    for place in places:
        assert matrix.damage(own_swift, place.container.name) == []
