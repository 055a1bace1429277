"""Faults between the registry and Swift, each at each request of each operation: a sample, or all of them.

`make reliability` runs all, and prints the figures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.peers import need_module

from . import matrix
from .place import Place

WHOLE = os.environ.get("RELIABILITY") == "whole"
SEED = int(os.environ.get("RELIABILITY_SEED", "14"))
SAMPLE = int(os.environ.get("RELIABILITY_CELLS", "100"))  # cells
PLACES = 8


@pytest.fixture
def swift(tmp_path: Path) -> Iterator[EmbeddedSwift]:
    need_module("swift")
    with EmbeddedSwift(tmp_path / "swift", fsync=False, object_server=True) as running:
        yield running


@pytest.fixture
def places(swift: EmbeddedSwift, tmp_path: Path) -> Iterator[list[Place]]:
    with matrix.places(swift, PLACES, tmp_path, "matrix") as every:
        yield every


def test_no_fault_costs_a_byte(swift: EmbeddedSwift, places: list[Place]) -> None:
    cells = matrix.plan(matrix.traces(places[0]))
    report = matrix.run(places, cells if WHOLE else matrix.sample(cells, SAMPLE, SEED))
    print(f"matrix, {'whole' if WHOLE else f'a sample of {len(cells)} by seed {SEED}'}: {report}")
    assert not report.wrong, "\n".join(report.wrong)
    assert report.run == report.planned
    assert not report.missed, "\n".join(report.missed)
    assert matrix.damage(swift, places) == []
