"""The model of a crowd takes the costs of one pull, and counts every request of it."""

from __future__ import annotations

import pytest

from benchmarks import simulation
from benchmarks.measure import Cell, Row
from benchmarks.results import Results
from benchmarks.rig import OURS, WIRE

MIB = 2**20
NODES, LAYERS = 8, 10
REQUESTS = LAYERS + 2  # of one pull: a manifest and a config besides


@pytest.fixture
def results() -> Results:
    """A request costs the registry 1 s, Swift 3 s and the client 1 s; a MiB 1 s of the registry and 2 s of Swift."""
    image = Row(f"pull-image-{LAYERS}", "", gib=LAYERS * MIB / 2**30)
    image.cells[OURS] = Cell([1.0], cpu=[REQUESTS + LAYERS], swift_cpu=[3 * REQUESTS + 2 * LAYERS])
    image.cells[OURS].client_cpu = [REQUESTS]
    pull, direct = (Row(row, "", gib=4 * MIB / 2**30) for row in ("pull-1", "pull-1-redirect"))
    pull.cells[OURS] = Cell([1.0], cpu=[4.0])
    direct.cells[WIRE] = Cell([1.0], swift_cpu=[8.0])
    head = Row("head-blob-16", "")
    head.cells[OURS] = Cell([1.0], cpu=[0.5])
    crowds = [Row(f"crowd-{NODES}{end}", end, gib=NODES * LAYERS * MIB / 2**30) for end in ("", "-redirect")]
    for row in crowds:
        row.cells[OURS] = Cell([100.0], cpu=[1.0], swift_cpu=[2.0], client_cpu=[3.0])
    return Results({}, [image, pull, direct, head, *crowds])


def test_a_crowd_costs_the_cpu_of_its_pulls(results):
    proxied, redirected = simulation.check(results)
    assert proxied.cpu_simulated == pytest.approx(NODES * (REQUESTS * (1 + 3 + 1) + LAYERS * (1 + 2)))
    of_the_registry = 1 + (REQUESTS - 1) * 0.5
    assert redirected.cpu_simulated == pytest.approx(NODES * (of_the_registry + REQUESTS * (3 + 1) + LAYERS * 2))
    assert proxied.cpu_measured == 6.0


def test_a_crowd_cannot_be_done_before_its_cores_are(results):
    for crowd in simulation.check(results):
        assert crowd.cpu_simulated / 2 <= crowd.simulated <= crowd.cpu_simulated


def test_a_thousand_nodes_are_planned(results):
    planned = {title: everyone for title, _, everyone, _ in simulation.plan(results)}
    assert planned["1 replica, by redirect"] < planned["1 replica, proxied"]


def test_without_the_rows_that_it_needs_there_is_no_model(results):
    results.rows = [row for row in results.rows if row.id != "pull-1"]
    with pytest.raises(KeyError):
        list(simulation.check(results))
